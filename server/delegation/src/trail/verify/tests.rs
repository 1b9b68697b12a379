mod fixture;

use std::sync::Mutex;

use self::fixture::{NOW, State, at_once, chained, fake, found, record, verified, verified_with};
use super::*;
use crate::trail::ORIGIN;

#[test]
fn a_trail_as_it_was_written_is_whole() {
    let fake = fake();
    let whole = Verified { links: 10, forgotten: 0, head: fake.head(9) };
    assert_eq!(verified(&fake), Ok(whole));
}

#[test]
fn an_empty_trail_is_whole() {
    let fake = fake();
    let origin = fake.state().ends.first.clone();
    fake.state().links.clear();
    fake.state().ends.last = origin;
    let whole = Verified { links: 0, forgotten: 0, head: Head { seq: 0, hash: ORIGIN } };
    assert_eq!(verified(&fake), Ok(whole));
}

#[test]
fn a_trail_of_which_the_oldest_are_forgotten_is_whole() {
    let fake = fake();
    fake.state().forget(&fake.notary, 4);
    let whole = Verified { links: 6, forgotten: 4, head: fake.head(5) };
    assert_eq!(verified(&fake), Ok(whole));
    fake.state().forget(&fake.notary, 6);
    assert_eq!(verified(&fake).map(|whole| (whole.links, whole.forgotten)), Ok((0, 10)));
}

#[test]
fn what_is_added_meanwhile_belongs_to_it() {
    let fake = fake();
    fake.state().meanwhile = Some(State::append);
    assert_eq!(verified(&fake).map(|whole| whole.links), Ok(11));
}

#[test]
fn what_is_forgotten_meanwhile_is_not_missing() {
    let fake = fake();
    fake.state().meanwhile = Some(|state, notary| state.forget(notary, 5));
    assert_eq!(verified(&fake).map(|whole| whole.forgotten), Ok(5));
    fake.state().meanwhile = Some(|state, notary| state.forget(notary, 5));
    assert_eq!(verified(&fake).map(|whole| whole.forgotten), Ok(10));
}

#[test]
fn an_edited_record_shows() {
    assert_eq!(found(|trail, _| trail.edit(4)), [Broken::Changed(5)]);
}

#[test]
fn an_edited_hash_shows() {
    let edit = |trail: &mut State, _: &Notary| trail.links[4].link.hash[0] ^= 1;
    assert_eq!(found(edit), [Broken::Changed(5), Broken::Changed(6)]);
}

#[test]
fn an_edited_record_whose_hash_was_made_to_fit_shows() {
    let edit = |trail: &mut State, _: &Notary| {
        trail.edit(4);
        let before = trail.links[3].link.hash;
        trail.links[4].link.hash = link(&before, &trail.links[4].link.record);
    };
    assert_eq!(found(edit), [Broken::Changed(6)]);
}

#[test]
fn an_edited_record_after_which_all_was_chained_anew_shows() {
    for at in [0, 4, 9] {
        let edit = |trail: &mut State, _: &Notary| {
            trail.edit(at);
            trail.chain_anew(at);
        };
        assert_eq!(found(edit), [Broken::Newest(10)], "{at}");
    }
}

#[test]
fn a_missing_link_shows() {
    let drop = |trail: &mut State, _: &Notary| drop(trail.links.remove(4));
    assert_eq!(found(drop), [Broken::Missing { first: 5, last: 5 }]);
    let drop = |trail: &mut State, _: &Notary| core::mem::drop(trail.links.drain(2..5));
    assert_eq!(found(drop), [Broken::Missing { first: 3, last: 5 }]);
    let drop = |trail: &mut State, _: &Notary| core::mem::drop(trail.links.remove(0));
    assert_eq!(found(drop), [Broken::Missing { first: 1, last: 1 }]);
}

