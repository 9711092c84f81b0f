//! What keys look like, whoever they belong to.

/// A kind of key: how it begins, and how many of the characters of a key follow at least.
const SHAPES: &[(&str, usize)] = &[
    ("sk-", 16),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("rk_test_", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("ya29.", 16),
    ("AKIA", 16),
    ("ASIA", 16),
    ("AIza", 30),
    ("npm_", 30),
    ("hf_", 30),
    // The beginning of `{"` in base64: a JSON web token.
    ("eyJ", 40),
];

/// What introduces a token in a header; the token follows.
const INTRODUCED: &[&str] = &["Bearer ", "bearer "];

/// Shortest token after `Bearer `, bytes.
const BEARER: usize = 12;

/// Where the keys stand that can be told by their looks, in order.
pub fn shaped(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let here = at;
            at += text[here..].chars().next().map_or(1, char::len_utf8);
            if inside_a_word(&text[..here]) {
                continue;
            }
            if let Some((from, to)) = key_at(text, here) {
                at = to;
                return Some((from, to));
            }
        }
        None
    })
}

/// Whether a word of which `before` is the beginning goes on. The letter of an escape such as JSON's `\\n` is no part of one.
fn inside_a_word(before: &str) -> bool {
    let escape = |length: usize| before.len().checked_sub(length).and_then(|at| before.get(at..));
    let short = escape(2).is_some_and(|end| end.starts_with('\\') && end.ends_with(['n', 'r', 't', 'b', 'f']));
    let long = escape(6).is_some_and(|end| end.starts_with("\\u") && end[2..].chars().all(|c| c.is_ascii_hexdigit()));
    before.ends_with(|c: char| c.is_ascii_alphanumeric()) && !short && !long
}

/// The length of the private key in PEM (RFC 7468) with which `text` begins; one without an end goes on to the end of the text.
fn private_key(text: &str) -> Option<usize> {
    const FENCE: &str = "-----";
    let (kind, body) = text.strip_prefix("-----BEGIN ")?.split_once(FENCE)?;
    if kind.len() > 40 || !kind.ends_with("PRIVATE KEY") {
        return None;
    }
    let end = body.find("-----END ").map(|at| body[at + "-----END ".len()..].split_once(FENCE));
    Some(match end {
        Some(Some((_, rest))) => text.len() - rest.len(),
        _ => text.len(),
    })
}

fn key_at(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let key = |from: usize| {
        let of_a_key = |c: char| c.is_ascii_alphanumeric() || "-_.~+/=".contains(c);
        text[from..].find(|c| !of_a_key(c)).unwrap_or(text.len() - from)
    };
    if let Some(length) = private_key(rest) {
        return Some((at, at + length));
    }
    for (start, least) in SHAPES {
        if rest.starts_with(start) && key(at + start.len()) >= *least {
            return Some((at, at + start.len() + key(at + start.len())));
        }
    }
    for start in INTRODUCED {
        if rest.starts_with(start) && key(at + start.len()) >= BEARER {
            return Some((at + start.len(), at + start.len() + key(at + start.len())));
        }
    }
    None
}
