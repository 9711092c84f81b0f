//! The frame: everything a run needs that must not stand in any command line, as one script sent over standard input.
//!
//! A frame is a line with the length of the script in bytes, then the script: assignments and functions made here, then the
//! constant supervisor. So environment, credential files and prompt are in no argv, in no `docker inspect`, in no image.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::{Job, Prompt};

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

/// The frame of `job`. `nonce` is the secret of its marks, `grace` the time between TERM and KILL; `owner_looks` says that the
/// owner sees the run's processes and will look for what is left.
pub fn encode(job: &Job, nonce: &str, grace: Duration, owner_looks: bool) -> Vec<u8> {
    let mut script = Script::default();
    script.assign("rf_nonce", nonce.as_bytes());
    script.assign("rf_mark", marker(&job.run_id).as_bytes());
    script.assign("rf_owner_looks", if owner_looks { b"1" } else { b"" });
    script.assign("rf_grace", seconds(grace).as_bytes());
    script.files(job);
    script.assign("rf_task", &job.prompt);
    script.agent(job, nonce);
    script.raw(SUPERVISOR);
    let mut frame = format!("{}\n", script.0.len()).into_bytes();
    frame.append(&mut script.0);
    frame
}

/// Whole seconds for `sleep`, rounded up: fractions are not in POSIX.
fn seconds(time: Duration) -> String {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).to_string()
}

#[derive(Default)]
struct Script(Vec<u8>);

impl Script {
    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// `bytes` in single quotes, in which a shell leaves everything alone but the quote itself.
    fn word(&mut self, bytes: &[u8]) -> &mut Self {
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

    /// In a subshell, for a umask of its own: what is written here is the agent's user's alone.
    fn files(&mut self, job: &Job) {
        if job.files.is_empty() && job.links.is_empty() {
            self.raw("rf_files() { :; }\n");
            return;
        }
        self.raw("rf_files() (\numask 077\n");
        for (path, target) in &job.links {
            self.folder_of(path);
            self.raw("ln -s ").word(target.as_bytes()).raw(" \"$HOME\"/").word(path.as_bytes()).raw(" || exit\n");
        }
        for file in &job.files {
            self.folder_of(&file.path);
            self.raw("printf %s ").word(&file.contents).raw(" >\"$HOME\"/").word(file.path.as_bytes());
            self.raw(" || exit\n");
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
        self.raw("rf_agent() {\nexport \"$rf_mark\"\n");
        let (special, plain): (Vec<_>, Vec<_>) =
            job.command.env.iter().partition(|(name, _)| SHELLS_OWN.contains(&name.as_str()));
        for (name, value) in plain {
            self.raw("export ").assign(name, value.as_bytes());
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
