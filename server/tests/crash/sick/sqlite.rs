//! The file of `SQLite` is locked by another process, or its disk is full.

use std::{
    cell::Cell,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use crate::{database::Kind, round::Stage, scene::Site};

/// Another process that writes, and does not come to its end.
struct Locked(Child);

impl Locked {
    fn by_another(site: &Site) -> Self {
        let mut sqlite = Command::new("sqlite3");
        sqlite.arg("-batch").arg(site.path("actas.db"));
        sqlite.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = sqlite.spawn().expect("the shell `sqlite3` must be in PATH");
        let wait = ".timeout 60000\nBEGIN EXCLUSIVE;\nSELECT 'locked';\n";
        child.stdin.as_mut().unwrap().write_all(wait.as_bytes()).unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "locked\n");
        Self(child)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

#[test]
fn locked_by_another_process() {
    let mut stage = Stage::on(Kind::Sqlite);
    let lock = Cell::new(None);
    stage.suffers(
        |stage| lock.set(Some(Locked::by_another(&stage.scene.site))),
        |_| drop(lock.take()),
    );
    stage.ends();
}

#[test]
fn without_room_on_its_disk() {
    let mut stage = Stage::on(Kind::Sqlite);
    stage.suffers(
        |stage| stage.files.as_ref().unwrap().are_full(true),
        |stage| stage.files.as_ref().unwrap().are_full(false),
    );
    stage.ends();
}

/// It died of the full disk, perhaps, and is started before there is room.
#[test]
fn killed_while_there_is_no_room_on_its_disk() {
    let mut stage = Stage::on(Kind::Sqlite);
    stage.dies(|stage, killer| {
        stage.issues(3);
        stage.files.as_ref().unwrap().are_full(true);
        stage.is_ill();
        killer.strike();
        stage.files.as_ref().unwrap().are_full(false);
    });
    stage.ends();
}
