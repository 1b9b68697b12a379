use crate::process::{Finished, actas};

fn printed(arguments: &[&str]) -> String {
    Finished::of(actas(arguments.iter().copied())).succeeded()
}

#[test]
fn tells_its_version() {
    assert_eq!(printed(&["--version"]), format!("actas {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn help_names_every_command() {
    let help = printed(&["--help"]);
    for command in [
        "serve",
        "check-config",
        "apply",
        "idp",
        "revoke",
        "restore",
        "audit",
        "keys",
        "demo",
        "master-key",
    ] {
        let told = help.lines().find_map(|line| line.trim().strip_prefix(command));
        let about = told.unwrap_or_else(|| panic!("`{command}` is not in:\n{help}"));
        assert!(10 < about.trim().len(), "nothing about `{command}` in:\n{help}");
    }
}

#[test]
fn help_of_a_command_names_its_options() {
    let help = printed(&["apply", "--help"]);
    for option in [
        "--file",
        "--config",
        "--dry-run",
        "--json",
        "--new-secret",
        "--add-secret",
        "--drop-old-secrets",
        "Examples:",
    ] {
        assert!(help.contains(option), "`{option}` is not in:\n{help}");
    }
}

#[test]
fn help_of_the_commands_for_identity_providers_shows_how_they_are_used() {
    let help = printed(&["idp", "--help"]);
    assert!(help.contains("check") && help.contains("clear"), "{help}");
    let help = printed(&["idp", "check", "--help"]);
    for option in ["--token-file", "--directory-id", "--session", "--device", "--json", "Examples:"]
    {
        assert!(help.contains(option), "`{option}` is not in:\n{help}");
    }
    let help = printed(&["idp", "clear", "--help"]);
    assert!(help.contains("--reason") && help.contains("Example:"), "{help}");
}

/// Whoever needs it is in a hurry.
#[test]
fn help_of_what_stops_and_what_tells_shows_how_it_is_used() {
    for (command, below) in [
        ("audit", &["query", "tail", "verify", "head"][..]),
        ("keys", &["list", "rotate", "rewrap"]),
        (
            "revoke",
            &["token", "delegation", "session", "user", "agent", "grant", "connection", "org"],
        ),
        ("restore", &["agent", "connection", "org", "user"]),
    ] {
        let help = printed(&[command, "--help"]);
        for name in below {
            assert!(help.contains(name), "`{name}` is not in:\n{help}");
            let help = printed(&[command, name, "--help"]);
            let example = format!("\n  actas {command} {name} ");
            assert!(help.contains(&example), "`{example}` is not in:\n{help}");
        }
    }
}

#[test]
fn says_how_to_use_it_when_nothing_is_asked() {
    let Finished { code, stdout, stderr } = Finished::of(actas([]));
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("Usage: actas"), "{stderr}");
}

#[test]
fn refuses_an_unknown_command() {
    let Finished { code, stderr, .. } = Finished::of(actas(["conquer"]));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("conquer"), "{stderr}");
}
