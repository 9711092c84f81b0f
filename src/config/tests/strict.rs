use super::*;

#[test]
fn wrong_lines_of_the_file_are_named() {
    let cases = [
        ("mode = \"docker\"\nmdoe = \"x\"\n", "config.toml:2: unknown key mdoe", "did you mean mode?"),
        ("[sandbox]\n\nmemry = \"4g\"\n", "config.toml:3: unknown key sandbox.memry", "did you mean sandbox.memory?"),
        ("memory = \"4g\"\n", "config.toml:1: unknown key memory", "did you mean sandbox.memory?"),
        ("[run]\nmode = \"host\"\n", "config.toml:2: unknown key run.mode", "did you mean mode?"),
        ("[docker]\ncomand = \"x\"\n", "config.toml:2: unknown key docker.comand", "did you mean docker.command?"),
        (
            "[docker]\nnope = 1\n",
            "config.toml:2: unknown key docker.nope",
            "see all keys with: ringfence --config /dev/null sandbox show; or delete line 2",
        ),
        (
            "\"run.timeout\" = \"5m\"\n[run]\ntimeout = \"1m\"\n",
            "config.toml:1: unknown key \"run.timeout\"",
            "its dot must not be in quotes: run.timeout = …, or timeout = … below [run]",
        ),
        (
            "[agents]\n\"claude.mode\" = \"host\"\n",
            "config.toml:2: unknown key \"claude.mode\"",
            "its dot must not be in quotes: claude.mode = …, or mode = … below [agents.claude]",
        ),
        (
            "[\"agents.claude\"]\n",
            "config.toml:1: unknown key \"agents.claude\"",
            "its dot must not be in quotes: [agents.claude]",
        ),
        ("[sandobx]\n", "config.toml:1: unknown section [sandobx]", "did you mean [sandbox]?"),
        ("[agents.claud]\n", "config.toml:1: unknown section [agents.claud]", "did you mean [agents.claude]?"),
        (
            "sandbox = 3\n",
            "config.toml:1: sandbox is a section, not a value",
            "write it as a line of its own: [sandbox]",
        ),
        (
            "mode = \"dokcer\"\n",
            "config.toml:1: mode: \"dokcer\" is not a mode",
            "it takes host, docker or apple; to change it, type: ringfence sandbox set mode docker",
        ),
        (
            "[sandbox]\nmemory = 4\n",
            "config.toml:2: sandbox.memory: 4 is a number, not a size with its unit, as text",
            "it takes a size such as 4g, 512m or 16MiB; to change it, type: ringfence sandbox set sandbox.memory 4g",
        ),
        (
            "[run]\noutput_limit = \"0\"\n",
            "config.toml:2: run.output_limit: \"0\" is less than 1k, the least possible",
            "it takes a size such as 4g, 512m or 16MiB; to change it, type: ringfence sandbox set run.output_limit 16m",
        ),
        (
            "[apple]\ncommand = \"a b\"\n",
            "config.toml:2: apple.command: \"a b\" is not the name of one program",
            "it takes the name of one program, or its absolute path; to change it, type: ringfence sandbox set apple.command container",
        ),
        (
            "[run]\ntimeout = \"30\"\n",
            "config.toml:2: run.timeout: \"30\" has no unit",
            "it takes a duration such as 30m or 1h30m, or 0 for none; to change it, type: ringfence sandbox set run.timeout 30s",
        ),
        (
            "[sandbox]\nenv = [\n  \"A\",\n  \"B=1\",\n]\n",
            "config.toml:4: sandbox.env: B=… has a value; the file takes names only, the value is the caller's",
            "it takes a list of variable names; to change it, type: ringfence sandbox set sandbox.env '[\"B\"]'",
        ),
        (
            "[sandbox]\npids = 1\n",
            "config.toml:2: sandbox.pids: 1 is out of range: 16 to 4194304",
            "it takes a whole number from 16 to 4194304; to change it, type: ringfence sandbox set sandbox.pids 16",
        ),
        (
            "mode = docker\n",
            "config.toml:1: not TOML: \"mode = docker\"",
            "correct line 1; text needs quotes, lists need brackets, as in: memory = \"4g\", env = [\"CI\"]",
        ),
        (
            "mode = \"host\"\nmode = \"docker\"\n",
            "config.toml:2: not TOML: \"mode = \\\"docker\\\"\"",
            "correct line 2; text needs quotes, lists need brackets, as in: memory = \"4g\", env = [\"CI\"]",
        ),
    ];
    for (text, message, hint) in cases {
        let all_keys =
            if hint.ends_with('?') { " see all keys with: ringfence --config /dev/null sandbox show" } else { "" };
        assert_eq!(
            refused(text, &[], &Flags::default()),
            (Class::Config, message.to_owned(), format!("{hint}{all_keys}"))
        );
    }
}

