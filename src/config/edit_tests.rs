use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::failure::Class;

/// A folder with a configuration file of this text, and an environment that points there.
fn folder(text: &str) -> (tempfile::TempDir, PathBuf, Environment) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.toml");
    fs::write(&path, text).expect("writable");
    let env = Environment::of([("HOME", folder.path()), ("RINGFENCE_CONFIG_DIR", folder.path())]);
    (folder, path, env)
}

fn edited(text: &str, changes: &[(&str, &str)]) -> String {
    let (_folder, path, env) = folder(text);
    for (key, value) in changes {
        edit(&Flags::default(), &env, key, value).unwrap_or_else(|failure| panic!("{key} {value}: {failure:?}"));
    }
    fs::read_to_string(path).expect("readable")
}

/// The failure of one change, which leaves the file as it was.
fn refused(text: &str, key: &str, value: &str) -> Failure {
    let (_folder, path, env) = folder(text);
    let failure = edit(&Flags::default(), &env, key, value).expect_err("not legal");
    assert_eq!(fs::read_to_string(path).expect("readable"), text);
    failure
}

#[test]
fn comments_order_and_layout_stay() {
    let text =
        "# mine\n\nmode = 'host'   # for now\n\n[sandbox]   # big\npids = 64\nmemory = \"4g\" # enough\n\n# tail\n";
    let expected = "# mine\n\nmode = \"docker\"   # for now\n\n[sandbox]   # big\npids = 64\nmemory = \"8g\" # enough\ncpus = 3\n\n# tail\n";
    assert_eq!(edited(text, &[("mode", "docker"), ("sandbox.memory", "8g"), ("sandbox.cpus", "3")]), expected);
}

#[test]
fn line_ends_stay() {
    assert_eq!(edited("mode = \"host\"\r\n# x\r\n", &[("mode", "docker")]), "mode = \"docker\"\r\n# x\r\n");
}

#[test]
fn lists_keep_their_layout_and_comments() {
    let text = "[sandbox]\nenv = [\n    # for the build\n    \"CI\",\n    \"OLD\",\n] # names\n";
    let expected = "[sandbox]\nenv = [\n    # for the build\n    \"CI\",\n    \"NEW\",\n] # names\n";
    assert_eq!(edited(text, &[("sandbox.env", "CI, NEW")]), expected);
    assert_eq!(edited(text, &[("sandbox.env", "[]")]), "[sandbox]\nenv = [\n] # names\n");
    for (before, value, after) in [
        ("[\n  \"A\",  # first\n]\n", "A,B", "[\n  \"A\",  # first\n  \"B\",\n]\n"),
        ("[\n  \"A\"  # first\n]\n", "A,B", "[\n  \"A\",  # first\n  \"B\"\n]\n"),
        ("[\n  \"A\", # a\n  # above b\n  \"B\", # b\n]\n", "B", "[\n  # above b\n  \"B\", # b\n]\n"),
        ("[\n  \"A\", # a\n  \"B\", # b\n]\n", "B,A", "[\n  \"B\", # b\n  \"A\", # a\n]\n"),
        ("[\"A\", # a\n \"B\"]\n", "A,C", "[\"A\", # a\n \"C\"]\n"),
        ("[ \"A\" ]\n", "A,B", "[ \"A\", \"B\" ]\n"),
        ("[\"A\", \"B\"]\n", "B", "[\"B\"]\n"),
        ("[]\n", "A,B", "[\"A\", \"B\"]\n"),
    ] {
        let head = "[sandbox]\nenv = ";
        assert_eq!(edited(&format!("{head}{before}"), &[("sandbox.env", value)]), format!("{head}{after}"));
    }
}

#[test]
fn new_sections_and_keys_go_where_they_belong() {
    assert_eq!(edited("", &[("mode", "docker")]), "mode = \"docker\"\n");
    let both = edited("", &[("agents.claude.mode", "docker"), ("agent", "codex")]);
    assert_eq!(both, "agent = \"codex\"\n\n[agents.claude]\nmode = \"docker\"\n");
    assert_eq!(edited("# only this\n", &[("mode", "docker")]), "# only this\nmode = \"docker\"\n");
    assert_eq!(edited("# only this\n", &[("run.grace", "5s")]), "# only this\n\n[run]\ngrace = \"5s\"\n");
    let headed = edited("# about\n\n# limits\n[run]\ngrace = \"5s\"\n", &[("mode", "docker")]);
    assert_eq!(headed, "# about\n\nmode = \"docker\"\n\n# limits\n[run]\ngrace = \"5s\"\n");
    assert_eq!(edited("sandbox.pids = 64\n", &[("sandbox.cpus", "2")]), "sandbox.pids = 64\nsandbox.cpus = 2\n");
    assert_eq!(edited("sandbox = { pids = 64 }\n", &[("sandbox.cpus", "2")]), "sandbox = { pids = 64 , cpus = 2 }\n");
}

