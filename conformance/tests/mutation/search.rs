//! One case after the other, with good requests between them.

use conformance::{CALENDAR, CLIENT_CREDENTIALS, DOCUMENTS, ID_TOKEN, Key, Reply, http};

use super::{
    bend::{self, Bend},
    database,
    dice::Dice,
    good::{self, Good},
    held::Watch,
    oracle::judge,
    scene::Scene,
    sent::Sent,
    tally::Tally,
    trail::{Expected, Trail},
    whole::Whole,
    wire::{self, Heard},
};

/// Trail, metrics and database are looked at after so many.
const BATCH: u64 = 250;
/// After so many, a good request shows that nothing was poisoned.
const TWIN: u64 = 4;

pub struct Search {
    scene: Scene,
    watch: Watch,
    trail: Trail,
    expected: Expected,
    tally: Tally,
    bends: Vec<&'static Bend>,
    addresses: Dice,
}

impl Search {
    pub fn new(scene: Scene) -> Self {
        let (watch, trail) = (Watch::new(&scene), Trail::new(&scene));
        Self {
            watch,
            trail,
            scene,
            expected: Expected::default(),
            tally: Tally::default(),
            bends: bend::all(),
            addresses: Dice::new(conformance::now().unsigned_abs()),
        }
    }

    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    pub fn every_good_request_is_granted(&mut self) {
        for good in good::ALL {
            self.good(good, "before anything was bent");
        }
    }

    /// An oracle that believes everything would find nothing: of a good answer, it believes none to
    /// another request.
    pub fn the_oracle_tells_requests_apart(&mut self) {
        let request = (good::ALL[0].make)(&mut self.scene);
        let whole = Whole::new(&request, &self.scene.id());
        let bytes = whole.bytes();
        let heard = wire::send(self.watch.server, &bytes, self.addresses.next(), (false, true));
        let reply = &heard.replies[0];
        let judged =
            |whole: &Whole| judge(&self.scene, &Sent::read(&whole.bytes()).unwrap(), reply);
        assert!(judged(&whole).is_ok(), "{:?}", judged(&whole));
        let others: [fn(&mut Whole); 9] = [
            |whole| whole.path = b"/o/other/oauth/token".to_vec(),
            |whole| "PUT".clone_into(&mut whole.method),
            |whole| whole.set("Authorization", "Basic b3JjaGVzdHJhdG9yOng="),
            |whole| whole.set("DPoP", Key::new().proof("POST", DOCUMENTS).text()),
            |whole| put(whole, "scope", "documents:read"),
            |whole| put(whole, "resource", CALENDAR),
            |whole| put(whole, "subject_token", "e30.e30.e30"),
            |whole| put(whole, "grant_type", CLIENT_CREDENTIALS),
            |whole| put(whole, "requested_token_type", ID_TOKEN),
        ];
        for (number, change) in others.iter().enumerate() {
            let mut other = whole.clone();
            change(&mut other);
            assert!(judged(&other).is_err(), "the oracle believes number {number}");
        }
    }

    /// One bent request; panics when an invariant does not hold after it.
    pub fn case(&mut self, seed: u64) {
        self.scene.renew();
        let mut dice = Dice::new(seed);
        let good = dice.pick(good::ALL);
        let request = (good.make)(&mut self.scene);
        let mut whole = Whole::new(&request, &self.scene.id());
        let names = self.bend(&mut whole, &mut dice);
        let bytes = whole.bytes();
        self.watch.forget_questions(&self.scene);
        let sent = Sent::read(&bytes);
        let shape = (whole.method == "HEAD", sent.is_some());
        let heard = wire::send(self.watch.server, &bytes, self.addresses.next(), shape);
        let has_more = !whole.behind.is_empty();
        let held = self.watch.hold(&self.scene, (&bytes, &whole.confidential, has_more), &heard);
        let told = held.unwrap_or_else(|invariant| {
            panic!(
                "{invariant}\nACTAS_TEST_SEED={seed} ACTAS_TEST_REQUESTS=1, of `{}` bent by {names:?}:\n{}\n\
                 answered {}",
                good.name,
                shown(&bytes),
                answered(&heard)
            )
        });
        self.expected.bent(&told, sent.as_ref(), has_more);
        self.tally.count(good.name, &names, (told.status, &told.code));
        if self.tally.requests.is_multiple_of(TWIN) {
            self.good(good, &format!("after {names:?}, ACTAS_TEST_SEED={seed}"));
        }
        if self.tally.requests.is_multiple_of(BATCH) {
            self.settle();
        }
    }

    fn bend(&self, whole: &mut Whole, dice: &mut Dice) -> Vec<&'static str> {
        // Most are bent once: what is bent often is refused for the first reason there is.
        let count = *dice.pick(&[1, 1, 1, 2, 2, 3, 4]);
        let mut names = Vec::new();
        while names.len() < count {
            let bend = *dice.pick(&self.bends);
            if (bend.how)(whole, dice, &self.scene) {
                names.push(bend.name);
            }
        }
        names
    }

    /// A good request is granted; panics when it is not.
    fn good(&mut self, good: &Good, when: &str) {
        let request = (good.make)(&mut self.scene);
        let whole = Whole::new(&request, &self.scene.id());
        let bytes = whole.bytes();
        self.watch.forget_questions(&self.scene);
        let heard = wire::send(self.watch.server, &bytes, self.addresses.next(), (false, true));
        let status = heard.replies.first().map(|reply| reply.status);
        assert_eq!(
            status,
            Some(good.status),
            "`{}` is not granted {when}: {}\n{}",
            good.name,
            shown(&bytes),
            answered(&heard)
        );
        let told = self.watch.hold(&self.scene, (&bytes, &whole.confidential, false), &heard);
        let told = told.unwrap_or_else(|invariant| panic!("`{}`, good: {invariant}", good.name));
        self.expected.good(&told, Sent::read(&bytes).as_ref());
        self.tally.twins += 1;
    }

    /// What is looked at now and then; panics when it is not as it should be.
    pub fn settle(&mut self) {
        let expected = std::mem::take(&mut self.expected);
        let held = self.watch.hold_batch(&self.scene);
        let held = held.and_then(|()| self.trail.hold(&self.scene, &expected));
        let events = held.and_then(|events| database::hold(&self.scene).map(|()| events));
        self.tally.events += events.unwrap_or_else(|invariant| {
            panic!("{invariant}\nwithin the last {BATCH} of {} requests", self.tally.requests)
        });
        let ready = http::get(&format!("http://{}/readyz", self.watch.server), &[]);
        assert_eq!(ready.status, 200, "not ready: {}", ready.text());
    }
}

fn put(whole: &mut Whole, name: &str, value: &str) {
    let pairs = whole.form().unwrap();
    pairs.retain(|(given, _)| given != name);
    pairs.push((name.to_owned(), value.to_owned()));
}

fn answered(heard: &Heard) -> String {
    let one = |reply: &Reply| format!("{}: {}", reply.status, reply.text());
    heard.replies.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// The bytes as text, not more than anybody reads.
fn shown(bytes: &[u8]) -> String {
    let shown: String = bytes.escape_ascii().to_string().chars().take(6000).collect();
    shown.replace("\\r\\n", "\\r\\n\n")
}