#[test]
fn everything_else_that_no_value_can_be() {
    let lines = [
        "workdir = \"rel\"",
        "workdir = \"/proc/x\"",
        "mounts = [\"rel\"]",
        "mounts = \"/a\"",
        "env = [1]",
        "env = [\"A-B\"]",
        "cpus = 0",
        "cpus = \"2\"",
        "cpus = nan",
        "cpus = 1e9",
        "pids = 5.5",
        "pids = 99999999999999999999",
        "memory = \"1k\"",
        "network = \"a b\"",
        "network = \"--x\"",
        "read_only_root = \"yes\"",
        "allow_hosts = [\"https://x/\"]",
        "image = 3",
        "workdir = \"/a\\u0000b\"",
        "pids = -512",
        "required_env = [\"\"]",
    ];
    for line in lines {
        let (class, message, _) = refused(&format!("[sandbox]\n{line}\n"), &[], &Flags::default());
        assert!(
            class == Class::Config && message.starts_with("config.toml:2: sandbox."),
            "{line}: {class:?} {message}"
        );
    }
    for text in [
        "[run]\ngrace = \"0\"",
        "[run]\nmax_attempts = 0",
        "[docker]\ncommand = \"sudo docker\"",
        "[agents.claude]\nmode = \"\"",
        "[docker]\ncommand = \"\"",
        "[agents.claude]\nshare = [\"../x\"]",
        "[agents.claude]\nshare = [\".credentials.json\"]",
        "[agents.claude]\ntoken_command = \"a b\"",
        "[agents.claude]\ntoken_command = [\"a b\"]",
        "[agents.codex]\nauth_dir = \"rel\"",
        "[agents.shell]\nmode = \"host\"",
    ] {
        assert_eq!(refused(text, &[], &Flags::default()).0, Class::Config, "{text}");
    }
}

#[test]
fn an_illegal_image_is_its_own_class_wherever_it_stands() {
    let bad = "openTiger/worker:latest";
    let why = "\"openTiger/worker:latest\" has capitals in \"openTiger/worker\", which image names cannot have";
    let in_file = refused(&format!("[sandbox]\nimage = \"{bad}\"\n"), &[], &Flags::default());
    let by_variable = refused("", &[("SANDBOX_DOCKER_IMAGE", bad)], &Flags::default());
    let by_flag = refused("", &[], &Flags { image: Some(bad.into()), ..Flags::default() });
    let near = "opentiger/worker:latest";
    for ((class, message, hint), place, typed) in [
        (in_file, "config.toml:2: sandbox.image", format!("type: ringfence sandbox set sandbox.image {near}")),
        (
            by_variable,
            "$SANDBOX_DOCKER_IMAGE",
            format!("type: export SANDBOX_DOCKER_IMAGE={near} (or: unset SANDBOX_DOCKER_IMAGE)"),
        ),
        (by_flag, "--image", format!("type: --image {near}")),
    ] {
        assert_eq!((class, message), (Class::InvalidImage, format!("{place}: {why}")));
        assert!(hint.ends_with(&typed), "{hint}");
    }
}

