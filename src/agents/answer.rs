//! An agent's answer, of which no more is kept than was asked for.

/// The first bytes of an answer, cut between characters.
pub(super) struct Answer {
    kept: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Answer {
    /// An empty answer that keeps at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Answer { kept: Vec::new(), limit, truncated: false }
    }

    /// Forgets what was there for `text`.
    pub(super) fn set(&mut self, text: &str) {
        self.kept.clear();
        self.truncated = false;
        self.add(text);
    }

    /// Adds `text`, as far as it fits. Nothing is added after something was left out.
    pub(super) fn add(&mut self, text: &str) {
        if self.truncated {
            return;
        }
        let mut fits = text.len().min(self.limit - self.kept.len());
        while !text.is_char_boundary(fits) {
            fits -= 1;
        }
        self.truncated = fits < text.len();
        self.kept.extend_from_slice(&text.as_bytes()[..fits]);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.kept
    }

    pub(super) fn truncated(&self) -> bool {
        self.truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_cut_between_characters_and_says_so() {
        let mut answer = Answer::new(4);
        answer.set("grü");
        assert_eq!((answer.bytes(), answer.truncated()), ("grü".as_bytes(), false));
        answer.set("gräß");
        assert_eq!((answer.bytes(), answer.truncated()), ("grä".as_bytes(), true));
        answer.add("e");
        assert_eq!(answer.bytes(), "grä".as_bytes(), "what follows a gap would be misread");
        answer.set("ok");
        assert!(!answer.truncated());
    }
}
