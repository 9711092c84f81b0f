//! Readers: from a value as it was written to the value it means, or a complaint that says what is wrong and what is
//! right. Those of lists are in `lists`.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::values::{AgentName, Handover, Mode, Size, Workdir};
use super::{image as reference, mount, quantity};
use crate::failure::Class;

/// A value as it was written, with where it stood.
pub type Node<'v> = Spanned<DeValue<'v>>;

/// What reading depends on besides the value.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// What relative paths are relative to; in a file they are refused.
    pub current: Option<PathBuf>,
    /// Whether the value is a default of ours.
    pub preset: bool,
}

/// What is wrong with a value.
#[derive(Clone, Debug)]
pub struct Complaint {
    /// The offending text and what is wrong with it.
    pub problem: String,
    /// What would be right, in words.
    pub takes: String,
    /// A right value, as typed.
    pub example: String,
    /// The class of the failure in a file or a variable.
    pub class: Class,
    /// Whether the value has the wrong type, so that another reading of the same text may be right.
    pub mismatch: bool,
    /// Where in the text, when it is not all of the value.
    pub span: Option<Range<usize>>,
}

impl Complaint {
    /// A complaint about a value of the right type.
    pub fn new(problem: impl Into<String>, takes: impl Into<String>, example: impl Into<String>) -> Self {
        let (problem, takes, example) = (problem.into(), takes.into(), example.into());
        Complaint { problem, takes, example, class: Class::Config, mismatch: false, span: None }
    }
}

/// What a reader returns.
pub type Read<T> = Result<T, Complaint>;

/// The candidate closest to `text`, if it is close.
pub fn nearest<'c>(text: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let lower = text.to_lowercase();
    let distance = |candidate: &str| strsim::osa_distance(&lower, candidate);
    let (distance, candidate) = candidates.map(|candidate| (distance(candidate), candidate)).min_by_key(|(d, _)| *d)?;
    (distance <= 1 + candidate.chars().count() / 4).then_some(candidate)
}

/// The value as a person would write it, for a message.
struct Written<'n>(&'n DeValue<'n>);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DeValue::String(text) => write!(f, "{text:?} is text"),
            DeValue::Integer(number) => write!(f, "{number} is a number"),
            DeValue::Float(number) => write!(f, "{number} is a number"),
            DeValue::Boolean(on) => write!(f, "{on} is a truth value"),
            DeValue::Datetime(time) => write!(f, "{time} is a date"),
            DeValue::Array(list) => write!(f, "it is a list of {}", list.len()),
            DeValue::Table(_) => write!(f, "it is a table"),
        }
    }
}

/// A complaint about a value of the wrong type.
pub fn mismatch(node: &Node, wanted: &str, takes: &str, example: &str) -> Complaint {
    let problem = format!("{}, not {wanted}", Written(node.get_ref()));
    Complaint { mismatch: true, ..Complaint::new(problem, takes, example) }
}

/// The text of a value, without NUL: no file, variable or argument could carry that.
pub fn text<'n>(node: &'n Node<'_>, takes: &str, example: &str) -> Read<&'n str> {
    let Some(text) = node.get_ref().as_str() else { return Err(mismatch(node, "text", takes, example)) };
    if text.contains('\0') {
        return Err(Complaint::new(format!("{text:?} contains a NUL character"), takes, example));
    }
    Ok(text)
}

fn one_of<T: Copy>(node: &Node, kind: &str, all: &[T], name: fn(T) -> &'static str, advice: T) -> Read<T> {
    let names: Vec<&str> = all.iter().map(|one| name(*one)).collect();
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    let takes = format!("{} or {last}", others.join(", "));
    let typed = text(node, &takes, name(advice))?;
    all.iter().copied().find(|one| name(*one) == typed).ok_or_else(|| {
        let near = nearest(typed, names.iter().copied()).unwrap_or(name(advice));
        Complaint::new(format!("{typed:?} is not {kind}"), takes, near)
    })
}

/// A mode of the file: a concrete one.
pub fn mode(node: &Node, _: &Place) -> Read<Mode> {
    one_of(node, "a mode", Mode::ALL, Mode::as_str, Mode::Docker)
}

/// An agent's own mode; there is none by default.
pub fn agent_mode(node: &Node, place: &Place) -> Read<Option<Mode>> {
    if place.preset { Ok(None) } else { mode(node, place).map(Some) }
}

