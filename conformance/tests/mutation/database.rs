//! What is true of the database between two requests.

use std::process::Command;

use super::scene::Scene;

/// A delegation that lives below one that has ended, or that hangs on nothing.
const ORPHANS: &str = "SELECT COUNT(*) FROM delegations AS one LEFT JOIN delegations AS parent \
    ON parent.org = one.org AND parent.id = one.parent WHERE one.parent IS NOT NULL AND \
    one.ended_at IS NULL AND (parent.id IS NULL OR parent.ended_at IS NOT NULL)";

/// Looks at it with the shell of its own; tells when it cannot.
///
/// # Errors
///
/// What is wrong with it.
pub fn hold(scene: &Scene) -> Result<(), String> {
    let Some(url) = &scene.target.database else {
        println!("the database cannot be looked into from here: its invariants are not checked");
        return Ok(());
    };
    if let Some(file) = url.strip_prefix("sqlite:") {
        let ask = |sql: &str| answer(Command::new("sqlite3").args(["-readonly", file, sql]));
        expect(ask("PRAGMA integrity_check"), "ok")?;
        return expect(ask(ORPHANS), "0");
    }
    let ask = |sql: &str| {
        answer(Command::new("psql").args([
            "--no-psqlrc",
            "--tuples-only",
            "--no-align",
            "-c",
            sql,
            url,
        ]))
    };
    // Work is under way at any moment; what stays open is what nobody finishes.
    let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND \
        state LIKE 'idle in transaction%' AND state_change < now() - interval '2 seconds'";
    expect(ask(open), "0")?;
    expect(ask(ORPHANS), "0")
}

fn answer(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = if output.status.success() { &output.stdout } else { &output.stderr };
    Some(String::from_utf8_lossy(text).trim().to_owned())
}

fn expect(said: Option<String>, wanted: &str) -> Result<(), String> {
    match said {
        Some(said) if said == wanted => Ok(()),
        Some(said) => Err(format!("6: the database says `{said}`, not `{wanted}`")),
        None => {
            println!("the database's shell is not installed: its invariants are not checked");
            Ok(())
        }
    }
}
