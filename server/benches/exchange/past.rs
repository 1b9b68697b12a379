//! What a database is filled with: other organizations, or a long past.

use std::{path::Path, sync::Arc};

use delegation::trail::{Anchor, Notary};
use keys::DataKey;
use server::{
    app::{Connected, connect},
    apply::{self, Asked, How, check},
    clock,
    config::Config,
};
use store::Store;

use crate::{
    Outcome,
    actas::{Applied, Filling},
    exchanges::{self, What},
    places::Place,
};

/// Organizations beside the first.
pub(crate) const ORGS: usize = 999;
/// Grants in each of them: 99,900 in all.
pub(crate) const GRANTS: usize = 100;
/// Events in their place in the trail, and delegations that are long dead. A modest past: of ten million
/// and one million `make bench-size` tells.
pub(crate) const EVENTS: u32 = 200_000;
pub(crate) const DEAD: u32 = 100_000;

/// Declares organizations as `actas apply` does, but in this process.
pub(crate) fn crowd(filling: &mut Filling, issuer: &str) -> Outcome<()> {
    let secrets = Asked::default();
    let how = How { dry_run: false, secrets, now: clock::now() };
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = clock::id().simple();
    let others = inside(filling, async |store, key| {
        let registry = store.registry();
        let mut others = Vec::with_capacity(ORGS);
        for number in 0..ORGS {
            let id = format!("crowd-{number}-{run}");
            let org = exchanges::plain(&id, issuer, GRANTS, What::Nothing);
            let desired = check::parse(&toml::to_string(&org)?, base);
            let desired = desired.map_err(|problems| problems.join("; "))?;
            let applied = apply::apply_desired(&*registry, key, desired, how).await?;
            others.push(Applied { org: applied.org, secrets: applied.secrets });
        }
        Ok(others)
    })?;
    filling.others.extend(others);
    Ok(())
}

/// Gives the first organization a past.
pub(crate) fn age(filling: &Filling, directory: &Path, place: &Place) -> Outcome<()> {
    place.run(directory, &text(&filling.org, place.database.name))?;
    let end = inside(filling, async |_, key| {
        let notary = Notary::new(&filling.org, Arc::clone(key));
        let Anchor { seq, hash, attestation } = notary.anchor(i64::from(EVENTS), [7; 32])?;
        let first = notary.beginning(seq, hash)?.attestation;
        let blob = |bytes: &[u8]| {
            let hex = bytes.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"));
            match place.database.name {
                "SQLite" => format!("X'{hex}'"),
                _ => format!("'\\x{hex}'::bytea"),
            }
        };
        // What is filled in has no chain of hashes that could be verified; its end is attested, so
        // that it can be added to.
        Ok(format!(
            "INSERT INTO trail_ends
               (org, seq, hash, attestation, first_seq, first_hash, first_attestation)
             VALUES ('{}', {seq}, {hash}, {}, {seq}, {hash}, {})",
            filling.org,
            blob(&attestation),
            blob(&first),
            hash = blob(&hash),
        ))
    })?;
    place.run(directory, &end)
}

/// Opens the database as the server does.
fn inside<T>(
    filling: &Filling,
    what: impl AsyncFnOnce(&Store, &Arc<DataKey>) -> Outcome<T>,
) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let config = Config::load(&filling.config)?;
        let Connected { store, data_key, .. } = connect(&config).await?;
        let outcome = what(&store, &data_key).await;
        store.close().await;
        outcome
    })
}

/// About 500 bytes, like those of an exchange.
const RECORD: &str = r#"
  '{"id":"' || id || '","org":"ORG","at":' || at || ',"outcome":"issued","request_id":"' || id
  || '","client_address":"192.0.2.1","client":"orchestrator","subject":"' || subject
  || '","chain":[{"iss":"https://actas.example","sub":"agent:orchestrator"}],'
  || '"target":"https://documents.demo.example","scope_requested":"documents:read",'
  || '"scope_granted":"documents:read","delegation":"' || id || '","root":"' || id
  || '","grant":"grant","checks":[{"connection":"corp","kind":"introspection","answer":"good",'
  || '"age_ms":0,"took_us":1200,"shared":false,"mode":"strict"}]}'"#;

/// An event every second until now, and dead delegations of those who are measured: half of them were
/// ended, the others have expired; three make a chain.
const PAST: &str = "
  INSERT INTO trail (org, seq, id, at, outcome, client, subject, delegation, root, record, hash)
  SELECT 'ORG', seq, id, at, 'issued', 'orchestrator', subject, id, id, RECORD, HASH
  FROM (SELECT seq, ID(seq) AS id, START + seq AS at, USER AS subject FROM EVENTS) AS rows;

  INSERT INTO delegations (
    org, id, parent, root, grant_id, connection, user_sub, agent, target, scope, depth, token_hash,
    issued_at, expires_at, ended_at)
  SELECT 'ORG', ID(series.seq),
    CASE WHEN series.seq % 3 = 0 THEN NULL ELSE ID(series.seq - 1) END,
    ID(series.seq - series.seq % 3), grants.id, 'corp', grants.user_sub, grants.agent,
    'https://documents.demo.example', 'documents:read', 1 + series.seq % 3, HASH, BEFORE, BEFORE + 300,
    CASE WHEN series.seq % 2 = 0 THEN BEFORE + 100 END
  FROM DELEGATIONS
  JOIN (
    SELECT id, user_sub, agent, row_number() OVER (ORDER BY id) - 1 AS number
    FROM grants WHERE org = 'ORG' AND agent = 'orchestrator') AS grants
  ON grants.number = series.seq % 256;";

/// The same in one of the two dialects.
fn text(org: &str, database: &str) -> String {
    const MONTH: i64 = 30 * 24 * 60 * 60;
    let now = clock::now().0;
    let common = PAST
        .replace("RECORD", RECORD)
        .replace("ORG", org)
        .replace("START", &(now - i64::from(EVENTS)).to_string())
        .replace("BEFORE", &(now - MONTH).to_string());
    let in_both = |id: &str, user: &str, hash: &str| {
        common.replace("ID(", id).replace("USER", user).replace("HASH", hash)
    };
    if database == "SQLite" {
        let series = |rows: u32| {
            format!(
                "(WITH RECURSIVE numbers (seq) AS (
                   SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {rows})
                 SELECT seq FROM numbers) AS series"
            )
        };
        let sql = in_both(
            "printf('01800000-0000-7000-8000-%012x', ",
            "printf('user-%04d@corp.example', seq % 256)",
            "CAST(printf('%032d', seq) AS BLOB)",
        );
        let sql = sql.replace("EVENTS", &series(EVENTS)).replace("DELEGATIONS", &series(DEAD));
        format!("BEGIN; {sql} COMMIT;")
    } else {
        let series = |rows: u32| format!("generate_series(1, {rows}) AS series (seq)");
        let sql = in_both(
            "past_id(",
            "'user-' || lpad((seq % 256)::text, 4, '0') || '@corp.example'",
            "sha256(seq::text::bytea)",
        );
        let sql = sql.replace("EVENTS", &series(EVENTS)).replace("DELEGATIONS", &series(DEAD));
        format!(
            "CREATE FUNCTION past_id(seq integer) RETURNS text IMMUTABLE LANGUAGE sql AS $$
               SELECT '01800000-0000-7000-8000-' || lpad(to_hex(seq), 12, '0') $$;
             {sql} ANALYZE;"
        )
    }
}
