//! Durations and sizes as people write them.

use std::time::Duration;

use super::values::Size;

/// The longest pause.
pub const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest limit.
pub const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The duration that `text` means: numbers with units from large to small, or a bare `0`.
/// Else why it means none, in words that follow it in a sentence, and a text that may have been meant.
pub fn duration(text: &str) -> Result<Duration, (&'static str, Option<String>)> {
    const UNITS: [(&str, f64); 5] = [("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut total = Duration::ZERO;
    while !rest.is_empty() || units.len() == UNITS.len() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()));
        let (unit, after) = after.split_at(after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len()));
        let number = decimal(number).ok_or(("is not a duration", None))?;
        if unit.is_empty() {
            return Err(("has no unit", (rest == text).then(|| format!("{text}s"))));
        }
        let Some(at) = units.iter().position(|(name, _)| *name == unit) else {
            return Err(("is not a duration: its units are d, h, m, s and ms, from large to small", None));
        };
        let part = Duration::try_from_secs_f64(number * units[at].1).ok();
        total = part.and_then(|part| total.checked_add(part)).ok_or(("is too long", None))?;
        (rest, units) = (after, &units[at + 1..]);
    }
    Ok(total)
}

/// The size that `text` means: a number with or without a binary unit. Else why it means none.
pub fn size(text: &str) -> Result<Size, &'static str> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    let number = decimal(number).ok_or("is not a size")?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err("is not a size: its units are k, m, g and t"),
    };
    let bytes = number * f64::from(1_u32 << (shift / 2)) * f64::from(1_u32 << (shift / 2));
    // 2^53: beyond it a float skips numbers, and no machine has it.
    if bytes > 9_007_199_254_740_992.0 {
        return Err("is too large");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked: from 0 to 2^53")]
    Ok(Size(bytes as u64))
}

/// Digits with at most one point between them.
fn decimal(text: &str) -> Option<f64> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let legal = match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    };
    legal.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let millis = |text: &str| duration(text).map(|d| d.as_millis());
        for (text, ms) in [
            ("30m", 1_800_000),
            ("1h30m", 5_400_000),
            ("90s", 90_000),
            ("500ms", 500),
            ("0", 0),
            ("0s", 0),
            ("1.5h", 5_400_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(millis(text), Ok(ms), "{text}");
        }
        assert_eq!(millis("30"), Err(("has no unit", Some("30s".to_owned()))));
        assert_eq!(millis("1h30"), Err(("has no unit", None)));
        for text in ["", "m", "30x", "-5m", "5m1h", "5m5m", "1 h", "1e3s", "1.s", "30M", "99999999999999999999d", "∞"]
        {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("4g", 4 << 30),
            ("512m", 512 << 20),
            ("16MiB", 16 << 20),
            ("1024", 1024),
            ("1.5GB", 3 << 29),
            ("2t", 2 << 40),
        ] {
            assert_eq!(size(text), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "g", "-1g", "4x", "4 g", "1e9", "9999999999t"] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }
}
