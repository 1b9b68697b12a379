//! The connections of one class: who is idle takes what is due, what is due and finds nobody waits.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    runtime::Handle,
    sync::{Notify, oneshot},
};

use super::{
    Class,
    answers::{Answers, End},
};
use crate::{
    Outcome,
    wire::{Answer, Connection},
};

#[derive(Debug)]
pub(super) struct Crowd {
    class: Class,
    state: Mutex<State>,
    /// A connection ended.
    gone: Notify,
}

#[derive(Debug)]
struct State {
    /// The last to become idle is the first to work again: few requests need few connections.
    idle: Vec<oneshot::Sender<Instant>>,
    /// When those were due that found nobody.
    waiting: VecDeque<Instant>,
    /// Connections that work or are idle.
    open: usize,
    turn: usize,
    is_over: bool,
    answers: Answers,
    broken: Option<String>,
}

impl Crowd {
    pub(super) fn new(class: Class, from: Instant, length: Duration) -> Outcome<Arc<Self>> {
        let state = State {
            idle: Vec::new(),
            waiting: VecDeque::new(),
            open: 0,
            turn: 0,
            is_over: false,
            answers: Answers::new(from, length)?,
            broken: None,
        };
        Ok(Arc::new(Self { class, state: Mutex::new(state), gone: Notify::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more request is due.
    pub(super) fn arrive(self: &Arc<Self>, runtime: &Handle, due: Instant) {
        let mut state = self.lock();
        let mut due = due;
        while let Some(idle) = state.idle.pop() {
            // Who was idle and is gone gives it back.
            match idle.send(due) {
                Ok(()) => return,
                Err(back) => due = back,
            }
        }
        state.waiting.push_back(due);
        if state.open < self.class.connections {
            state.open += 1;
            runtime.spawn(Arc::clone(self).work());
        }
    }

    /// No more will be due: waits for what is outstanding, until `last`.
    pub(super) async fn end(self: Arc<Self>, last: Instant) -> Outcome<Answers> {
        {
            let mut state = self.lock();
            state.is_over = true;
            state.idle.clear();
        }
        let all_gone = async {
            loop {
                let gone = self.gone.notified();
                if self.lock().open == 0 {
                    return;
                }
                gone.await;
            }
        };
        // Whoever is not answered by then has been given up.
        let _ = tokio::time::timeout_at(last.into(), all_gone).await;
        let mut state = self.lock();
        if let Some(broken) = state.broken.take() {
            return Err(format!("{}: {broken}", self.class.name).into());
        }
        let (from, length) = (Instant::now(), Duration::ZERO);
        let mut answers = std::mem::replace(&mut state.answers, Answers::new(from, length)?);
        let given_up = state.waiting.len() + state.open;
        answers.failed += u64::try_from(given_up)?;
        Ok(answers)
    }

    async fn work(self: Arc<Self>) {
        if let Err(error) = self.keep_working().await {
            self.lock().broken = Some(error.to_string());
        }
        self.lock().open -= 1;
        self.gone.notify_one();
    }

    async fn keep_working(&self) -> Outcome<()> {
        let mut connection = None;
        while let Some(due) = self.next().await {
            let (request, turn) = self.turn();
            let request = self.class.script.requests.get(request).ok_or("nothing to ask")?;
            let (end, strange) = self.ask(&mut connection, request, turn).await;
            let mut state = self.lock();
            state.answers.note(due, Instant::now(), end)?;
            if strange.is_some() {
                state.answers.strange = strange;
            }
        }
        Ok(())
    }

    /// When the next request for this connection was due; none: there are no more.
    async fn next(&self) -> Option<Instant> {
        let idle = {
            let mut state = self.lock();
            if let Some(due) = state.waiting.pop_front() {
                return Some(due);
            }
            if state.is_over {
                return None;
            }
            let (sender, idle) = oneshot::channel();
            state.idle.push(sender);
            idle
        };
        idle.await.ok()
    }

    /// Which request it is now, and how many there were before.
    fn turn(&self) -> (usize, usize) {
        let mut state = self.lock();
        state.turn = state.turn.wrapping_add(1);
        (state.turn % self.class.script.requests.len().max(1), state.turn)
    }

    /// Asks, over a new connection when there is none that can be used again.
    async fn ask(
        &self,
        connection: &mut Option<Connection>,
        request: &[u8],
        turn: usize,
    ) -> (End, Option<String>) {
        loop {
            let (mut open, is_new) = match connection.take() {
                Some(open) => (open, false),
                None => match self.connect(turn).await {
                    Ok(open) => (open, true),
                    Err(error) => return (End::Failed, Some(error.to_string())),
                },
            };
            let judged =
                open.ask(request).await.map(|answer| (self.judge(&answer), answer.is_last()));
            match judged {
                Ok((judged, is_last)) => {
                    *connection = (!is_last).then_some(open);
                    return judged;
                }
                // It had been closed while it was idle: a client asks again.
                Err(_) if !is_new && open.heard_nothing() => {}
                Err(error) => return (End::Failed, Some(error.to_string())),
            }
        }
    }

    async fn connect(&self, turn: usize) -> Outcome<Connection> {
        self.lock().answers.connections += 1;
        let from = self.class.from.get(turn % self.class.from.len().max(1)).copied();
        Connection::open_from(self.class.address, from).await
    }

    fn judge(&self, answer: &Answer<'_>) -> (End, Option<String>) {
        match answer.status() {
            200 if answer.body.contains(self.class.script.proof) => (End::Good, None),
            status @ (429 | 503) => {
                let when = answer.header("retry-after").and_then(|it| it.parse::<u64>().ok());
                (End::Refused { status, says_when: when.is_some_and(|it| 0 < it) }, None)
            }
            _ => (End::Other, Some(format!("{}\n{}", answer.head, answer.body))),
        }
    }
}
