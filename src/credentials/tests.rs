use super::*;
use crate::command::CommandSpec;
use crate::config::{Flags, Settings};

const FAR: i64 = 4_102_444_800_000; // 2100-01-01, ms

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, contents: &str) -> &Self {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
        self
    }

    fn lease(&self, agent: AgentName, variables: &[(&str, &str)], ask: Ask<'_>) -> Result<Lease, Failure> {
        let home = self.0.path().to_str().unwrap();
        let env = Environment::of(variables.iter().copied().chain([("HOME", home)]));
        let settings = Settings::resolve(&Flags::default(), &env)?;
        lease(agent, settings.agent(agent), &env, &settings.variables, ask)
    }
}

fn silent(_: &CommandSpec, _: Duration) -> anyhow::Result<Option<Answer>> {
    panic!("no command was configured")
}

fn text(lease: &Lease) -> String {
    String::from_utf8(lease.files[0].contents.clone()).unwrap()
}

#[test]
fn a_claude_login_is_leased_without_what_renews_it() {
    let home = Home::new();
    let login = format!(
        r#"{{"claudeAiOauth":{{"accessToken":"at","refreshToken":"SECRET","expiresAt":{FAR},"scopes":["user:inference"]}},"mcpOAuth":"SECRET"}}"#
    );
    home.write(".claude/.credentials.json", &login);
    let lease = home.lease(AgentName::Claude, &[], &silent).unwrap();
    assert_eq!(lease.files[0].path, ".claude/.credentials.json");
    assert!(text(&lease).contains(r#""accessToken":"at""#) && !text(&lease).contains("SECRET"), "{}", text(&lease));
    assert_eq!(lease.expires.unwrap().as_millisecond(), FAR);
    assert_eq!(std::fs::read_to_string(home.0.path().join(".claude/.credentials.json")).unwrap(), login);
}

#[test]
fn a_codex_login_keeps_an_empty_refresh_token_and_its_end_is_read() {
    let home = Home::new();
    let claims = base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, r#"{"exp":4102444800}"#);
    let login =
        format!(r#"{{"OPENAI_API_KEY":null,"tokens":{{"access_token":"h.{claims}.s","refresh_token":"SECRET"}}}}"#);
    home.write(".codex/auth.json", &login);
    let lease = home.lease(AgentName::Codex, &[], &silent).unwrap();
    assert!(text(&lease).contains(r#""refresh_token":"""#) && !text(&lease).contains("SECRET"), "{}", text(&lease));
    assert_eq!(lease.expires.unwrap().as_millisecond(), FAR);
}

#[test]
fn a_variable_wins_and_what_it_shadows_is_named() {
    let home = Home::new();
    home.write(".codex/auth.json", "not read");
    let lease = home.lease(AgentName::Codex, &[("OPENAI_API_KEY", "k")], &silent).unwrap();
    assert_eq!(lease.env, [("CODEX_API_KEY", OsString::from("k"))]);
    assert_eq!(lease.source.as_deref(), Some("$OPENAI_API_KEY"));
    assert!(lease.shadowed[0].ends_with(".codex/auth.json"));
    let both = [("ANTHROPIC_API_KEY", "a"), ("CLAUDE_CODE_OAUTH_TOKEN", "o")];
    let lease = home.lease(AgentName::Claude, &both, &silent).unwrap();
    assert_eq!(lease.env, [("CLAUDE_CODE_OAUTH_TOKEN", OsString::from("o"))]);
    assert_eq!(lease.shadowed, ["$ANTHROPIC_API_KEY"]);
    let lease = home.lease(AgentName::Opencode, &[("GEMINI_API_KEY", "g"), ("OPENAI_API_KEY", "o")], &silent).unwrap();
    assert_eq!(
        lease.env,
        [("OPENAI_API_KEY", OsString::from("o")), ("GOOGLE_GENERATIVE_AI_API_KEY", OsString::from("g"))],
        "all its providers' keys, by the names that it reads"
    );
}

#[test]
fn unusable_and_expired_files_say_why() {
    for (contents, class, why) in [
        ("{", Class::AuthMissing, "not JSON"),
        ("[]", Class::AuthMissing, "not a JSON object"),
        ("{}", Class::AuthMissing, "claudeAiOauth"),
        (r#"{"claudeAiOauth":{"accessToken":"","scopes":["a"]}}"#, Class::AuthMissing, "accessToken"),
        (r#"{"claudeAiOauth":{"accessToken":"a"}}"#, Class::AuthMissing, "scopes"),
        (r#"{"claudeAiOauth":{"accessToken":"a","scopes":["a"],"expiresAt":1}}"#, Class::AuthExpired, "expired"),
    ] {
        let home = Home::new();
        home.write(".claude/.credentials.json", contents);
        let failure = home.lease(AgentName::Claude, &[], &silent).err().unwrap();
        assert_eq!(failure.class, class, "{contents}");
        assert!(failure.message.contains(why), "{contents}: {}", failure.message);
        assert!(failure.hint.contains("claude"), "{}", failure.hint);
    }
}

#[test]
fn a_login_that_is_a_pipe_is_not_waited_for() {
    let home = Home::new();
    home.write(".claude/settings.json", "{}");
    let pipe = home.0.path().join(".claude/.credentials.json");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
    let failure = home.lease(AgentName::Claude, &[], &silent).err().unwrap();
    assert!(failure.class == Class::AuthMissing && failure.message.contains("no regular file"), "{failure:?}");
}

#[test]
fn a_token_command_that_gives_nothing_usable_is_an_error_and_never_another_identity() {
    let home = Home::new();
    home.write(".config/ringfence/config.toml", "[agents.claude]\ntoken_command = [\"vault\", \"x\"]\n");
    home.write(".claude/.credentials.json", "never read");
    let answer = |success, stdout: &'static str| {
        let answer = Answer { success, stdout: stdout.into(), stderr: "locked\n".into() };
        move |_: &CommandSpec, _: Duration| Ok(Some(answer.clone()))
    };
    let good = home.lease(AgentName::Claude, &[], &answer(true, " sk-ant-oat-1\n")).unwrap();
    assert_eq!(good.env, [("CLAUDE_CODE_OAUTH_TOKEN", OsString::from("sk-ant-oat-1"))]);
    let login =
        "{\n  \"claudeAiOauth\": {\"accessToken\": \"at\", \"refreshToken\": \"SECRET\", \"scopes\": [\"a b\"]}\n}\n";
    let whole = home.lease(AgentName::Claude, &[], &answer(true, login)).unwrap();
    assert!(text(&whole).contains(r#""accessToken":"at""#) && !text(&whole).contains("SECRET"), "{}", text(&whole));
    for (ask, why) in [
        (&answer(false, "token") as Ask<'_>, "failed"),
        (&answer(true, " \n"), "printed nothing"),
        (&answer(true, "Welcome!\nsk-ant-oat-1\n"), "beside a token"),
        (&answer(true, "\u{1b}[32msk-ant-oat-1\u{1b}[0m\n"), "beside a token"),
        (&answer(true, "\u{feff}sk-ant-oat-1\n"), "beside a token"),
        (&|_: &CommandSpec, _| Ok(None), "did not end"),
        (&|_: &CommandSpec, _| anyhow::bail!("no such program"), "could not be started"),
    ] {
        let failure = home.lease(AgentName::Claude, &[], ask).err().unwrap();
        assert_eq!(failure.class, Class::AuthMissing);
        assert!(failure.message.contains(why), "{}", failure.message);
        assert!(failure.hint.contains("vault x"), "{}", failure.hint);
    }
}

#[test]
fn a_lease_that_ends_too_soon_and_one_that_is_missing_are_warned_of() {
    let now = Timestamp::now();
    let lease = Lease { source: Some("x".into()), expires: Some(now + Duration::from_secs(90)), ..Lease::default() };
    let warnings = lease.warnings(AgentName::Claude, Some(Duration::from_secs(1800)), now);
    assert!(warnings[0].contains("ends in 1m30s, before the timeout of 30m"), "{warnings:?}");
    assert!(lease.warnings(AgentName::Claude, Some(Duration::from_secs(60)), now).is_empty());
    assert!(Lease::default().warnings(AgentName::Codex, None, now)[0].contains("codex login"));
}
