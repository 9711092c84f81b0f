use super::*;

fn shown<T>(setting: &Setting<T>, value: impl Fn(&T) -> String) -> String {
    format!("{} {}", value(&setting.value), setting.origin)
}

#[test]
fn every_default_is_legal_and_as_documented() {
    let settings = ok("", &[], &Flags::default());
    let rows: Vec<String> = settings.rows().iter().map(|row| format!("{} = {}", row.key, row.value)).collect();
    assert_eq!(
        rows,
        [
            "mode = \"host\"",
            "agent = \"claude\"",
            "run.timeout = \"30m\"",
            "run.idle_timeout = \"10m\"",
            "run.grace = \"10s\"",
            "run.max_attempts = 3",
            "run.backoff = \"2s\"",
            "run.max_concurrency = 2",
            "run.output_limit = \"16m\"",
            "sandbox.image = \"ringfence/worker:latest\"",
            "sandbox.network = \"bridge\"",
            "sandbox.allow_hosts = []",
            "sandbox.memory = \"4g\"",
            "sandbox.cpus = 2.0",
            "sandbox.pids = 512",
            "sandbox.workdir = \"same\"",
            "sandbox.env = []",
            "sandbox.required_env = []",
            "sandbox.mounts = []",
            "sandbox.read_only_root = true",
            "docker.command = \"docker\"",
            "docker.workspace = \"auto\"",
            "apple.command = \"container\"",
            "agents.claude.mode = \"host\"",
            "agents.claude.auth_dir = \"/home/u/.claude\"",
            "agents.claude.config_dir = \"/home/u/.config/claude\"",
            "agents.claude.token_command = []",
            "agents.claude.share = []",
            "agents.codex.mode = \"host\"",
            "agents.codex.auth_dir = \"/home/u/.codex\"",
            "agents.codex.config_dir = \"/home/u/.codex\"",
            "agents.codex.token_command = []",
            "agents.codex.share = []",
            "agents.opencode.mode = \"host\"",
            "agents.opencode.auth_dir = \"/home/u/.local/share/opencode\"",
            "agents.opencode.config_dir = \"/home/u/.config/opencode\"",
            "agents.opencode.token_command = []",
            "agents.opencode.share = []",
        ]
    );
    assert!(settings.rows().iter().all(|row| row.origin == "default"));
    let names: Vec<String> = keys().into_iter().map(|key| key.name).collect();
    assert_eq!(settings.rows().iter().map(|row| &row.key).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
}

#[test]
fn every_override_names_a_key_that_exists() {
    for (key, _) in layers::VARIABLES {
        assert!(schema::key(key).is_some(), "{key}");
    }
    let on = || Some("x".to_owned());
    let flags = Flags {
        agent: on(),
        image: on(),
        network: on(),
        memory: on(),
        cpus: on(),
        timeout: on(),
        idle_timeout: on(),
        grace: on(),
        max_attempts: on(),
        ..Flags::default()
    };
    for key in Layers::new(None, &flags, &Environment::default()).expect("not read yet").overridden() {
        assert!(schema::key(key).is_some(), "{key}");
    }
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let file = "[sandbox]\nimage = \"file:1\"\n";
    let variable = [("SANDBOX_DOCKER_IMAGE", "variable:1")];
    let flag = Flags { image: Some("flag:1".into()), ..Flags::default() };
    let image = |settings: Settings| shown(&settings.sandbox.image, String::clone);
    assert_eq!(image(ok(file, &variable, &flag)), "flag:1 --image");
    assert_eq!(image(ok(file, &variable, &Flags::default())), "variable:1 $SANDBOX_DOCKER_IMAGE");
    assert_eq!(image(ok(file, &[("SANDBOX_DOCKER_IMAGE", "")], &Flags::default())), "file:1 config.toml:2");
    assert_eq!(image(ok("", &[], &Flags::default())), "ringfence/worker:latest default");
}

#[test]
fn lists_on_the_command_line_add_to_the_file() {
    let file = "[sandbox]\nmounts = [\"/a:ro\"]\nenv = [\"A\", \"B\"]\n";
    let flags = Flags { mounts: vec!["rel:/b".into()], env: vec!["B=1=2".into(), "C".into()], ..Flags::default() };
    let settings = ok(file, &[], &flags);
    let current = std::env::current_dir().expect("a current folder");
    let mounts: Vec<String> = settings.sandbox.mounts.iter().map(ToString::to_string).collect();
    assert_eq!(mounts, ["/a:ro".to_owned(), format!("{}/rel:/b", current.display())]);
    assert_eq!(settings.sandbox.mounts.origin, Origin::Flag("--mount".into()));
    let variables: Vec<_> = settings.variables.iter().map(|one| (one.name.as_str(), one.value.as_deref())).collect();
    assert_eq!(variables, [("A", None), ("B", Some("1=2".as_ref())), ("C", None)]);
}

#[test]
fn the_modes_order() {
    let file = "mode = \"apple\"\n[agents.codex]\nmode = \"host\"\n";
    let mode = |variables: &[(&str, &str)], flag: Option<&str>, agent| {
        let flags = Flags { mode: flag.map(str::to_owned), ..Flags::default() };
        shown(&ok(file, variables, &flags).mode_for(agent), ToString::to_string)
    };
    let (claude, codex) = (AgentName::Claude, AgentName::Codex);
    assert_eq!(mode(&[], None, claude), "apple config.toml:1");
    assert_eq!(mode(&[], None, codex), "host config.toml:3");
    assert_eq!(mode(&[("LAUNCH_MODE", "docker")], None, codex), "docker $LAUNCH_MODE");
    assert_eq!(mode(&[("LAUNCH_MODE", "process")], None, claude), "host $LAUNCH_MODE");
    let sandbox = ("EXECUTION_ENVIRONMENT", "sandbox");
    assert_eq!(mode(&[("LAUNCH_MODE", "process"), sandbox], None, codex), "apple $EXECUTION_ENVIRONMENT");
    assert_eq!(mode(&[("RINGFENCE_MODE", "docker"), sandbox], None, claude), "docker $RINGFENCE_MODE");
    assert_eq!(mode(&[("RINGFENCE_MODE", "docker"), sandbox], Some("host"), claude), "host --mode");
    assert_eq!(mode(&[("AGENT_LOOP_HOST", "1"), sandbox], Some("docker"), claude), "host $AGENT_LOOP_HOST");
    assert_eq!(mode(&[("AGENT_LOOP_HOST", "0")], Some("sandbox"), claude), "apple --mode");
    let settings = ok("", &[], &Flags { mode: Some("sandbox".into()), ..Flags::default() });
    assert_eq!(settings.mode.value, Mode::Docker);
    let forced = ok(file, &[("AGENT_LOOP_HOST", "1")], &Flags { mode: Some("docker".into()), ..Flags::default() });
    assert_eq!(
        forced.warnings,
        ["$AGENT_LOOP_HOST forces the host: nothing is ring-fenced, although --mode asks for a sandbox"]
    );
    assert_eq!(forced.rows()[0].origin, "$AGENT_LOOP_HOST");
}

#[test]
fn the_login_folders_of_earlier_tools() {
    let folders = |variables: &[(&str, &str)]| {
        let settings = ok("[agents.claude]\nauth_dir = \"~/file\"\n", variables, &Flags::default());
        let (claude, codex) = (settings.agent(AgentName::Claude), settings.agent(AgentName::Codex));
        [&claude.auth_dir, &claude.config_dir, &codex.auth_dir].map(|folder| folder.display().to_string())
    };
    assert_eq!(folders(&[]), ["/home/u/file", "/home/u/.config/claude", "/home/u/.codex"]);
    assert_eq!(folders(&[("CLAUDE_CONFIG_DIR", "/c"), ("CODEX_HOME", "/x")]), ["/c", "/c", "/x"]);
    let all = [("CLAUDE_CONFIG_DIR", "/c"), ("CLAUDE_AUTH_DIR", "~/a"), ("CODEX_HOME", "/x"), ("CODEX_AUTH_DIR", "/y")];
    assert_eq!(folders(&all), ["/home/u/a", "/c", "/y"]);
}

#[test]
fn the_examples_are_legal() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("examples") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let flags = Flags { config: Some(path), ..Flags::default() };
            Settings::resolve(&flags, &Environment::of([("HOME", "/home/u")])).expect("a legal example");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn the_example_of_every_key_states_the_defaults() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/config.toml");
    let env = Environment::of([("HOME", "/home/u")]);
    let flags = Flags { config: Some(path), ..Flags::default() };
    let example = Settings::resolve(&flags, &env).expect("a legal example");
    let defaults = Settings::resolve(&Flags::default(), &env).expect("defaults");
    for (stated, default) in example.rows().iter().zip(defaults.rows()) {
        assert_eq!((&stated.key, &stated.value), (&default.key, &default.value));
        // An agent's own mode has no default to state: it would stand in the way of the general one.
        let own_mode = matches!(stated.key.split('.').collect::<Vec<_>>()[..], ["agents", _, "mode"]);
        assert!(own_mode || stated.origin != "default", "{}", stated.key);
    }
}