#[test]
fn a_missing_link_whose_number_was_closed_up_shows() {
    let close_up = |trail: &mut State, _: &Notary| {
        trail.links.remove(4);
        trail.links[4..].iter_mut().for_each(|stored| stored.link.seq -= 1);
    };
    let told = found(close_up);
    assert_eq!(told, [Broken::Changed(5), Broken::Missing { first: 10, last: 10 }]);
}

#[test]
fn links_cut_off_show() {
    let cut = |trail: &mut State, _: &Notary| trail.links.truncate(7);
    assert_eq!(found(cut), [Broken::Missing { first: 8, last: 10 }]);
    let cut = |trail: &mut State, _: &Notary| trail.links.clear();
    assert_eq!(found(cut), [Broken::Missing { first: 1, last: 10 }]);
}

#[test]
fn links_cut_off_with_the_end_moved_show() {
    let cut = |trail: &mut State, _: &Notary| {
        trail.links.truncate(7);
        let last = &trail.links[6].link;
        (trail.ends.last.seq, trail.ends.last.hash) = (last.seq, last.hash);
    };
    assert_eq!(found(cut), [Broken::Newest(7)]);
}

#[test]
fn the_oldest_taken_away_with_the_beginning_moved_show() {
    let cut = |trail: &mut State, _: &Notary| {
        let gone = trail.links.remove(0).link;
        (trail.ends.first.seq, trail.ends.first.hash) = (gone.seq, gone.hash);
    };
    assert_eq!(found(cut), [Broken::Beginning(1)]);
}

/// Whatever was the newest once was attested, and the database has it: that makes it no beginning.
#[test]
fn the_oldest_taken_away_show_also_when_the_beginning_was_the_newest_once() {
    let cut = |trail: &mut State, _: &Notary| {
        trail.ends.first = trail.ends.last.clone();
        trail.links.clear();
    };
    assert_eq!(found(cut), [Broken::Beginning(10)]);
}

#[test]
fn a_link_put_in_shows() {
    let put_in = |trail: &mut State, _: &Notary| {
        let before = trail.links[3].link.hash;
        trail.links.insert(4, chained(5, &before, record(99)));
        trail.links[5..].iter_mut().for_each(|stored| stored.link.seq += 1);
    };
    assert_eq!(found(put_in), [Broken::Changed(6), Broken::Unattested(11)]);
}

#[test]
fn a_link_put_at_the_end_shows() {
    let put_in = |trail: &mut State, _: &Notary| {
        let before = trail.links[9].link.hash;
        trail.links.push(chained(11, &before, record(99)));
    };
    assert_eq!(found(put_in), [Broken::Unattested(11)]);
}

#[test]
fn two_links_swapped_show() {
    let swap = |trail: &mut State, _: &Notary| {
        trail.links.swap(3, 4);
        (trail.links[3].link.seq, trail.links[4].link.seq) = (4, 5);
    };
    let told = found(swap);
    assert_eq!(told, [Broken::Changed(4), Broken::Changed(5), Broken::Changed(6)]);
}

#[test]
fn whatever_it_is_found_by_shows_when_it_was_edited() {
    let edits: [fn(&mut Index); 7] = [
        |index| index.id.push('0'),
        |index| index.at += 1,
        |index| index.outcome = "refused".to_owned(),
        |index| index.client = None,
        |index| index.subject = Some("mallory".to_owned()),
        |index| index.delegation = None,
        |index| index.root = None,
    ];
    for edit in edits {
        let told = found(|trail, _| edit(&mut trail.links[4].index));
        assert_eq!(told, [Broken::Misfiled(5)]);
    }
}

#[test]
fn a_record_that_was_no_record_when_it_was_chained_shows() {
    let garble = |trail: &mut State, notary: &Notary| {
        let Stored { link, index } = &mut trail.links[9];
        link.record = "{}".to_owned();
        *index = Index::of(&index.id, "{}");
        trail.chain_anew(9);
        trail.ends.last = notary.anchor(10, trail.links[9].link.hash).unwrap();
    };
    assert_eq!(found(garble), [Broken::Unreadable(10)]);
}

