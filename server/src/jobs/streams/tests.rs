//! Turns against a fake transmitter on loopback, with time as an argument.

mod managing;
mod polling;
mod scene;

use delegation::ports::StreamId;

use super::Memories;

fn key(org: &str) -> super::Key {
    (org.to_owned(), StreamId { connection: "corp".to_owned(), stream: "okta".to_owned() })
}

#[test]
fn a_turn_that_takes_long_holds_up_nobody_else() {
    let mut memories = Memories::default();
    let first = memories.begin([(key("a"), "a"), (key("b"), "b")]);
    let taken: Vec<_> = first.iter().map(|(one, _)| *one).collect();
    assert_eq!(taken, ["a", "b"]);
    let (_, slow) = first.first().unwrap();
    let under_way = slow.try_lock().unwrap();
    let second = memories.begin([(key("a"), "a"), (key("b"), "b")]);
    assert_eq!(second.iter().map(|(one, _)| *one).collect::<Vec<_>>(), ["b"]);
    drop(under_way);
    assert_eq!(memories.begin([(key("a"), "a"), (key("b"), "b")]).len(), 2);
}

#[test]
fn what_is_no_longer_declared_is_forgotten() {
    let mut memories = Memories::default();
    memories.begin([(key("a"), ()), (key("b"), ())]);
    memories.begin([(key("b"), ())]);
    assert_eq!(memories.0.keys().collect::<Vec<_>>(), [&key("b")]);
}
