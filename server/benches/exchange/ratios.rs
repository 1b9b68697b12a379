//! Figures set against each other: within a round, then the median of the rounds.

use crate::{
    CROWD,
    bare::Kind,
    figures::{Book, Figures, Ratio, Spread},
    names::{
        self, BOUNDED, CHAIN, ECHO, EDDSA, FAN_OUT, FAR, FAR_IDP, IDP, INTROSPECTION, JWKS,
        METADATA, ORGS, PAST, PEER, RS256, RS256_IN, SECRET, SIGN, VERIFY, depth, line,
    },
    proofs::Way,
    rounds::Bench,
};

/// An exchange verifies the subject token, and reads back what it signed.
const VERIFIES: f64 = 2.0;

const KINDS: [Kind; 3] = [Kind::Secret, Kind::Assertion, Kind::Actor];

/// What is left out is what was not measured.
pub(crate) fn all(bench: &Bench) -> Vec<Ratio> {
    let book = &bench.meter.book;
    let mut list = List(Vec::new());
    for site in &bench.sites {
        let of = Of { book, database: site.name };
        of.limits(&mut list);
        of.bare(&mut list);
        of.variants(&mut list);
        of.clients(&mut list);
        of.documents(&mut list);
        let far = of.runs(FAR, 1);
        let added = against(far, book.runs(FAR_IDP, 1), |a, b| a.p50_ms / b.p50_ms);
        list.add(format!("{}: p50 alone ÷ that of an IdP 20 ms away", site.name), "", added);
        let name = line(site.name, FAN_OUT);
        let asked = bench.asked.get(&name).cloned().unwrap_or_default();
        list.add(format!("{name}: questions to the IdP ÷ exchanges"), "", asked);
    }
    list.0
}

struct List(Vec<Ratio>);

impl List {
    fn add(&mut self, name: String, unit: &'static str, values: Vec<f64>) {
        if !values.is_empty() {
            self.0.push(Ratio { name, unit, spread: Spread::of(values) });
        }
    }
}

/// The lines of one database.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub book: &'a Book,
    pub database: &'static str,
}

