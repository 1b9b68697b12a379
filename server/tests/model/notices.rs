//! That the model sees it when something lies: each of its properties, broken by a port that lies.

use crate::{database::Kind, heard::Property, history, lies::Lie, run::run, world::World};

/// A lie that is not seen after so many steps is not seen.
const STEPS: u64 = 20_000;

const LIES: [(Lie, &str, Property); 11] = [
    (
        Lie::ForgetsAnEnd,
        "the ledger forgets that something has ended, and lets what comes of it begin anew",
        Property::NoIssueAfterAnEnd,
    ),
    (
        Lie::HandsAnOldEpoch,
        "the ledger recalls what was said before, with the numbers of now",
        Property::NoIssueAfterAnEnd,
    ),
    (Lie::WidensGrants, "grants are recalled with more scope", Property::ScopeNarrows),
    (Lie::ProlongsGrants, "grants are recalled without their end", Property::ExpiryNarrows),
    (Lie::CutsTheChain, "a token names the last agent only", Property::ChainIsKept),
    (Lie::SwapsTheOrg, "a token names another organization", Property::OrgIsKept),
    (Lie::ForgetsUse, "whatever was used once is free again", Property::SingleUse),
    (Lie::RemembersAYes, "a provider's yes is good for ever", Property::AskedForThisRequest),
    (Lie::DropsAWrite, "an issue is acknowledged, and not written", Property::AcknowledgedIsKept),
    (
        Lie::DropsAnEvent,
        "a delegation is written, and its event is not",
        Property::AcknowledgedIsKept,
    ),
    (Lie::RefusesTheSecond, "one agent is refused for nothing", Property::NothingTooLittle),
];

/// Of each lie: what it was, what was seen, and after how many steps.
pub fn seen() -> Vec<Vec<String>> {
    let see = |(lie, text, property): (Lie, &str, Property)| {
        let steps = after(lie, property).to_string();
        vec![text.to_owned(), property.text().to_owned(), steps]
    };
    LIES.into_iter().map(see).collect()
}

/// After how many steps a lie is seen as what it is. Some histories see first what else comes of it.
fn after(lie: Lie, property: Property) -> u64 {
    let (mut seed, mut steps) = (1, 0);
    while steps < STEPS {
        let Err(stopped) = run(Kind::Sqlite, STEPS, seed, Some(lie)) else { break };
        steps += stopped.steps;
        seed = stopped.seed + 1;
        if stopped.failure.violation.of == property {
            return steps;
        }
    }
    panic!("{lie:?} is not seen as a breach of: {}", property.text());
}

#[test]
fn every_lie_is_seen() {
    assert_eq!(seen().len(), LIES.len());
    for property in Property::ALL {
        let is_told = LIES.iter().any(|(_, _, it)| *it == property);
        // Whatever is issued too much breaks one of the others first.
        assert!(is_told || property == Property::NothingTooMuch, "{property:?}");
    }
}

/// Whoever looks into a failure gets no step too many: a token for one use, and its use, twice.
#[test]
fn what_goes_wrong_is_made_short() {
    let lie = Some(Lie::ForgetsUse);
    let stopped = run(Kind::Sqlite, STEPS, 1, lie).expect_err("it is not seen");
    let shrunk = history::shrink(stopped.failure, || (World::new(Kind::Sqlite, lie), 1000));
    assert_eq!(shrunk.violation.of, Property::SingleUse);
    assert!(shrunk.history.len() <= 4, "{:?}", shrunk.history);
}
