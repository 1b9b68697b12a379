//! Three times of what the server can do, for minutes: what comes out of it, second by second, and how
//! soon it is over afterwards.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::interval;

use super::{Lengths, WARM_UP, scene::Scene};
use crate::{
    CROWD, Outcome,
    load::{Run, Window, closed_loop},
    machine,
    neighbours::Echo,
    open::{Answers, open_loop},
    wire::Client,
};

/// How much more is asked than can be done.
const TIMES: f64 = 3.0;
/// What is asked before and after, of what can be done.
const CALM: f64 = 0.2;
/// Where the most is looked for, of what a closed loop gets.
const FRACTIONS: [f64; 4] = [0.8, 0.9, 1.0, 1.1];
/// Seconds over which the flood's worst stretch is taken.
const STRETCH: usize = 10;

#[derive(Debug)]
pub(super) struct Flood {
    /// Exchanges per second in a closed loop, and how long each takes at its p99.
    pub closed: f64,
    pub closed_p99_ms: f64,
    /// The most that came of an open loop, and what was asked then.
    pub open: f64,
    pub open_at: f64,
    /// The closed loop again, while what is to be refused goes to a server that does nothing.
    pub left: f64,
    pub before: Answers,
    pub during: Answers,
    pub after: Answers,
    /// Resident memory of the server at each second of the flood, MB.
    pub resident: Vec<f64>,
    pub resident_before: f64,
    /// Processor time of the server in the flood, of each of its seconds.
    pub busy: Option<f64>,
}

pub(super) async fn measure(scene: &Scene, lengths: Lengths) -> Outcome<Flood> {
    let server = scene.actas.process();
    let window = |length| Window { warm_up: WARM_UP, length };
    eprintln!("{}: what can be done", scene.actas.name);
    let crowd = || Client::crowd(scene.actas.address, scene.flood_script(), CROWD);
    let closed = closed_loop(crowd().await?, window(lengths.peak), None).await?;
    let per_second = rate(&closed)?;
    let closed_p99_ms =
        Duration::from_nanos(closed.latencies.value_at_quantile(0.99)).as_secs_f64() * 1e3;
    let (mut open, mut open_at) = (0.0, 0.0);
    for fraction in FRACTIONS {
        let asked = fraction * per_second;
        let answers = one(scene, asked, window(lengths.peak)).await?;
        if open < answers.goodput() {
            (open, open_at) = (answers.goodput(), asked);
        }
    }
    let peak = per_second.max(open);
    let echo = Echo::start()?;
    let elsewhere = vec![scene.elsewhere((TIMES - 1.0) * peak, &echo)];
    let left = closed_loop(crowd().await?, window(lengths.peak), None);
    let (left, _) = tokio::try_join!(left, open_loop(elsewhere, window(lengths.peak), None))?;
    eprintln!("{}: calm, flood, calm", scene.actas.name);
    let before = one(scene, CALM * peak, window(lengths.calm)).await?;
    let resident_before = machine::resident(server).ok_or("no memory is told")?;
    let watch = Watch::start(server);
    let heard = open_loop(vec![scene.flood(TIMES * peak)], window(lengths.flood), Some(server));
    let heard = heard.await?;
    let resident = watch.stop();
    // At once: how soon it is over is to be seen.
    let at_once = Window { warm_up: Duration::ZERO, length: lengths.calm };
    let after = one(scene, CALM * peak, at_once).await?;
    Ok(Flood {
        closed: per_second,
        closed_p99_ms,
        open,
        open_at,
        left: rate(&left)?,
        before,
        during: heard.classes.into_iter().next().ok_or("there is one class")?,
        after,
        resident,
        resident_before,
        busy: heard.spent.map(|spent| spent.as_secs_f64() / lengths.flood.as_secs_f64()),
    })
}

/// Per second.
fn rate(closed: &Run) -> Outcome<f64> {
    Ok(f64::from(u32::try_from(closed.latencies.len())?) / closed.length.as_secs_f64())
}

async fn one(scene: &Scene, rate: f64, window: Window) -> Outcome<Answers> {
    let heard = open_loop(vec![scene.flood(rate)], window, None).await?;
    Ok(heard.classes.into_iter().next().ok_or("there is one class")?)
}

/// Notes the resident memory of a process every second.
struct Watch {
    seen: Arc<Mutex<Vec<f64>>>,
    watching: tokio::task::JoinHandle<()>,
}