/// A way for the workspace.
pub fn handover(node: &Node, _: &Place) -> Read<Handover> {
    one_of(node, "a way for the workspace", Handover::ALL, Handover::as_str, Handover::Auto)
}

/// An agent.
pub fn agent(node: &Node, _: &Place) -> Read<AgentName> {
    one_of(node, "an agent", AgentName::ALL, AgentName::as_str, AgentName::Claude)
}

const A_LIMIT: &str = "a duration such as 30m or 1h30m, or 0 for none";
const A_PAUSE: &str = "a duration such as 10s or 1m30s";

fn duration(node: &Node, takes: &str, example: &str) -> Read<Duration> {
    if let DeValue::Integer(number) = node.get_ref() {
        let near = if number.as_str() == "0" { "0".to_owned() } else { format!("{number}s") };
        return Err(mismatch(node, "a duration with its unit, as text", takes, &near));
    }
    let typed = text(node, takes, example)?;
    quantity::duration(typed).map_err(|(why, near)| {
        Complaint::new(format!("{typed:?} {why}"), takes, near.unwrap_or_else(|| example.to_owned()))
    })
}

/// A limit in time; zero is none.
pub fn limit(node: &Node, _: &Place) -> Read<Option<Duration>> {
    let limit = duration(node, A_LIMIT, "30m")?;
    if limit > quantity::YEAR {
        let problem = format!("{:?} is more than a year", node.get_ref().as_str().unwrap_or_default());
        return Err(Complaint::new(problem, A_LIMIT, "0"));
    }
    Ok((!limit.is_zero()).then_some(limit))
}

/// A pause: more than nothing, at most a day.
pub fn pause(node: &Node, _: &Place) -> Read<Duration> {
    let pause = duration(node, A_PAUSE, "10s")?;
    if pause.is_zero() || pause > quantity::DAY {
        let problem = format!("{:?} is not between 1ms and 24h", node.get_ref().as_str().unwrap_or_default());
        return Err(Complaint::new(problem, A_PAUSE, "10s"));
    }
    Ok(pause)
}

fn whole(node: &Node, min: u32, max: u32) -> Read<u32> {
    let (takes, example) = (format!("a whole number from {min} to {max}"), min.to_string());
    let DeValue::Integer(number) = node.get_ref() else {
        return Err(mismatch(node, "a whole number", &takes, &example));
    };
    match i128::from_str_radix(number.as_str(), number.radix()).map(u32::try_from) {
        Ok(Ok(value)) if (min..=max).contains(&value) => Ok(value),
        _ => Err(Complaint::new(format!("{number} is out of range: {min} to {max}"), takes, example)),
    }
}

/// A whole number.
pub fn count<const MIN: u32, const MAX: u32>(node: &Node, _: &Place) -> Read<u32> {
    whole(node, MIN, MAX)
}

/// A whole number of things in memory.
pub fn many<const MIN: u32, const MAX: u32>(node: &Node, _: &Place) -> Read<usize> {
    whole(node, MIN, MAX).map(|number| number as usize)
}

/// A number of CPUs.
pub fn cpus(node: &Node, _: &Place) -> Read<f64> {
    let (takes, example) = ("a number of CPUs from 0.01 to 1024, such as 2 or 1.5", "2");
    let (typed, number) = match node.get_ref() {
        DeValue::Integer(number) => (number.to_string(), number.as_str().parse::<f64>()),
        DeValue::Float(number) => (number.to_string(), number.as_str().parse::<f64>()),
        _ => return Err(mismatch(node, "a number", takes, example)),
    };
    match number {
        Ok(number) if (0.01..=1024.0).contains(&number) => Ok(number),
        _ => Err(Complaint::new(format!("{typed} is out of range: 0.01 to 1024"), takes, example)),
    }
}

/// A number of bytes, at least `MIN`.
pub fn size<const MIN: u64>(node: &Node, _: &Place) -> Read<Size> {
    let takes = "a size such as 4g, 512m or 16MiB";
    // What is counted in kilobytes is an output, what is not is memory.
    let (unit, example) = if MIN < 1 << 20 { ("m", "16m") } else { ("g", "4g") };
    if let DeValue::Integer(number) = node.get_ref() {
        // More than that is a count of something smaller.
        let near = if number.as_str().len() < 4 { format!("{number}{unit}") } else { example.to_owned() };
        return Err(mismatch(node, "a size with its unit, as text", takes, &near));
    }
    let typed = text(node, takes, example)?;
    let size = quantity::size(typed).map_err(|why| Complaint::new(format!("{typed:?} {why}"), takes, example))?;
    if size.bytes() < MIN {
        let problem = format!("{typed:?} is less than {}, the least possible", Size(MIN));
        return Err(Complaint::new(problem, takes, example));
    }
    Ok(size)
}

