//! `PostgreSQL` is stopped, crashes, takes no writes, has no connection to spare, is slow, or is cut
//! off. What happens when a database is closed is tested beside this (`serve/outage.rs`).

use std::time::Duration;

use crate::{cluster::Cluster, database::Kind, round::Stage};

#[test]
fn stopped_and_started() {
    let cluster = Cluster::start();
    let mut stage = Stage::at(&cluster);
    for mode in ["fast", "immediate"] {
        stage.suffers(|_| cluster.stops(mode), |_| cluster.starts());
    }
    stage.ends();
}

/// As a database that is being moved, or one that lost its leader.
#[test]
fn read_only_for_everybody() {
    let cluster = Cluster::start();
    let mut stage = Stage::at(&cluster);
    let read_only = |on: &str| {
        cluster.ask(&format!("ALTER SYSTEM SET default_transaction_read_only = {on}"));
        cluster.ask("SELECT pg_reload_conf()");
    };
    stage.suffers(|_| read_only("on"), |_| read_only("off"));
    stage.ends();
}

/// Whoever connected meanwhile keeps the setting for as long as the connection lasts.
#[test]
fn read_only_for_new_connections() {
    let cluster = Cluster::start();
    let mut stage = Stage::at(&cluster);
    let read_only = |stage: &Stage, setting: &str| {
        let name = stage.scene.site.postgres.as_ref().unwrap().name().to_owned();
        cluster.ask(&format!("ALTER DATABASE {name} {setting}"));
    };
    stage.suffers(
        |stage| {
            read_only(stage, "SET default_transaction_read_only = on");
            cluster.throws_out();
        },
        |stage| read_only(stage, "RESET default_transaction_read_only"),
    );
    stage.ends();
}

#[test]
fn without_a_connection_to_spare() {
    let cluster = Cluster::start();
    let mut stage = Stage::at(&cluster);
    stage.suffers(
        |_| {
            cluster.ask("ALTER ROLE actas CONNECTION LIMIT 0");
            cluster.throws_out();
        },
        |_| {
            cluster.ask("ALTER ROLE actas CONNECTION LIMIT -1");
        },
    );
    stage.ends();
}

/// What the disk says when a table must grow. A log that cannot grow crashes the whole server, which
/// is tested above.
#[test]
fn without_room_on_its_disk() {
    let cluster = Cluster::start();
    let mut stage = Stage::at(&cluster);
    let postgres = |stage: &Stage, sql: &str| {
        stage.scene.site.postgres.as_ref().unwrap().ask(sql);
    };
    stage.suffers(
        |stage| {
            postgres(
                stage,
                "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                   RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$; \
                 CREATE TRIGGER no_room BEFORE INSERT ON events EXECUTE FUNCTION no_room(); \
                 CREATE TRIGGER no_room BEFORE UPDATE ON installation EXECUTE FUNCTION no_room()",
            );
        },
        |stage| {
            postgres(stage, "DROP FUNCTION no_room CASCADE");
        },
    );
    stage.ends();
}

#[test]
fn slow() {
    let mut stage = Stage::on(Kind::Postgres);
    // Slower than it ever was, and yet in time.
    stage.meanwhile(|stage| {
        let unavailable = stage.books.open().unavailable;
        stage.wire.as_ref().unwrap().delays(Duration::from_millis(200));
        stage.issues(10);
        assert_eq!(stage.books.open().unavailable, unavailable);
        stage.wire.as_ref().unwrap().delays(Duration::ZERO);
    });
    stage.lives_on();
    // Too slow to wait for.
    stage.suffers_silently(
        |stage| stage.wire.as_ref().unwrap().delays(Duration::from_secs(4)),
        |stage| stage.wire.as_ref().unwrap().delays(Duration::ZERO),
    );
    stage.ends();
}

/// The other side is gone, and nobody says so; a new connection would find it.
#[test]
fn silent() {
    let mut stage = Stage::on(Kind::Postgres);
    stage.suffers_silently(|stage| stage.wire.as_ref().unwrap().falls_silent(), |_| {});
    stage.ends();
}

#[test]
fn not_to_be_reached() {
    let mut stage = Stage::on(Kind::Postgres);
    stage.suffers(
        |stage| {
            let wire = stage.wire.as_ref().unwrap();
            wire.refuses(true);
            wire.cuts();
        },
        |stage| stage.wire.as_ref().unwrap().refuses(false),
    );
    stage.ends();
}
