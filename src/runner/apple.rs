//! What Apple's `container` answers in JSON, before version 1.0 and from then on. Pure.
//!
//! After its sources, 0.9 to 1.2.2: `ManagedContainer`, before that `PrintableContainer`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// Asks for all containers.
pub(super) const LIST: [&str; 4] = ["list", "--all", "--format", "json"];

/// The beginning of the time of Foundation's `Date`, 2001-01-01T00:00:00Z, in seconds of Unix.
const REFERENCE: i64 = 978_307_200;

/// A container.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    configuration: Configuration,
    status: Status,
    started_date: Option<Moment>,
}

#[derive(Clone, Debug, Deserialize)]
struct Configuration {
    /// Its name, too.
    id: String,
    image: Image,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Image {
    reference: String,
}

/// A word before 1.0, then an object that has the start as well.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Status {
    Word(String),
    Whole {
        state: String,
        #[serde(rename = "startedDate")]
        started_date: Option<Moment>,
    },
}

/// Seconds since [`REFERENCE`] before 1.0, then as RFC 3339 writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Moment {
    Text(String),
    Seconds(f64),
}

impl Moment {
    fn timestamp(&self) -> Option<Timestamp> {
        match self {
            Moment::Text(text) => text.parse().ok(),
            Moment::Seconds(seconds) => {
                let since = SignedDuration::try_from_secs_f64(*seconds).ok()?;
                Timestamp::from_second(REFERENCE).ok()?.checked_add(since).ok()
            }
        }
    }
}

impl Told {
    pub(super) fn name(&self) -> &str {
        &self.configuration.id
    }

    pub(super) fn labels(&self) -> &BTreeMap<String, String> {
        &self.configuration.labels
    }

    pub(super) fn image(&self) -> &str {
        &self.configuration.image.reference
    }

    /// `running`, `stopped`, `stopping` or `unknown`.
    pub(super) fn state(&self) -> &str {
        match &self.status {
            Status::Word(state) | Status::Whole { state, .. } => state,
        }
    }

    /// Since when it runs, where it does.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let started = match &self.status {
            Status::Word(_) => self.started_date.as_ref(),
            Status::Whole { started_date, .. } => started_date.as_ref(),
        };
        started.and_then(Moment::timestamp)
    }
}

/// The containers in the answer to `list --format json`, and to `inspect`.
pub(super) fn told(answer: &[u8]) -> Result<Vec<Told>, serde_json::Error> {
    serde_json::from_slice(answer)
}

/// Whether the image that an answer to `image inspect` is about is made for this processor, as images name it; so it is taken to be
/// where it is not told.
pub(super) fn made_for(answer: &[u8], architecture: &str) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return true };
    let Some(variants) = answer[0]["variants"].as_array() else { return true };
    variants.iter().any(|variant| variant["platform"]["architecture"] == architecture)
}

#[cfg(test)]
pub(super) mod samples {
    /// Written after the structures of 0.12, shortened to what is read and a little around it.
    pub const BEFORE_1_0: &str = r#"[
      {"status":"running","startedDate":805000000.25,"networks":[{"network":"default","hostname":"box","ipv4Address":"192.0.2.3/24"}],
       "configuration":{"id":"box","image":{"reference":"registry.test/ringfence/worker:latest","descriptor":{"size":1}},"readOnly":true,
        "labels":{"ringfence":"1","ringfence.kind":"sandbox","ringfence.workspace":"/work space"},"resources":{"cpus":2}}},
      {"status":"stopped","networks":[],"configuration":{"id":"ringfence-1","image":{"reference":"x:1"},
        "labels":{"ringfence":"1","ringfence.kind":"run","ringfence.owner.pid":"123"}}},
      {"status":"running","networks":[],"configuration":{"id":"db","image":{"reference":"y:1"}}}]"#;
    /// After those of 1.2.
    pub const FROM_1_0: &str = r#"[
      {"id":"box","status":{"state":"running","startedDate":"2026-07-06T03:06:40Z","networks":[{"network":"default"}]},
       "configuration":{"id":"box","image":{"reference":"registry.test/ringfence/worker:latest","descriptor":{"size":1}},"readOnly":true,
        "creationDate":"2026-07-06T03:06:39Z",
        "labels":{"ringfence":"1","ringfence.kind":"sandbox","ringfence.workspace":"/work space"},"resources":{"cpus":2}}},
      {"id":"ringfence-1","status":{"state":"stopped","networks":[]},"configuration":{"id":"ringfence-1","image":{"reference":"x:1"},
        "labels":{"ringfence":"1","ringfence.kind":"run","ringfence.owner.pid":"123"}}},
      {"id":"db","status":{"state":"running","networks":[]},"configuration":{"id":"db","image":{"reference":"y:1"},"labels":{}}}]"#;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_made_for_what_one_of_its_variants_is() {
        let answer = br#"[{"variants":[{"platform":{"architecture":"amd64"}},{"platform":{"architecture":"arm64"}}]}]"#;
        let known = ["amd64", "arm64", "riscv64"].map(|name| made_for(answer, name));
        assert_eq!((known, made_for(b"[]", "arm64")), ([true, true, false], true));
    }

    #[test]
    fn a_start_reads_alike_in_both_shapes() {
        let since = |answer: &str| told(answer.as_bytes()).unwrap()[0].since().unwrap().to_string();
        assert_eq!(since(samples::BEFORE_1_0), "2026-07-06T03:06:40.25Z");
        assert_eq!(since(samples::FROM_1_0), "2026-07-06T03:06:40Z");
        let stopped = told(samples::FROM_1_0.as_bytes()).unwrap().remove(1);
        assert_eq!((stopped.state(), stopped.since()), ("stopped", None));
    }
}
