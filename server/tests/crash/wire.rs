//! Between `actas` and `PostgreSQL`: passes everything on, knows the statements that go by, and at one
//! of them does what it was told.
//!
//! It reads the messages of the protocol, version 3, without TLS: type, length, content.

mod message;

use std::{
    collections::HashMap,
    io::Write,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use self::message::{Message, read_opening};
use crate::process::PATIENCE;

/// Passes on until the process ends.
pub struct Wire {
    pub address: SocketAddr,
    state: Arc<State>,
}

/// A moment in the life of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// It does not arrive.
    Before,
    /// It was carried out; the answer does not arrive.
    Unanswered,
    /// The answer has just been passed on.
    Answered,
}

impl When {
    pub const ALL: [Self; 3] = [Self::Before, Self::Unanswered, Self::Answered];
}

/// What happens, once, at the `nth` statement that contains `text`.
pub struct Point {
    pub text: &'static str,
    pub nth: usize,
    pub when: When,
    /// Before the connection is cut.
    pub deed: Box<dyn FnOnce() + Send>,
}

#[derive(Default)]
struct State {
    plan: Mutex<Plan>,
    changed: Condvar,
    /// New connections are closed at once.
    refuses: AtomicBool,
}

#[derive(Default)]
struct Plan {
    point: Option<Point>,
    seen: usize,
    struck: bool,
    /// Every open connection.
    open: Vec<Arc<Link>>,
    /// Each statement is held up for so long.
    delay: Duration,
}

/// One connection, seen from both sides.
struct Link {
    client: TcpStream,
    server: TcpStream,
    /// Nothing more goes through.
    silent: AtomicBool,
    /// The answers up to the next `ReadyForQuery` are those of the statement at the point.
    due: Mutex<Option<Point>>,
}

impl Wire {
    /// In front of this server.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<State>::default();
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                if accepting.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else { continue };
                let state = Arc::clone(&accepting);
                thread::spawn(move || state.serve(client, server));
            }
        });
        Self { address, state }
    }

    /// From now on it waits for this.
    pub fn waits_for(&self, point: Point) {
        let mut plan = self.state.plan.lock().unwrap();
        (plan.point, plan.seen, plan.struck) = (Some(point), 0, false);
    }

    /// Blocks until it has come, and was dealt with; false when it does not come.
    pub fn strikes(&self) -> bool {
        let plan = self.state.plan.lock().unwrap();
        let waiting = |plan: &mut Plan| !plan.struck;
        let waited = self.state.changed.wait_timeout_while(plan, PATIENCE, waiting).unwrap();
        !waited.1.timed_out()
    }

    /// Every statement takes so much longer.
    pub fn delays(&self, by: Duration) {
        self.state.plan.lock().unwrap().delay = by;
    }

    /// Nothing goes through the open connections any more, and nobody is told. New ones are well.
    pub fn falls_silent(&self) {
        for link in &self.state.plan.lock().unwrap().open {
            link.silent.store(true, Ordering::SeqCst);
        }
    }

    /// No new connections, until it is told otherwise.
    pub fn refuses(&self, refuses: bool) {
        self.state.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Cuts every open connection.
    pub fn cuts(&self) {
        let open = std::mem::take(&mut self.state.plan.lock().unwrap().open);
        for link in &open {
            link.cut();
        }
    }
}

impl State {
    fn serve(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let link = Link { client, server, silent: AtomicBool::default(), due: Mutex::default() };
        let link = Arc::new(link);
        self.plan.lock().unwrap().open.push(Arc::clone(&link));
        let (state, down) = (Arc::clone(self), Arc::clone(&link));
        thread::spawn(move || {
            state.answers(&down);
            down.cut();
        });
        self.statements(&link);
        link.cut();
        self.plan.lock().unwrap().open.retain(|open| !Arc::ptr_eq(open, &link));
    }

    /// From the client to the server.
    fn statements(&self, link: &Link) -> Option<()> {
        let opening = read_opening(&link.client)?;
        (&link.server).write_all(&opening).ok()?;
        let mut prepared: HashMap<String, String> = HashMap::new();
        let mut bound = String::new();
        loop {
            let message = Message::read(&link.client)?;
            let statement = match message.kind {
                b'P' => {
                    let (name, sql) = (message.text(0)?, message.text(1)?);
                    prepared.insert(name, sql);
                    None
                }
                b'B' => {
                    bound = prepared.get(&message.text(1)?).cloned().unwrap_or_default();
                    None
                }
                b'E' => Some(bound.clone()),
                b'Q' => message.text(0),
                _ => None,
            };
            if let Some(sql) = statement {
                self.is_at(link, &sql)?;
            }
            link.pass(&link.server, &message)?;
        }
    }

    /// A statement is about to be passed on. None: not any more.
    fn is_at(&self, link: &Link, sql: &str) -> Option<()> {
        let mut plan = self.plan.lock().unwrap();
        let delay = plan.delay;
        let here = plan.point.as_ref().is_some_and(|point| sql.contains(point.text));
        plan.seen += usize::from(here);
        let seen = plan.seen;
        let point = plan.point.take_if(|point| here && seen == point.nth);
        drop(plan);
        if !delay.is_zero() {
            thread::park_timeout(delay);
        }
        match point {
            None => {}
            Some(point) if point.when == When::Before => {
                self.does(point);
                return None;
            }
            Some(point) => *link.due.lock().unwrap() = Some(point),
        }
        Some(())
    }

    fn does(&self, point: Point) {
        (point.deed)();
        self.plan.lock().unwrap().struck = true;
        self.changed.notify_all();
    }

    /// From the server to the client.
    fn answers(&self, link: &Link) -> Option<()> {
        loop {
            let message = Message::read(&link.server)?;
            let is_ready = message.kind == b'Z';
            let when = link.due.lock().unwrap().as_ref().map(|point| point.when);
            if when != Some(When::Unanswered) {
                link.pass(&link.client, &message)?;
            }
            if is_ready && let Some(point) = link.due.lock().unwrap().take() {
                self.does(point);
                return None;
            }
        }
    }
}

impl Link {
    fn pass(&self, mut to: &TcpStream, message: &Message) -> Option<()> {
        if self.silent.load(Ordering::SeqCst) {
            return Some(());
        }
        to.write_all(&message.bytes).ok()
    }

    fn cut(&self) {
        // Whoever has gone already needs no telling.
        drop(self.client.shutdown(Shutdown::Both));
        drop(self.server.shutdown(Shutdown::Both));
    }
}
