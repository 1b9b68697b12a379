//! RFC 8725 §3.12, "Use Mutually Exclusive Validation Rules for Different Kinds of JWTs": every kind of
//! token there is, presented in every place where one is taken, generated. What belongs together
//! succeeds; everything else is refused with the code of its place, and nothing breaks.

mod matrix {
    pub mod kind;
    pub mod place;
}

use std::collections::BTreeSet;

use matrix::{
    kind::{Kind, kinds},
    place::{Place, places},
};

/// One row: a kind in every place, its own ones included.
fn row(kind: &Kind, places: &[Place]) {
    let mut taken = BTreeSet::new();
    for place in places {
        if place.takes(kind) {
            taken.insert(place.name());
        }
    }
    let right: BTreeSet<String> = kind.right.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(taken, right, "{} is taken in these places", kind.name);
}

/// The kinds in `chosen` are rows of one test each, so that they share the machine.
fn rows(chosen: impl Fn(usize) -> bool) {
    let (kinds, places) = (kinds(), places());
    for (_, kind) in kinds.iter().enumerate().filter(|(at, _)| chosen(*at)) {
        row(kind, &places);
    }
}

#[test]
fn every_kind_in_every_place_one() {
    rows(|at| at % 2 == 0);
}

#[test]
fn every_kind_in_every_place_two() {
    rows(|at| at % 2 == 1);
}

/// A matrix that shrank would prove less without anybody noticing, and so would one where nothing
/// succeeds.
#[test]
fn the_matrix_is_whole() {
    let (kinds, places) = (kinds(), places());
    assert_eq!((kinds.len(), places.len()), (29, 22));
    let names: BTreeSet<String> = places.iter().map(Place::name).collect();
    assert_eq!(names.len(), places.len(), "places have names of their own");
    let used: BTreeSet<&str> = kinds.iter().flat_map(|kind| kind.right.iter().copied()).collect();
    let unused: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !used.contains(name)).collect();
    // No actor is an ID token, and these types are of tokens nobody exchanges here.
    let nothing_belongs_there = [
        "actor id",
        "actor jag",
        "actor refresh",
        "actor saml",
        "actor txn",
        "subject jag",
        "subject refresh",
        "subject saml",
        "subject txn",
    ];
    assert_eq!(unused, nothing_belongs_there);
    assert_eq!(used.len() + unused.len(), places.len(), "every right place is a place");
}