impl Watch {
    fn start(process: u32) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&seen);
        let watching = tokio::spawn(async move {
            let mut second = interval(Duration::from_secs(1));
            loop {
                second.tick().await;
                let resident = machine::resident(process);
                noted.lock().unwrap_or_else(PoisonError::into_inner).extend(resident);
            }
        });
        Self { seen, watching }
    }

    fn stop(self) -> Vec<f64> {
        self.watching.abort();
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Flood {
    /// The most that the server can do, by either way of asking.
    pub(super) fn peak(&self) -> f64 {
        self.closed.max(self.open)
    }

    pub(super) fn goodput(&self) -> Vec<f64> {
        per_second(&self.during, |second| second.good.len())
    }

    pub(super) fn refusals(&self) -> Vec<f64> {
        per_second(&self.during, |second| second.refused.len())
    }

    /// The flood's worst stretch: good answers per second.
    pub(super) fn worst_stretch(&self) -> f64 {
        let seconds = self.goodput();
        let mean = |few: &[f64]| few.iter().sum::<f64>() / to_float(few.len());
        let stretches = seconds.windows(STRETCH.min(seconds.len()).max(1)).map(mean);
        stretches.fold(f64::INFINITY, f64::min)
    }

    pub(super) fn highest_resident(&self) -> f64 {
        self.resident.iter().copied().fold(self.resident_before, f64::max)
    }

    /// The mean of the last quarter to that of the second: memory that grows without end shows here.
    pub(super) fn resident_growth(&self) -> f64 {
        let quarter = self.resident.len() / 4;
        let mean = |few: &[f64]| few.iter().sum::<f64>() / to_float(few.len());
        let of =
            |from: usize| self.resident.get(from..from + quarter.max(1)).map_or(f64::NAN, mean);
        of(3 * quarter) / of(quarter)
    }

    /// The slowest second before the flood, by its p99: what is normal here.
    pub(super) fn normal_ms(&self) -> f64 {
        self.before.seconds.iter().map(|second| second.good_ms(0.99)).fold(0.0, f64::max)
    }

    /// Seconds until all seconds that follow but one in ten are normal again; none: never.
    pub(super) fn normal_after(&self) -> Option<usize> {
        let slow: Vec<_> =
            self.after.seconds.iter().map(|it| self.normal_ms() < it.good_ms(0.99)).collect();
        (0..slow.len()).find(|from| {
            let rest = slow.get(*from..).unwrap_or_default();
            10 * rest.iter().filter(|slow| **slow).count() <= rest.len()
        })
    }
}

fn per_second(answers: &Answers, count: impl Fn(&crate::open::Second) -> u64) -> Vec<f64> {
    let counts = answers.seconds.iter().map(|it| u32::try_from(count(it)).unwrap_or(u32::MAX));
    counts.map(f64::from).collect()
}

fn to_float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { during, before, after, .. } = self;
        writeln!(
            f,
            "{:.0} per s closed (p99 {:.1} ms), {:.0} open (asked {:.0}), {:.0} beside refusals elsewhere",
            self.closed, self.closed_p99_ms, self.open, self.open_at, self.left
        )?;
        for (name, it) in [("before", before), ("flood", during), ("after", after)] {
            let length = it.length.as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "counts of minutes")]
            let due = it.due as f64 / length;
            writeln!(
                f,
                "  {name}: asked {due:.0}/s, good {:.0}/s p50 {:.2} p99 {:.2} ms, refused {} ({} as 429, {} as 503, {} without Retry-After) p50 {:.2} p99 {:.2} ms, wrong {} ({} failed), {} connections {}",
                it.goodput(),
                it.good_ms(0.5),
                it.good_ms(0.99),
                it.refused.len(),
                it.limited,
                it.unavailable,
                it.without_when,
                it.refused_ms(0.5),
                it.refused_ms(0.99),
                it.wrong(),
                it.failed,
                it.connections,
                it.strange.as_deref().unwrap_or_default()
            )?;
        }
        writeln!(
            f,
            "  worst stretch {:.0}/s, resident {:.0} MB before, {:.0} at most, growth {:.2}, {:.2} processors, normal ({:.1} ms) after {:?} s",
            self.worst_stretch(),
            self.resident_before,
            self.highest_resident(),
            self.resident_growth(),
            self.busy.unwrap_or_default(),
            self.normal_ms(),
            self.normal_after()
        )
    }
}
