//! The grammar of image references (`distribution/reference`): `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`.

/// Why `text` is not an image reference, in words that follow it in a sentence; none if it is one.
pub fn flaw(text: &str) -> Option<String> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    if let Some(digest) = digest.filter(|digest| !is_digest(digest)) {
        return Some(format!("has the digest {digest:?}, which is not ALGORITHM:HEX with at least 32 digits"));
    }
    let after_slash = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest[after_slash..].split_once(':') {
        Some((last, tag)) => (&rest[..after_slash + last.len()], Some(tag)),
        None => (rest, None),
    };
    if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
        return Some(format!("has the tag {tag:?}, which is not 1 to 128 letters, digits, `_`, `.` and `-`"));
    }
    let path = match name.split_once('/') {
        Some((host, path)) if is_host(host) => path,
        _ => name,
    };
    if name.len() > 255 {
        return Some("has a name of more than 255 bytes".to_owned());
    }
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Some(format!("has capitals in {path:?}, which image names cannot have"));
    }
    let part = path.split('/').find(|part| !is_path_part(part))?;
    Some(match part {
        "" => "has an empty part".to_owned(),
        part => format!("has the part {part:?}, which is not words of a-z and 0-9 joined by `.`, `_`, `__` or `-`"),
    })
}

/// A legal reference close to `text`.
pub fn nearest(text: &str) -> Option<String> {
    let lower = |text: &str| text.to_lowercase().replace(' ', "-");
    let lowered = match text.rsplit_once(':') {
        Some((name, tag)) if is_tag(tag) => format!("{}:{tag}", lower(name)),
        _ => lower(text),
    };
    flaw(&lowered).is_none().then_some(lowered)
}

/// Whether the first part of a name is a registry's host rather than a part of the path: the engine's own rule.
fn is_host(text: &str) -> bool {
    let (host, has_port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => (host, true),
        Some(_) => return false,
        None => (text, false),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (has_port || host == "localhost" || host.contains('.')) && host.split('.').all(label)
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= 128 && bytes.next().is_some_and(word) && bytes.all(|b| word(b) || b == b'.' || b == b'-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let named = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    algorithm.split(['+', '.', '_', '-']).all(named) && hex.len() >= 32 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Words of a-z and 0-9 with one `.`, one or two `_`, or any number of `-` between two of them.
fn is_path_part(part: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = part.starts_with(word) && part.ends_with(word);
    let legal = |joint: &str| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|b| b == b'-');
    inside && part.split(word).all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_references() {
        let digest = format!("alpine@sha256:{}", "0a".repeat(32));
        let legal = [
            "alpine",
            "ringfence/worker:latest",
            "localhost:5000/a/b:V1.2_x-y",
            "Registry.Example.com/team/a__b:1",
            "a-b--c/d.e_f",
            "debian:bookworm-slim",
            "localhost/x",
            &digest,
            "sha256:abc",
        ];
        for text in legal {
            assert_eq!(flaw(text), None, "{text}");
        }
    }

    #[test]
    fn illegal_references_say_why() {
        let flaws = [
            ("openTiger/worker:latest", "has capitals in \"openTiger/worker\", which image names cannot have"),
            ("", "has an empty part"),
            ("a//b", "has an empty part"),
            ("-v", "has the part \"-v\", which is not words of a-z and 0-9 joined by `.`, `_`, `__` or `-`"),
            ("a b", "has the part \"a b\", which is not words of a-z and 0-9 joined by `.`, `_`, `__` or `-`"),
            ("a:", "has the tag \"\", which is not 1 to 128 letters, digits, `_`, `.` and `-`"),
            ("a@sha256:12", "has the digest \"sha256:12\", which is not ALGORITHM:HEX with at least 32 digits"),
        ];
        for (text, why) in flaws {
            assert_eq!(flaw(text).as_deref(), Some(why), "{text}");
        }
        for text in ["a___b", "a..b", "a/b:c/d", "a_", "ünï", "a\n", "localhost:/x", "a:b:c"] {
            assert!(flaw(text).is_some(), "{text:?}");
        }
        assert!(flaw(&"a".repeat(256)).is_some());
    }

    #[test]
    fn the_nearest_legal_reference() {
        assert_eq!(nearest("openTiger/Worker:Latest").as_deref(), Some("opentiger/worker:Latest"));
        assert_eq!(nearest("a//b"), None);
    }
}
