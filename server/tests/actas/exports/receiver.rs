//! A receiver of webhooks that is strict about Standard Webhooks, remembers ids, and misbehaves when
//! it is told to.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{http::read_head, process::PATIENCE};

pub const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

/// A sink that was away for long is asked again after so long.
const LONGEST_REST: Duration = Duration::from_mins(1);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Takes,
    /// Closes after some of the body.
    DiesInTheMiddle,
    /// Takes everything and closes without an answer.
    LosesTheAnswer,
    Fails,
    /// Takes everything, and answers when it is released.
    Hangs,
    /// 400 for a batch with an event of this number.
    Refuses(i64),
}

pub struct Receiver {
    state: Arc<(Mutex<State>, Condvar)>,
    pub url: String,
}

#[derive(Default)]
struct State {
    /// What becomes of the next requests; then, of all others.
    script: VecDeque<Mood>,
    mood: Option<Mood>,
    released: bool,
    requests: usize,
    /// The body under each id: the same each time.
    bodies: HashMap<String, Vec<u8>>,
    /// How often each id came.
    came: HashMap<String, usize>,
    events: Vec<Value>,
}

impl Receiver {
    pub fn start(mood: Mood) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", socket.local_addr().unwrap());
        let state = State { mood: Some(mood), ..State::default() };
        let receiver = Self { state: Arc::new((Mutex::new(state), Condvar::new())), url };
        let state = Arc::clone(&receiver.state);
        thread::spawn(move || {
            for stream in socket.incoming() {
                let state = Arc::clone(&state);
                // A client that goes away is not the failure of whoever answers.
                thread::spawn(move || drop(receive(&state, stream.unwrap())));
            }
        });
        receiver
    }

    /// From now on, first these, then that.
    pub fn becomes(&self, script: &[Mood], mood: Mood) {
        let mut state = self.state.0.lock().unwrap();
        (state.script, state.mood) = (script.iter().copied().collect(), Some(mood));
    }

    /// Whoever hangs is answered.
    pub fn release(&self) {
        self.state.0.lock().unwrap().released = true;
        self.state.1.notify_all();
    }

    /// The events it has, each once for each id, once it has so many.
    #[track_caller]
    pub fn events(&self, events: usize) -> Vec<Value> {
        self.when(&format!("{events} events have arrived"), |state| {
            (state.events.len() == events).then(|| state.events.clone())
        })
    }

    /// Blocks until so many requests came.
    #[track_caller]
    pub fn asked(&self, requests: usize) {
        let enough = |state: &State| (requests <= state.requests).then_some(());
        self.when(&format!("{requests} requests came"), enough);
    }

    /// How often the id came that came most often.
    pub fn most_often(&self) -> usize {
        self.state.0.lock().unwrap().came.values().copied().max().unwrap_or(0)
    }

    #[track_caller]
    fn when<T>(&self, what: &str, find: impl Fn(&State) -> Option<T>) -> T {
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap();
        loop {
            if let Some(found) = find(&state) {
                return found;
            }
            let (next, waited) = changed.wait_timeout(state, LONGEST_REST + PATIENCE).unwrap();
            let (events, requests) = (next.events.len(), next.requests);
            let problem = format!("waited in vain until {what}: {events} of {requests} requests");
            assert!(!waited.timed_out(), "{problem}");
            state = next;
        }
    }
}

fn receive(state: &(Mutex<State>, Condvar), mut stream: TcpStream) -> io::Result<()> {
    let (head, mut body) = read_head(&mut stream)?;
    let mood = {
        let mut state = state.0.lock().unwrap();
        state.requests += 1;
        state.script.pop_front().or(state.mood).unwrap_or(Mood::Takes)
    };
    let header = |name: &str| {
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        let found = headers.into_iter().find(|(at, _)| at.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    if mood == Mood::DiesInTheMiddle {
        state.1.notify_all();
        return Ok(());
    }
    let length: usize = header("content-length").parse().unwrap();
    let missing = u64::try_from(length - body.len()).unwrap();
    (&stream).take(missing).read_to_end(&mut body)?;
    if body.len() < length {
        return Ok(());
    }
    let id = header("webhook-id");
    signed(&id, &header("webhook-timestamp"), &header("webhook-signature"), &body);
    let events: Vec<Value> = serde_json::from_slice(&body).unwrap();
    let refuses = |seq| events.iter().any(|event| event["seq"] == seq);
    let status = match mood {
        Mood::Fails => 500,
        Mood::Refuses(seq) if refuses(seq) => 400,
        Mood::Takes
        | Mood::LosesTheAnswer
        | Mood::Hangs
        | Mood::Refuses(_)
        | Mood::DiesInTheMiddle => 204,
    };
    if status == 204 {
        state.0.lock().unwrap().take(&id, &body, events);
    }
    state.1.notify_all();
    if mood == Mood::Hangs {
        let released = state.1.wait_while(state.0.lock().unwrap(), |state| !state.released);
        drop(released.unwrap());
    }
    if mood == Mood::LosesTheAnswer {
        return Ok(());
    }
    let answer =
        format!("HTTP/1.1 {status} Said\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes())
}

impl State {
    fn take(&mut self, id: &str, body: &[u8], events: Vec<Value>) {
        *self.came.entry(id.to_owned()).or_default() += 1;
        let first = self.bodies.entry(id.to_owned()).or_insert_with(|| {
            self.events.extend(events);
            body.to_vec()
        });
        assert_eq!(first, body, "another batch under the id {id}");
    }
}

fn signed(id: &str, at: &str, signature: &str, body: &[u8]) {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let content = [format!("{id}.{at}.").as_bytes(), body].concat();
    let expected = format!("v1,{}", STANDARD.encode(keys::hmac_sha256(&key, &content)));
    assert_eq!(signature, expected);
}
