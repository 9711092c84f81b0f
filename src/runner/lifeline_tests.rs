//! How long is waited for what comes back.

use super::*;
use crate::redact::Secrets;

#[test]
fn a_workspace_on_its_way_back_is_waited_for_while_it_comes_and_not_for_ever() {
    let began = Instant::now();
    let at = |minutes: u64| began + Duration::from_secs(60 * minutes);
    assert!(is_coming(began, at(29), at(29)));
    assert!(!is_coming(began, at(30), at(30)), "it took too long");
    assert!(!is_coming(began, at(5), at(6)), "nothing comes any more");
}

struct Nobody;

impl Sink for Nobody {
    fn stdout(&mut self, _: &[u8]) -> Result<(), Stop> {
        Ok(())
    }
}

#[test]
fn the_word_that_all_was_sent_does_not_cut_off_what_has_not_come_yet() {
    let limits = Limits { timeout: None, idle_timeout: None, grace: Duration::ZERO };
    let ends = Ends { frame: Vec::new(), parcel: None, nonce: "n0nce", marker: None };
    let (_inside, lifeline) = io::pipe().unwrap();
    let host = Host { interrupts: Interrupts::default(), verbose: false, secrets: Secrets::default() };
    let mut watch = Watch::new(&host, ends, &limits, lifeline, Instant::now());
    for mark in ["start", "end 0 0", "returning", "returned 0"] {
        watch.hear(Heard::Err(format!("\u{1e}n0nce {mark}\u{1e}").as_bytes()), &mut Nobody);
    }
    assert_eq!(watch.observed.returned, Some(true));
    // The agent has ended long ago.
    let later = Instant::now() + Duration::from_secs(30);
    watch.keep_clock(later);
    assert!(matches!(watch.phase, Phase::Running), "the rest is still on its way");
    watch.hear(Heard::Out(b"the rest"), &mut Nobody);
    watch.hear(Heard::OutEnded, &mut Nobody);
    watch.keep_clock(later);
    assert!(matches!(watch.phase, Phase::Forced(_)), "nothing comes any more");
}
