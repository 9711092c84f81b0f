//! Keeps control sequences in a model's text away from the terminal.

use std::fmt::Write;

/// `text` without anything that a terminal would act on, but for new lines and tabs. C0 and C1 controls and the invisible
/// characters that reorder text (Unicode's bidirectional controls) become their pictures or U+FFFD.
pub fn sanitize(text: &str) -> String {
    text.chars().map(safe).collect()
}

/// The same in one line: what begins a line of ours is never somebody else's name or word.
pub fn one_line(text: &str) -> String {
    sanitize(text).replace('\n', "\u{240a}")
}

/// JSON text with the same characters as escapes: to a program it means what it meant.
pub fn escape(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if safe(c) == c {
            escaped.push(c);
        } else {
            // All of them are in the first plane. Writing to a string does not fail.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        }
    }
    escaped
}

fn safe(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        // The "control pictures" block shows each C0 control at its own offset.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_would_act_on_survives() {
        assert_eq!(
            sanitize("a\x1b]0;title\x07b\r\x1b[2Jc\u{9b}31m\u{202e}d\te\n"),
            "a␛]0;title␇b␍␛[2Jc\u{fffd}31m\u{fffd}d\te\n"
        );
        assert_eq!(sanitize("grüße 漢字 🎉"), "grüße 漢字 🎉");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line("x\r\nerror: forged\n"), "x␍␊error: forged␊");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let json = serde_json::to_string("a\x1b\u{9b}31m\u{202e}ü\x7f").unwrap();
        let escaped = escape(&json);
        assert_eq!(escaped, r#""a\u001b\u009b31m\u202eü\u007f""#);
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), serde_json::from_str::<String>(&json).unwrap());
    }
}
