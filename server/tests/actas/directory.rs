//! A directory, a token service or a decision point of somebody else on a socket of this process: it
//! answers whatever it was last told to.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use testkit::wire::{Answer, Reply};

use crate::listener::Listener;

/// Answers until the process ends; 404 to paths nobody told it about.
pub struct Directory {
    state: Arc<Mutex<State>>,
    pub url: String,
}

#[derive(Default)]
struct State {
    /// By path, beginning with a slash.
    told: Vec<(String, Answer)>,
    asked: Vec<Question>,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Question {
    pub path: String,
    pub body: String,
}

impl Directory {
    pub fn start() -> Self {
        let listener = Listener::bind();
        let directory = Self { state: Arc::default(), url: listener.url.clone() };
        let state = Arc::clone(&directory.state);
        listener.answer(move |request| {
            let mut state = state.lock().unwrap();
            let body = String::from_utf8_lossy(request.body).into_owned();
            state.asked.push(Question { path: request.path.to_owned(), body });
            let told = state.told.iter().find(|(path, _)| path == request.path);
            told.map_or_else(unknown, |(_, answer)| answer.clone())
        });
        directory
    }

    /// From now on this is what it says there.
    pub fn says(&self, path: &str, status: u16, body: &Value) {
        let headers = vec![("content-type", "application/json".to_owned())];
        self.answers(path, Answer::Reply(Reply { status, headers, body: body.to_string() }));
    }

    /// From now on it sends whoever asks there somewhere else.
    pub fn redirects(&self, path: &str, to: &str) {
        let headers = vec![("location", to.to_owned())];
        self.answers(path, Answer::Reply(Reply { status: 307, headers, body: String::new() }));
    }

    /// From now on it asks there to be left alone for so long.
    pub fn throttles(&self, path: &str, seconds: u64) {
        let headers = vec![("retry-after", seconds.to_string())];
        self.answers(path, Answer::Reply(Reply { status: 429, headers, body: String::new() }));
    }

    /// From now on it hangs up there.
    pub fn is_down(&self, path: &str) {
        self.answers(path, Answer::Down);
    }

    fn answers(&self, path: &str, answer: Answer) {
        let mut state = self.state.lock().unwrap();
        state.told.retain(|(told, _)| told != path);
        state.told.push((path.to_owned(), answer));
    }

    pub fn asked(&self) -> Vec<Question> {
        self.state.lock().unwrap().asked.clone()
    }
}

fn unknown() -> Answer {
    Answer::Reply(Reply { status: 404, headers: Vec::new(), body: String::new() })
}
