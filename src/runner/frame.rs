//! The frame: everything a run needs that must not stand in any command line, as one script sent over standard input.
//!
//! A frame is a line with the length of the script in bytes, then the script: assignments and functions made here, then the
//! constant supervisor. So environment, credential files and prompt are in no argv, in no `docker inspect`, in no image.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::carry::Parcel;
use super::fence::Fence;
use super::made_with::{ENTER, FENCE, NAME, OWN, inode};
use super::{Job, Prompt, marked};

/// What the shell in front of the agent is started with; the same for every run, so it gives nothing away.
pub const BOOT: &str = r#"IFS= read -r n && eval "$(head -c "$n")""#;

/// The variable that marks every process of a run, as `NAME=VALUE`. The name holds the run's id, so that a run inside another
/// run carries both marks.
pub fn marker(run_id: &str) -> String {
    format!("RINGFENCE_RUN_{}=1", run_id.replace('-', "_"))
}

/// Variables that some shell keeps for itself: bash stops at an assignment to the first six and ignores one to the others. So
/// `env` sets them, in whose arguments they are no secret: they are numbers and names of options.
const SHELLS_OWN: &[&str] = &[
    "UID",
    "EUID",
    "PPID",
    "SHELLOPTS",
    "BASHOPTS",
    "BASH_VERSINFO",
    "GROUPS",
    "RANDOM",
    "SECONDS",
    "LINENO",
    "OPTIND",
];

const SUPERVISOR: &str = include_str!("supervisor.sh");

/// What makes Unix sockets services at 127.0.0.1.
pub const RELAY: &str = concat!(include_str!("pump.pl"), include_str!("relay.pl"));

/// A frame that is nothing but this script.
pub fn bare(script: &[u8]) -> Vec<u8> {
    let mut frame = format!("{}\n", script.len()).into_bytes();
    frame.extend_from_slice(script);
    frame
}

/// What a container's frame has besides a job.
#[derive(Debug)]
pub struct Inside<'a> {
    /// What must be in force.
    pub fence: Fence,
    /// Whether the agent is started where it is not.
    pub partial: bool,
    /// The workspace, where it has to be brought.
    pub parcel: Option<&'a Parcel>,
}

/// Makes the home, where that is a folder in one which is everybody's. Several may do so at once.
pub const MAKE_HOME: &str = r#"[ -d "$HOME" ] || mkdir -m 700 "$HOME" 2>/dev/null || [ -d "$HOME" ]"#;

/// What is around the shell that a frame is sent to.
#[derive(Clone, Copy, Debug)]
pub enum Around<'a> {
    /// This machine, where the owner sees the run's processes and looks itself for what is left.
    Machine,
    /// A container of the run's own, in the job's folder, with an empty home.
    Container(&'a Inside<'a>),
    /// A warm sandbox, anywhere in it, with a home that other runs use as well.
    Sandbox {
        /// Its name.
        name: &'a str,
        /// Whether the agent is started where what it was made with is not in force.
        partial: bool,
    },
}

impl<'a> Around<'a> {
    /// Whether the run's processes are this machine's own.
    pub fn is_machine(self) -> bool {
        matches!(self, Around::Machine)
    }

    /// The workspace, where it has to be brought.
    pub fn parcel(self) -> Option<&'a Parcel> {
        match self {
            Around::Container(inside) => inside.parcel,
            Around::Machine | Around::Sandbox { .. } => None,
        }
    }
}

/// The frame of `job`. `nonce` is the secret of its marks, `grace` the time between TERM and KILL.
pub fn encode(job: &Job, nonce: &str, grace: Duration, around: Around<'_>) -> Vec<u8> {
    let owner_looks = around.is_machine() && marked::CAN_LOOK;
    let mut script = Script::default();
    script.assign("rf_nonce", nonce.as_bytes());
    script.assign("rf_mark", marker(&job.run_id).as_bytes());
    script.assign("rf_owner_looks", if owner_looks { b"1" } else { b"" });
    script.assign("rf_grace", seconds(grace).as_bytes());
    script.known(around);
    script.enter(job.command.cwd.as_deref().filter(|_| matches!(around, Around::Sandbox { .. })));
    script.fence(around);
    script.relay(job, around);
    script.home(around);
    script.files(job, around);
    script.assign("rf_task", &job.prompt);
    script.agent(job, nonce);
    script.supervisor();
    bare(&script.0)
}

