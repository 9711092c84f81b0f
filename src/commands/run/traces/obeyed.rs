//! What others obey in a workspace, and who does.

/// How a file is to be read.
#[derive(Clone, Copy)]
pub(super) enum As {
    /// All of it counts.
    Whole,
    /// Git's configuration: what may execute something.
    GitConfig,
    /// Git's attributes: the lines that call a filter, a diff or a merge driver.
    Attributes,
    /// `package.json`: its scripts.
    Scripts,
}

/// Files of a workspace that others obey, with who does.
pub(super) const FILES: &[(&str, As, &str)] = &[
    (".envrc", As::Whole, "direnv"),
    (".mcp.json", As::Whole, "an agent"),
    ("opencode.json", As::Whole, "opencode"),
    ("opencode.jsonc", As::Whole, "opencode"),
    (".devcontainer.json", As::Whole, "an editor"),
    (".npmrc", As::Whole, "a package manager"),
    (".yarnrc", As::Whole, "a package manager"),
    (".yarnrc.yml", As::Whole, "a package manager"),
    (".pnpmfile.cjs", As::Whole, "a package manager"),
    (".pnpmfile.mjs", As::Whole, "a package manager"),
    (".pre-commit-config.yaml", As::Whole, "git"),
    ("package.json", As::Scripts, "a package manager"),
    (".gitattributes", As::Attributes, "git"),
];

/// Folders of a workspace with files that others obey: with how the names begin. (codex reads its own in projects that are trusted;
/// opencode loads every plugin and tool there is.) `*` is every folder there.
pub(super) const FOLDERS: &[(&str, &str, &str)] = &[
    (".claude", "settings", "claude"),
    (".codex", "config.toml", "codex"),
    (".codex", "hooks", "codex"),
    (".opencode", "opencode.json", "opencode"),
    (".opencode/plugin", "", "opencode"),
    (".opencode/plugins", "", "opencode"),
    (".opencode/tool", "", "opencode"),
    (".opencode/tools", "", "opencode"),
    (".vscode", "", "an editor"),
    (".cursor", "mcp.json", "an editor"),
    (".cursor", "hooks.json", "an editor"),
    (".devcontainer", "", "an editor"),
    (".devcontainer/*", "", "an editor"),
    (".cargo", "config", "cargo"),
];