/// A truth value.
pub fn switch(node: &Node, _: &Place) -> Read<bool> {
    node.get_ref().as_bool().ok_or_else(|| mismatch(node, "true or false", "true or false", "true"))
}

/// An image reference.
pub fn image(node: &Node, _: &Place) -> Read<String> {
    let (takes, example) = ("an image reference [HOST[:PORT]/]NAME[:TAG][@DIGEST]", "ringfence/worker:latest");
    let typed = text(node, takes, example)?;
    let Some(flaw) = reference::flaw(typed) else { return Ok(typed.to_owned()) };
    let near = reference::nearest(typed).unwrap_or_else(|| example.to_owned());
    let problem = if typed.is_empty() { "the image name is empty".to_owned() } else { format!("{typed:?} {flaw}") };
    Err(Complaint { class: Class::InvalidImage, ..Complaint::new(problem, takes, near) })
}

/// A container network.
pub fn network(node: &Node, _: &Place) -> Read<String> {
    let takes = "bridge, none, or a network's name";
    let typed = text(node, takes, "bridge")?;
    let named = typed.starts_with(|c: char| c.is_ascii_alphanumeric())
        && typed.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if !named {
        let problem = format!("{typed:?} is not a network's name (letters, digits, `_`, `.` and `-`)");
        return Err(Complaint::new(problem, takes, "bridge"));
    }
    Ok(typed.to_owned())
}

/// The workspace's path in a container.
pub fn workdir(node: &Node, _: &Place) -> Read<Workdir> {
    let takes = "same, or an absolute path such as /workspace";
    let typed = text(node, takes, "/workspace")?;
    if typed == "same" {
        return Ok(Workdir::Same);
    }
    match mount::in_container(typed) {
        Ok(path) => Ok(Workdir::At(path)),
        Err(why) => Err(Complaint::new(format!("{typed:?} {why}"), takes, "/workspace")),
    }
}

/// The program of an engine that has Docker's command line: a name to look up, or an absolute path.
pub fn docker(node: &Node, place: &Place) -> Read<String> {
    program(node, place, "docker")
}

/// The program of Apple's engine.
pub fn apple(node: &Node, place: &Place) -> Read<String> {
    program(node, place, "container")
}

fn program(node: &Node, place: &Place, example: &str) -> Read<String> {
    let takes = "the name of one program, or its absolute path";
    let typed = text(node, takes, example)?;
    if typed.starts_with("~/") {
        return folder(node, place).map(|path| path.display().to_string());
    }
    let named = !typed.is_empty() && !typed.starts_with('-') && !typed.contains([' ', '\t', '\n', '/']);
    if !named && !typed.starts_with('/') {
        let why = if typed.contains('/') { "is a relative path" } else { "is not the name of one program" };
        return Err(Complaint::new(format!("{typed:?} {why}"), takes, example));
    }
    Ok(typed.to_owned())
}

/// A folder of the host: absolute, or below the home folder.
pub fn folder(node: &Node, place: &Place) -> Read<PathBuf> {
    let takes = "an absolute path, or one that starts with ~/";
    let typed = text(node, takes, "~/folder")?;
    host_path(typed, place).map_err(|why| Complaint::new(format!("{typed:?} {why}"), takes, "~/folder"))
}

/// `typed` as an absolute path of the host, or why it is none, in words that follow it in a sentence.
pub fn host_path(typed: &str, place: &Place) -> Result<PathBuf, &'static str> {
    let below = if typed == "~" { Some("") } else { typed.strip_prefix("~/") };
    match (below, &place.home, &place.current) {
        (Some(below), Some(home), _) => Ok(if below.is_empty() { home.clone() } else { home.join(below) }),
        (Some(_), None, _) if place.preset => Ok(PathBuf::from(typed)),
        (Some(_), None, _) => Err("needs a home folder, and HOME is not set"),
        (None, ..) if typed.is_empty() => Err("is empty"),
        (None, ..) if Path::new(typed).is_absolute() => Ok(PathBuf::from(typed)),
        (None, _, Some(current)) => Ok(current.join(typed)),
        (None, _, None) => Err("is a relative path"),
    }
}