/// Whole seconds for `sleep`, rounded up: fractions are not in POSIX.
fn seconds(time: Duration) -> String {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).to_string()
}

/// A script for a POSIX shell.
#[derive(Default)]
pub(super) struct Script(pub(super) Vec<u8>);

impl Script {
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Without what is for people: a shell reads its script in small pieces, and half of it is comments and indentation.
    fn supervisor(&mut self) {
        for line in SUPERVISOR.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.raw(line).raw("\n");
        }
    }

    /// `bytes` in single quotes, in which a shell leaves everything alone but the quote itself.
    pub(super) fn word(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.push(b'\'');
        for (position, part) in bytes.split(|&byte| byte == b'\'').enumerate() {
            if position > 0 {
                self.0.extend_from_slice(br"'\''");
            }
            self.0.extend_from_slice(part);
        }
        self.0.push(b'\'');
        self
    }

    fn assign(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.raw(name).raw("=").word(value).raw("\n")
    }

    /// An engine takes the beginning of an id for a name as well, and anybody's container.
    fn known(&mut self, around: Around<'_>) {
        match around {
            Around::Sandbox { name, .. } => {
                self.raw("rf_known() { [ \"$").raw(NAME).raw("\" = ").word(name.as_bytes()).raw(" ]; }\n")
            }
            Around::Machine | Around::Container(_) => self.raw("rf_known() { :; }\n"),
        };
    }

    /// The container says itself, in a variable that it was made with, which folders of the host it has and where.
    fn enter(&mut self, folder: Option<&Path>) {
        match folder {
            Some(folder) => {
                let folder = folder.as_os_str().as_bytes();
                self.raw("rf_enter() {\n")
                    .assign("rf_dir", folder)
                    .assign("rf_now", inode(folder).as_bytes())
                    .raw(ENTER)
            }
            None => self.raw("rf_dir=\nrf_in=\nrf_enter() { :; }\n"),
        };
    }

    /// What leads to the loopback, and where the sandbox's door is if it has one. A warm one counts for all of its runs, so that
    /// what came up in this one is told apart.
    fn relay(&mut self, job: &Job, around: Around<'_>) {
        self.assign("rf_door", job.door.as_ref().map_or("", |door| door.socket).as_bytes());
        let expected = job.door.as_ref().is_some_and(|door| door.expected);
        self.assign("rf_expects_door", if expected { b"1" } else { b"" });
        let counts =
            job.door.as_ref().filter(|_| matches!(around, Around::Sandbox { .. })).map_or("", |door| door.knocks);
        self.assign("rf_counts", counts.as_bytes());
        if job.relays.is_empty() {
            self.raw("rf_relay() { :; }\n");
            return;
        }
        self.raw("rf_relay() {\nperl -");
        for relay in &job.relays {
            self.raw(" ").word(relay.as_bytes());
        }
        self.raw(" <<'END_OF_RELAY'\n").raw(RELAY).raw("END_OF_RELAY\n}\n");
    }

    /// What must be in force around the agent, and what has to be brought there.
    fn fence(&mut self, around: Around<'_>) {
        let partial = match around {
            Around::Machine => false,
            Around::Container(inside) => inside.partial,
            Around::Sandbox { partial, .. } => partial,
        };
        match around {
            Around::Machine => self.raw("rf_fence="),
            Around::Container(inside) => self.raw(&inside.fence.script()),
            // What it was made with is in force in it, whatever the settings are by now.
            Around::Sandbox { .. } => self.raw("rf_fence=; eval \"$").raw(FENCE).raw("\""),
        };
        self.raw("\n").assign("rf_fence_partial", if partial { b"1" } else { b"" });
        let parcel = around.parcel();
        self.assign("rf_parcel", parcel.map_or(b"", |parcel| parcel.nonce.as_bytes()));
        let length = parcel.map(|parcel| parcel.length.to_string()).unwrap_or_default();
        self.assign("rf_parcel_length", length.as_bytes());
    }

    /// The home of this machine is its owner's business.
    fn home(&mut self, around: Around<'_>) {
        self.raw("rf_home() { ").raw(if around.is_machine() { ":" } else { MAKE_HOME }).raw("; }\n");
    }

    /// In a subshell, for a umask of its own: what is written here is the agent's user's alone.
    fn files(&mut self, job: &Job, around: Around<'_>) {
        if job.files.is_empty() && job.links.is_empty() {
            self.raw("rf_files() { :; }\n");
            return;
        }
        self.raw("rf_files() (\numask 077\n");
        for (path, target) in &job.links {
            self.folder_of(path);
            // Where other runs use the home as well, one of them or an agent may have put something there: that is as good. And a
            // sandbox may have been made before the file was shared.
            self.raw("rf_target=").word(target.as_bytes()).raw("\nrf_link=\"$HOME\"/").word(path.as_bytes());
            self.raw("\n[ -e \"$rf_link\" ] || [ ! -e \"$rf_target\" ] || ln -s \"$rf_target\" \"$rf_link\" || ");
            self.raw("[ -L \"$rf_link\" ] || exit\n");
        }
        for file in &job.files {
            // A second name for what was handed in tells it from what an agent put in its place.
            let second = format!(".ringfence-lease-{}", file.path.replace('/', "-"));
            self.raw("rf_file=\"$HOME\"/")
                .word(file.path.as_bytes())
                .raw("\nrf_lease=\"$HOME\"/")
                .word(second.as_bytes());
            if file.contents.is_empty() {
                self.raw("\n[ ! \"$rf_file\" -ef \"$rf_lease\" ] || rm -f -- \"$rf_file\" \"$rf_lease\" || exit\n");
                continue;
            }
            self.raw("\n");
            self.folder_of(&file.path);
            self.raw("printf %s ").word(&file.contents);
            self.raw(match around {
                // In one step, so that whoever reads it meanwhile reads one whole file, the old or the new.
                Around::Sandbox { .. } => concat!(
                    " >\"$rf_file.$$\" && { ln -f -- \"$rf_file.$$\" \"$rf_lease\" 2>/dev/null; ",
                    "mv -f -- \"$rf_file.$$\" \"$rf_file\"; } || exit\n"
                ),
                Around::Machine | Around::Container(_) => " >\"$rf_file\" || exit\n",
            });
        }
        self.raw(")\n");
    }

    fn folder_of(&mut self, path: &str) {
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.raw("mkdir -p \"$HOME\"/").word(folder.as_bytes()).raw(" || exit\n");
        }
    }

    fn agent(&mut self, job: &Job, nonce: &str) {
        // The marker first, while `rf_mark` is ours for certain: a variable of the caller's may have that name.
        self.raw("rf_agent() {\nexport \"$rf_mark\"\nunset ").raw(&OWN.join(" ")).raw("\n");
        let (special, plain): (Vec<_>, Vec<_>) =
            job.command.env.iter().partition(|(name, _)| SHELLS_OWN.contains(&name.as_str()));
        for (name, value) in plain {
            self.raw("export ").assign(name, value.as_bytes());
        }
        // Nothing else can be reached where it is, and whoever hands in a proxy of his own may not know.
        if let Some(door) = &job.door {
            self.raw("[ ! -S ").word(door.socket.as_bytes()).raw(" ] || export");
            for (name, value) in &door.variables {
                self.raw(" ").raw(name).raw("=").word(value.as_bytes());
            }
            self.raw("\n");
        }
        let program: &OsStr = &job.command.program;
        // The mark is spelled out: by now the caller's variables may have changed whatever a function would use.
        self.raw("command -v ").word(program.as_bytes()).raw(" >/dev/null 2>&1 || { printf '\\036%s\\036' ");
        self.word(format!("{nonce} fail missing").as_bytes()).raw(" >&2; exit 125; }\nexec ");
        if !special.is_empty() {
            self.raw("env ");
        }
        for (name, value) in special {
            self.raw(name).raw("=").word(value.as_bytes()).raw(" ");
        }
        self.word(program.as_bytes());
        for arg in &job.command.args {
            self.raw(" ").word(arg.as_bytes());
        }
        match job.prompt_on {
            Prompt::Stdin => self.raw(" <&4 4<&-\n}\n"),
            Prompt::Fd4 => self.raw(" </dev/null\n}\n"),
        };
    }
}