/// Whoever has an old copy of everything can put it back: only what was noted elsewhere tells.
#[test]
fn a_trail_put_back_shows_by_what_was_noted() {
    let fake = fake();
    let noted = fake.head(9);
    assert!(verified_with(&fake, Some(noted)).is_ok());
    assert!(verified_with(&fake, Some(fake.head(4))).is_ok());
    let put_back = fake.head(6);
    fake.state().links.truncate(7);
    fake.state().ends.last = fake.notary.anchor(7, put_back.hash).unwrap();
    assert!(verified(&fake).is_ok());
    assert_eq!(verified_with(&fake, Some(noted)), Err(vec![Broken::NotedGone(10)]));
    fake.state().append(&fake.notary);
    fake.state().edit(7);
    fake.state().chain_anew(7);
    let newest = fake.head(7);
    fake.state().ends.last = fake.notary.anchor(8, newest.hash).unwrap();
    let noted = Head { seq: 8, ..noted };
    assert_eq!(verified_with(&fake, Some(noted)), Err(vec![Broken::NotAsNoted(8)]));
}

#[test]
fn what_was_noted_can_be_the_last_that_is_forgotten_but_no_older() {
    let fake = fake();
    let (older, last) = (fake.head(2), fake.head(3));
    fake.state().forget(&fake.notary, 4);
    assert!(verified_with(&fake, Some(last)).is_ok());
    let other = Head { hash: older.hash, ..last };
    assert_eq!(verified_with(&fake, Some(other)), Err(vec![Broken::NotAsNoted(4)]));
    assert_eq!(verified_with(&fake, Some(older)), Err(vec![Broken::NotedForgotten(3)]));
}

#[test]
fn a_delegation_without_an_event_shows() {
    let id = Uuid::from_u128(17);
    let forget = |trail: &mut State, _: &Notary| trail.untold.push((Timestamp(1), id));
    assert_eq!(found(forget), [Broken::Untold(id)]);
}

/// Of what is older the event may be forgotten.
#[test]
fn of_a_shortened_trail_only_what_is_recent_must_have_its_event() {
    let (old, recent) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let fake = fake();
    fake.state().forget(&fake.notary, 4);
    fake.state().untold.push((Timestamp(NOW.0 - SURELY_KEPT - 1), old));
    assert!(verified(&fake).is_ok());
    fake.state().untold.push((Timestamp(NOW.0 - SURELY_KEPT), recent));
    assert_eq!(verified(&fake), Err(vec![Broken::Untold(recent)]));
}

#[test]
fn not_everything_is_told_of_a_trail_that_is_all_wrong() {
    let told = found(|trail, notary| {
        (0..100).for_each(|_| trail.append(notary));
        trail.links.iter_mut().for_each(|stored| stored.link.hash = ORIGIN);
    });
    assert_eq!(told.len(), MOST_TOLD);
}

#[test]
fn the_trail_of_another_installation_is_not_ours() {
    let (fake, other) = (fake(), fake());
    let question = Question { noted: None, now: NOW };
    let told = at_once(verify(&fake, &other.notary, question, &|_, _| ())).unwrap();
    assert_eq!(told, Err(vec![Broken::Beginning(0), Broken::Newest(10)]));
}

#[test]
fn tells_how_far_it_has_got() {
    let (fake, told) = (fake(), Mutex::new(Vec::new()));
    let question = Question { noted: None, now: NOW };
    let progress = |at, of| told.lock().unwrap().push((at, of));
    assert!(at_once(verify(&fake, &fake.notary, question, &progress)).unwrap().is_ok());
    let told = told.into_inner().unwrap();
    assert_eq!(told, [(0, 10), (3, 10), (6, 10), (9, 10), (10, 10)]);
}
