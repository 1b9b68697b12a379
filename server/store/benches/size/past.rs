//! What a database is filled with: events in their place, and delegations that are long dead.
//!
//! Everything hangs on the one grant, agent and user that is measured with: the worst case. Of every
//! thousand records, one user's. What is filled in has no chain of hashes that could be verified;
//! its end is attested, so that it can be added to.

use delegation::trail::{Anchor, Notary};
use sqlx::{PgPool, SqlitePool};

use crate::{
    Outcome,
    place::{GRANT, NOW, ORG},
};

pub(crate) struct Past {
    pub records: u32,
    pub delegations: u32,
}

/// About 500 bytes, like those of an exchange.
const RECORD: &str = r#"
  '{"id":"' || id || '","org":"acme","at":' || at || ',"outcome":"' || outcome || '","request_id":"'
  || id || '","client_address":"192.0.2.1","client":"' || client || '","subject":"' || subject
  || '","chain":[{"iss":"https://actas.example","sub":"agent:orchestrator"}],'
  || '"target":"https://documents.example","scope_requested":"documents:read",'
  || '"scope_granted":"documents:read","delegation":"' || id || '","root":"' || root
  || '","grant":"grant-alice","checks":[{"connection":"home","kind":"introspection","answer":"good",'
  || '"age_ms":0,"took_us":1200,"shared":false,"mode":"strict"}]}'"#;

/// Every record has a second of its own, ending at [`NOW`]; three make a chain.
const TRAIL: &str = "
  INSERT INTO trail (org, seq, id, at, outcome, client, subject, delegation, root, record, hash)
  SELECT 'acme', seq, id, at, outcome, client, subject, id, root, RECORD, HASH
  FROM (
    SELECT seq, UUID(seq) AS id, START + seq AS at, UUID(seq - seq % 3) AS root,
      CASE WHEN seq % 10 = 0 THEN 'refused' ELSE 'issued' END AS outcome,
      'agent-' || (seq % 50) AS client, 'user-' || (seq % USERS) AS subject
    FROM SERIES) AS rows";

/// Half of them have ended, the others expired; three make a chain.
const DELEGATIONS: &str = "
  INSERT INTO delegations (
    org, id, parent, root, grant_id, connection, user_sub, agent, target, scope, depth, token_hash,
    issued_at, expires_at, ended_at)
  SELECT 'acme', UUID(seq), CASE WHEN seq % 3 = 0 THEN NULL ELSE UUID(seq - 1) END,
    UUID(seq - seq % 3), 'GRANT', 'home', 'alice', 'orchestrator', 'https://documents.example',
    'documents:read', 1 + seq % 3, HASH, DEAD, DEAD + 300,
    CASE WHEN seq % 2 = 0 THEN DEAD + 100 END
  FROM SERIES";

impl Past {
    pub async fn fill_postgres(&self, pool: &PgPool, notary: &Notary) -> Outcome<()> {
        let run = |sql: String| async move {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(pool).await.map(drop)
        };
        let indexes: Vec<(String, String)> = sqlx::query_as(
            "SELECT indexname::text, indexdef::text FROM pg_indexes
             WHERE tablename IN ('trail', 'delegations') AND indexname NOT LIKE '%_pkey'",
        )
        .fetch_all(pool)
        .await?;
        for (name, _) in &indexes {
            run(format!("DROP INDEX {name}")).await?;
        }
        let text = |sql: &str, rows: u32| {
            self.filled_in(sql)
                .replace("HASH", "sha256(seq::text::bytea)")
                .replace("SERIES", &format!("generate_series(1, {rows}) AS series (seq)"))
        };
        run("CREATE FUNCTION past_id(seq bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
               SELECT '01800000-0000-7' || substr(lpad(to_hex(seq), 12, '0'), 1, 3) || '-8000-'
                 || lpad(to_hex(seq), 12, '0') $$"
            .to_owned())
        .await?;
        run(text(TRAIL, self.records)).await?;
        run(text(DELEGATIONS, self.delegations)).await?;
        for (_, definition) in indexes {
            run(definition).await?;
        }
        run("VACUUM ANALYZE".to_owned()).await?;
        let Anchor { seq, hash, attestation } = notary.anchor(i64::from(self.records), [7; 32])?;
        let first = notary.beginning(seq, hash)?.attestation;
        let end = sqlx::query(END).bind(seq).bind(&hash[..]).bind(&attestation[..]);
        end.bind(&first[..]).execute(pool).await?;
        pool.close().await;
        Ok(())
    }

    pub async fn fill_sqlite(&self, pool: &SqlitePool, notary: &Notary) -> Outcome<()> {
        let mut connection = pool.acquire().await?;
        let indexes: Vec<(String, String)> = sqlx::query_as(
            "SELECT name, sql FROM sqlite_schema
             WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('trail', 'delegations')",
        )
        .fetch_all(&mut *connection)
        .await?;
        let text = |sql: &str, rows: u32| {
            let series = format!(
                "(WITH RECURSIVE series (seq) AS (
                   SELECT 1 UNION ALL SELECT seq + 1 FROM series WHERE seq < {rows})
                 SELECT seq FROM series)"
            );
            self.filled_in(sql)
                .replace("HASH", "CAST(printf('%032d', seq) AS BLOB)")
                .replace("SERIES", &series)
                .replace("past_id(", "printf('01800000-0000-7000-8000-%012x', ")
        };
        let drops = indexes.iter().map(|(name, _)| format!("DROP INDEX {name}"));
        let fills = [text(TRAIL, self.records), text(DELEGATIONS, self.delegations)];
        let makes = indexes.iter().map(|(_, definition)| definition.clone());
        let quick = ["PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "BEGIN"];
        let safe = ["COMMIT", "PRAGMA journal_mode = WAL"];
        let all = quick.map(str::to_owned).into_iter();
        let all = all.chain(drops).chain(fills).chain(makes).chain(safe.map(str::to_owned));
        for sql in all {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await?;
        }
        let Anchor { seq, hash, attestation } = notary.anchor(i64::from(self.records), [7; 32])?;
        let first = notary.beginning(seq, hash)?.attestation;
        sqlx::query(END)
            .bind(seq)
            .bind(&hash[..])
            .bind(&attestation[..])
            .bind(&first[..])
            .execute(&mut *connection)
            .await?;
        drop(connection);
        pool.close().await;
        Ok(())
    }

    fn filled_in(&self, sql: &str) -> String {
        let users = (self.records / 1000).max(1);
        sql.replace("RECORD", RECORD)
            .replace("UUID(", "past_id(")
            .replace("USERS", &users.to_string())
            .replace("START", &(NOW.0 - i64::from(self.records)).to_string())
            // A month ago.
            .replace("DEAD", &(NOW.0 - 30 * 24 * 60 * 60).to_string())
            .replace("GRANT", GRANT)
            .replace("'acme'", &format!("'{ORG}'"))
    }
}

const END: &str = "
  INSERT INTO trail_ends (org, seq, hash, attestation, first_seq, first_hash, first_attestation)
  VALUES ('acme', $1, $2, $3, $1, $2, $4)";
