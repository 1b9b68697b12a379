//! JSON lines on this machine: each event once, whatever happens.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use delegation::{export::Unsent, trail::Link};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fake::{batch, lines, refusal, settings, trail, workshop};

struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("acme/audit.jsonl")
    }

    async fn send(&self, links: &[Link]) -> Result<(), Unsent> {
        let directory = Some(self.folder.path().to_owned());
        let settings = settings(json!({"kind": "file", "file": "audit.jsonl"}));
        workshop(directory).build(&settings).unwrap().send(&batch(links)).await
    }

    fn append(&self, text: &str) {
        fs::OpenOptions::new()
            .append(true)
            .open(self.path())
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn seqs(&self) -> Vec<i64> {
        seqs(&self.path())
    }
}

fn seqs(path: &Path) -> Vec<i64> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "torn: {text:?}");
    let seq = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_i64().unwrap();
    text.lines().map(seq).collect()
}

fn range(from: i64, to: i64) -> Vec<i64> {
    (from..=to).collect()
}

#[tokio::test]
async fn appends_a_line_for_each_event() {
    let (scene, links) = (Scene::new(), trail(10));
    scene.send(&links[..4]).await.unwrap();
    scene.send(&links[4..]).await.unwrap();
    assert_eq!(scene.seqs(), range(1, 10));
}

#[tokio::test]
async fn a_batch_that_comes_again_is_not_written_again() {
    let (scene, links) = (Scene::new(), trail(10));
    scene.send(&links[..6]).await.unwrap();
    scene.send(&links[..6]).await.unwrap();
    scene.send(&links).await.unwrap();
    assert_eq!(scene.seqs(), range(1, 10));
}

#[tokio::test]
async fn a_crash_at_any_byte_of_a_batch_leaves_each_event_once() {
    let links = trail(4);
    let whole = {
        let scene = Scene::new();
        scene.send(&links).await.unwrap();
        fs::read(scene.path()).unwrap()
    };
    for written in (0..whole.len()).step_by(97).chain([whole.len() - 1, whole.len()]) {
        let scene = Scene::new();
        scene.send(&links[..1]).await.unwrap();
        fs::write(scene.path(), &whole[..written]).unwrap();
        scene.send(&links).await.unwrap();
        assert_eq!(fs::read(scene.path()).unwrap(), whole, "after {written} bytes");
    }
}

#[tokio::test]
async fn finds_a_last_line_that_is_longer_than_what_is_read_at_once() {
    let long = |n: i64| format!(r#"{{"n":{n},"x":"{}"}}"#, "x".repeat(200_000));
    let (scene, links) = (Scene::new(), lines([long(1), long(2), long(3)]));
    scene.send(&links[..2]).await.unwrap();
    scene.append(&"y".repeat(150_000));
    scene.send(&links).await.unwrap();
    assert_eq!(scene.seqs(), range(1, 3));
}

#[tokio::test]
async fn goes_on_in_a_new_file_when_somebody_has_taken_the_old_one() {
    let (scene, links) = (Scene::new(), trail(10));
    scene.send(&links[..4]).await.unwrap();
    let taken = scene.folder.path().join("taken");
    fs::rename(scene.path(), &taken).unwrap();
    scene.send(&links[4..]).await.unwrap();
    assert_eq!((seqs(&taken), scene.seqs()), (range(1, 4), range(5, 10)));
}

#[tokio::test]
async fn does_not_mix_two_trails() {
    let (scene, links) = (Scene::new(), trail(10));
    let other = lines((0..10).map(|n| format!(r#"{{"n":{n}}}"#)));
    scene.send(&links[..4]).await.unwrap();
    // The database was restored from a backup: numbers are given again.
    let unsent = scene.send(&other).await.unwrap_err();
    assert!(unsent.what.contains("of another trail"), "{unsent}");
    let unsent = scene.send(&links[..2]).await.unwrap_err();
    assert!(unsent.what.contains("ahead of this one"), "{unsent}");
    assert_eq!(scene.seqs(), range(1, 4));
}

#[tokio::test]
async fn does_not_write_into_a_file_that_is_not_ours() {
    let (scene, links) = (Scene::new(), trail(2));
    scene.send(&links[..1]).await.unwrap();
    scene.append("somebody's line\n");
    let unsent = scene.send(&links).await.unwrap_err();
    assert!(unsent.what.contains("none of ours"), "{unsent}");
}

#[tokio::test]
async fn two_replicas_that_write_at_once_write_each_event_once() {
    let (scene, links) = (Scene::new(), trail(200));
    let batches: Vec<_> = (0..20).map(|n| &links[..(n + 1) * 10]).collect();
    for two in batches {
        let (one, other) = tokio::join!(scene.send(two), scene.send(two));
        assert_eq!((one, other), (Ok(()), Ok(())));
    }
    assert_eq!(scene.seqs(), range(1, 200));
}

#[test]
fn writes_nowhere_when_no_folder_is_configured() {
    let settings = settings(json!({"kind": "file", "file": "audit.jsonl"}));
    let problem = workshop(None).build(&settings).err().unwrap();
    assert!(problem.contains("`exports.directory`"), "{problem}");
    assert!(refusal(json!({"kind": "file", "file": "a/../../b"})).contains("`..`"));
}

#[tokio::test]
async fn is_readable_by_no_stranger() {
    use std::os::unix::fs::PermissionsExt;
    let (scene, links) = (Scene::new(), trail(1));
    scene.send(&links).await.unwrap();
    let mode = fs::metadata(scene.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0);
}