#[test]
fn wrong_flags_are_usage_and_wrong_variables_config() {
    let flags = |change: fn(&mut Flags)| {
        let mut flags = Flags::default();
        change(&mut flags);
        refused("", &[], &flags)
    };
    for ((class, message, hint), expected, typed) in [
        (flags(|f| f.timeout = Some("30".into())), "--timeout: \"30\" has no unit", "type: --timeout 30s"),
        (flags(|f| f.cpus = Some("0".into())), "--cpus: 0 is out of range: 0.01 to 1024", "type: --cpus 2"),
        (
            flags(|f| f.memory = Some("4x".into())),
            "--memory: \"4x\" is not a size: its units are k, m, g and t",
            "type: --memory 4g",
        ),
        (
            flags(|f| f.mounts = vec!["/a:b".into()]),
            "--mount: \"/a:b\" has a target that is not an absolute path",
            "type: --mount '~/data:/data:ro'",
        ),
        (
            flags(|f| f.env = vec!["=x".into()]),
            "--env: \"\" is not a variable's name (letters, digits and `_`)",
            "--env NAME=VALUE",
        ),
    ] {
        assert_eq!((class, message.as_str()), (Class::Usage, expected));
        assert!(hint.ends_with(typed), "{hint}");
    }
    for (variable, value, expected) in [
        (
            "EXECUTION_ENVIRONMENT",
            "docker",
            "it takes host or sandbox; type: export EXECUTION_ENVIRONMENT=sandbox (or: unset EXECUTION_ENVIRONMENT)",
        ),
        (
            "LAUNCH_MODE",
            "dokcer",
            "it takes process or docker; type: export LAUNCH_MODE=docker (or: unset LAUNCH_MODE)",
        ),
        (
            "RINGFENCE_AGENT",
            "cluade",
            "it takes claude, codex, opencode or shell; type: export RINGFENCE_AGENT=claude (or: unset RINGFENCE_AGENT)",
        ),
        ("AGENT_LOOP_HOST", "maybe", "it takes 1 or 0; type: export AGENT_LOOP_HOST=0 (or: unset AGENT_LOOP_HOST)"),
    ] {
        // A stronger flag does not excuse a wrong variable.
        let flags = Flags { mode: Some("host".into()), agent: Some("shell".into()), ..Flags::default() };
        let (class, message, hint) = refused("", &[(variable, value)], &flags);
        assert_eq!((class, hint.as_str()), (Class::Config, expected));
        assert!(message.starts_with(&format!("${variable}: {value:?} is not ")), "{message}");
    }
}

#[test]
fn a_missing_file_means_defaults_unless_it_was_named() {
    let env = Environment::of([("HOME", "/nonexistent/home")]);
    let settings = Settings::resolve(&Flags::default(), &env).expect("defaults");
    assert_eq!(settings.path, PathBuf::from("/nonexistent/home/.config/ringfence/config.toml"));
    assert!(!settings.file_exists);
    let named = Flags { config: Some("/nonexistent/x.toml".into()), ..Flags::default() };
    let failure = Settings::resolve(&named, &env).expect_err("named");
    assert_eq!(
        (failure.class, failure.message.as_str()),
        (Class::Usage, "--config: /nonexistent/x.toml: no such file")
    );
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("config.toml")).expect("made");
    let env = Environment::of([("RINGFENCE_CONFIG_DIR", folder.path())]);
    assert_eq!(Settings::resolve(&Flags::default(), &env).expect_err("a folder").class, Class::Config);
    fs::remove_dir(folder.path().join("config.toml")).expect("removed");
    fs::write(folder.path().join("config.toml"), b"mode = \"host\"\n# \xff\n").expect("written");
    let failure = Settings::resolve(&Flags::default(), &env).expect_err("not UTF-8");
    assert!(failure.message.ends_with("config.toml:2: not UTF-8 text"), "{failure}");
}