#[test]
fn values_are_read_as_the_key_wants_them() {
    let typed = [
        ("sandbox.memory", "1073741824", "\"1073741824\""),
        ("sandbox.memory", "\"1g\"", "\"1g\""),
        ("sandbox.cpus", "1.5", "1.5"),
        ("sandbox.network", "1", "\"1\""),
        ("sandbox.read_only_root", "false", "false"),
        ("sandbox.env", "A,B", "[\"A\", \"B\"]"),
        ("sandbox.env", "", "[]"),
        ("sandbox.env", "['A']", "['A']"),
        ("run.timeout", "0", "\"0\""),
        ("agents.claude.token_command", "[\"secrets\", \"a b\"]", "[\"secrets\", \"a b\"]"),
    ];
    for (key, value, written) in typed {
        let text = edited("", &[(key, value)]);
        assert!(text.trim_end().ends_with(&format!(" = {written}")), "{key} {value}: {text}");
    }
}

#[test]
fn what_is_not_legal_leaves_the_file_as_it_was() {
    let text = "mode = \"host\" # keep\n";
    let failure = refused(text, "sandbox.memroy", "8g");
    assert_eq!((failure.class, failure.message.as_str()), (Class::Usage, "unknown key sandbox.memroy"));
    assert_eq!(failure.hint, "did you mean sandbox.memory? type: ringfence sandbox set sandbox.memory VALUE");
    let failure = refused(text, "sandbox.memory", "8x");
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (Class::Config, "sandbox.memory: \"8x\" is not a size: its units are k, m, g and t")
    );
    let failure = refused(text, "sandbox.image", "openTiger/worker:latest");
    assert_eq!(failure.class, Class::InvalidImage);
    assert!(failure.hint.ends_with("type: ringfence sandbox set sandbox.image opentiger/worker:latest"), "{failure:?}");
    for (key, value) in [
        ("mode", "sandbox"),
        ("mode", ""),
        ("sandbox.pids", "lots"),
        ("sandbox.workdir", "rel"),
        ("sandbox.env", "A=1"),
        ("agents.claude.token_command", "[1]"),
        ("agents.claude.token_command", "[secrets, lease]"),
    ] {
        assert_eq!(refused(text, key, value).class, Class::Config, "{key} {value}");
    }
    for broken in
        ["mode = \n", "unknown = 1\n", "[sandbox]\npids = \"x\"\n", "sandbox = 3\n", "[sandbox.memory]\nx = 1\n"]
    {
        assert_eq!(refused(broken, "sandbox.memory", "4g").class, Class::Config, "{broken}");
    }
}

#[test]
fn a_wrong_value_can_be_set_right() {
    assert_eq!(
        edited("[sandbox]\nmemory = 4 # oops\n", &[("sandbox.memory", "4g")]),
        "[sandbox]\nmemory = \"4g\" # oops\n"
    );
}

#[test]
fn fifty_at_a_time_lose_nothing() {
    let (_folder, path, env) = folder("# shared\n[sandbox]\n");
    let names: Vec<String> =
        schema::keys().into_iter().map(|key| key.name).filter(|name| name.ends_with("_dir")).collect();
    let write = |at: usize| {
        let key = &names[at % names.len()];
        edit(&Flags::default(), &env, key, &format!("/writer/{at}")).expect("written");
    };
    std::thread::scope(|scope| {
        let write = &write;
        for at in 0..50 {
            scope.spawn(move || write(at));
        }
        for _ in 0..200 {
            let seen = fs::read_to_string(&path).expect("there at any time");
            ConfigFile::parse(&path, &seen, None, None).expect("whole at any time");
        }
    });
    let settled = fs::read_to_string(&path).expect("readable");
    assert!(settled.starts_with("# shared\n[sandbox]\n"), "{settled}");
    assert_eq!(settled.matches("/writer/").count(), names.len(), "{settled}");
}

#[test]
fn links_and_permissions_stay() {
    let (folder, path, env) = folder("");
    let real = folder.path().join("dotfiles.toml");
    fs::rename(&path, &real).expect("renamed");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("changed");
    symlink("dotfiles.toml", &path).expect("linked");
    edit(&Flags::default(), &env, "mode", "docker").expect("written");
    assert!(fs::symlink_metadata(&path).expect("there").is_symlink());
    assert_eq!(fs::metadata(&real).expect("there").permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(&real).expect("readable"), "mode = \"docker\"\n");
}

#[test]
fn a_device_without_an_end_is_no_configuration() {
    let endless = file::read("/dev/zero".as_ref()).expect_err("no configuration");
    assert!(endless.message.ends_with("is longer than 1024 KiB, so it is no configuration"), "{endless:?}");
}

#[test]
fn a_missing_folder_is_made() {
    let (folder, ..) = folder("");
    let env = Environment::of([("RINGFENCE_CONFIG_DIR", folder.path().join("a/b"))]);
    let change = edit(&Flags::default(), &env, "mode", "docker").expect("written");
    assert_eq!((change.before, change.after), (None, "docker".into()));
    assert_eq!(fs::read_to_string(folder.path().join("a/b/config.toml")).expect("readable"), "mode = \"docker\"\n");
}

#[test]
fn what_is_no_regular_file_is_not_replaced() {
    let (folder, ..) = folder("");
    // It stands for a device, above all for /dev/null, which root can replace.
    let pipe = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).expect("made");
    let failure = Lock::of(&pipe).map(drop).expect_err("refused");
    assert!(failure.message.ends_with("is not a regular file, and cannot be changed"), "{failure:?}");
    assert!(!folder.path().join(".pipe.lock").exists(), "nothing is left beside it");
}