impl<'a> Of<'a> {
    pub(crate) fn runs(self, what: &str, in_flight: usize) -> &'a [Figures] {
        self.book.runs(&line(self.database, what), in_flight)
    }

    /// What the machine itself could do.
    fn limits(self, list: &mut List) {
        let name = line(self.database, SECRET);
        let (crowd, lone) = (self.runs(SECRET, CROWD), self.runs(SECRET, 1));
        let echo = against(crowd, self.book.runs(ECHO, CROWD), by_throughput);
        list.add(format!("{name} ÷ echo"), "", echo);
        let signatures = signatures(self.book);
        let keys = crowd.iter().zip(&signatures).map(|(run, us)| run.per_second * us / 1e6);
        list.add(format!("{name} ÷ signatures of one core"), "", keys.collect());
        let share = crowd.iter().zip(&signatures).filter_map(|(run, us)| Some(us / run.cpu_us?));
        list.add(format!("{name}: signatures ÷ all its processor time"), "", share.collect());
        let added = against(lone, self.book.runs(IDP, 1), added_p50);
        list.add(format!("{name}, alone: p50 − the IdP's"), " ms", added);
        let proven = names::like(Kind::Assertion);
        let added = against(self.runs(proven, 1), self.book.runs(IDP, 1), added_p50);
        let name = line(self.database, proven);
        list.add(format!("{name}, alone: p50 − the IdP's"), " ms", added);
    }

    /// Of the bare server, in the same round.
    pub(crate) fn of_bare(self, kind: Kind) -> Vec<f64> {
        let bare = self.book.runs(&names::bare(self.database, kind), CROWD);
        against(self.runs(names::like(kind), CROWD), bare, by_throughput)
    }

    fn bare(self, list: &mut List) {
        for kind in KINDS {
            let what = line(self.database, names::like(kind));
            list.add(format!("{what} ÷ bare"), "", self.of_bare(kind));
            let bare = |in_flight| self.book.runs(&names::bare(self.database, kind), in_flight);
            let own = self.runs(names::like(kind), CROWD);
            let cpu = both_cpu(own, bare(CROWD), |own, bare| own / bare);
            list.add(format!("{what}: processor time ÷ bare"), "", cpu);
            let lone = against(self.runs(names::like(kind), 1), bare(1), added_p50);
            list.add(format!("{what}, alone: p50 − bare"), " ms", lone);
        }
        let own = self.runs(SECRET, CROWD);
        let peer = self.book.runs(PEER, CROWD);
        let name = line(self.database, SECRET);
        list.add(format!("{name} ÷ {PEER}"), "", against(own, peer, by_throughput));
        list.add(format!("{PEER}: processor time ÷ {name}"), "", self.of_peer());
    }

    /// What an exchange costs a peer, in those of ours.
    pub(crate) fn of_peer(self) -> Vec<f64> {
        both_cpu(self.book.runs(PEER, CROWD), self.runs(SECRET, CROWD), |peer, own| peer / own)
    }

    /// What it costs to differ from a secret at depth 1.
    fn variants(self, list: &mut List) {
        let three = depth(3);
        let five = depth(5);
        for what in [&three, &five, ORGS, PAST, EDDSA, RS256, RS256_IN, BOUNDED] {
            let name = line(self.database, what);
            list.add(format!("{name}: cost, by throughput"), "", self.cost(what));
            let cpu = both_cpu(self.runs(what, CROWD), self.runs(SECRET, CROWD), |a, b| a / b);
            list.add(format!("{name}: cost, by processor time"), "", cpu);
            let alone =
                against(self.runs(what, 1), self.runs(SECRET, 1), |a, b| a.p50_ms / b.p50_ms);
            list.add(format!("{name}: cost, by p50 alone"), "", alone);
        }
    }

    /// 1.0: as many per second as with a secret at depth 1.
    pub(crate) fn cost(self, what: &str) -> Vec<f64> {
        against(self.runs(SECRET, CROWD), self.runs(what, CROWD), by_throughput)
    }

    fn clients(self, list: &mut List) {
        for way in Way::ALL {
            let name = line(self.database, way.name());
            let pair = |many| (self.runs(way.name(), many), self.runs(SECRET, many));
            let ((crowd, plain_crowd), (lone, plain_lone)) = (pair(CROWD), pair(1));
            let checks = checks(self.book, way);
            let more = crowd.iter().zip(plain_crowd).zip(&checks);
            let more =
                more.filter_map(|((run, plain), us)| Some((run.cpu_us? - plain.cpu_us?) / us));
            list.add(format!("{name}: added processor time ÷ its checks"), "", more.collect());
            list.add(format!("{name}: cost, by throughput"), "", self.cost(way.name()));
            let more = against(lone, plain_lone, added_p50);
            list.add(format!("{name}, alone: p50 − that of a secret"), " ms", more);
        }
    }

    fn documents(self, list: &mut List) {
        let looks = self.runs(INTROSPECTION, CROWD);
        let name = line(self.database, INTROSPECTION);
        let ratio = against(looks, self.runs(SECRET, CROWD), by_throughput);
        list.add(format!("{name} ÷ exchanges"), "", ratio);
        for what in [JWKS, METADATA] {
            let ratio = against(self.runs(what, CROWD), self.book.runs(ECHO, CROWD), by_throughput);
            list.add(format!("{what} ÷ echo"), "", ratio);
        }
    }
}

pub(crate) fn by_throughput(a: &Figures, b: &Figures) -> f64 {
    a.per_second / b.per_second
}

pub(crate) fn added_p50(a: &Figures, b: &Figures) -> f64 {
    a.p50_ms - b.p50_ms
}

/// Round by round: the microseconds that the signatures of one exchange take on one core.
fn signatures(book: &Book) -> Vec<f64> {
    let both = |sign: &Figures, verify: &Figures| {
        1e6 / sign.per_second + VERIFIES * 1e6 / verify.per_second
    };
    against(book.runs(SIGN, 1), book.runs(VERIFY, 1), both)
}

/// Round by round: the microseconds of one core that the checks take which a way of proving needs.
fn checks(book: &Book, way: Way) -> Vec<f64> {
    let both = |verify: &Figures, chain: &Figures| {
        way.signatures() * 1e6 / verify.per_second + way.chains() * 1e6 / chain.per_second
    };
    against(book.runs(VERIFY, 1), book.runs(CHAIN, 1), both)
}

pub(crate) fn against(
    runs: &[Figures],
    others: &[Figures],
    compare: impl Fn(&Figures, &Figures) -> f64,
) -> Vec<f64> {
    runs.iter().zip(others).map(|(run, other)| compare(run, other)).collect()
}

fn both_cpu(runs: &[Figures], others: &[Figures], compare: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let pairs = runs.iter().zip(others);
    pairs.filter_map(|(run, other)| Some(compare(run.cpu_us?, other.cpu_us?))).collect()
}
