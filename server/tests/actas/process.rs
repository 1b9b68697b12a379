//! Processes of `actas`: those that run to their end, and those that serve.

use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::http::{Reply, Request};

/// Longer than anything here takes in a debug build on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// `actas`, knowing nothing of the environment the tests run in.
pub fn actas<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_actas"));
    command.args(arguments).stdin(Stdio::null()).env_remove("ACTAS_CONFIG");
    for (variable, _) in server::config::VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// What a process left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    /// Runs it to its end, which must come.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (all_of(child.stdout.take()), all_of(child.stderr.take()));
        let text = |stream: Receiver<String>| stream.recv_timeout(PATIENCE).ok();
        let (Some(stdout), Some(stderr)) = (text(stdout), text(stderr)) else {
            child.kill().unwrap();
            panic!("{command:?} does not end: {}", child.wait().unwrap());
        };
        Self { code: child.wait().unwrap().code(), stdout, stderr }
    }

    /// What it printed; it went well and had nothing to complain about.
    pub fn succeeded(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.stdout
    }

    /// What it complained about; it failed and printed nothing that could be taken for a result.
    pub fn failed(self) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(1), ""), "{self:?}");
        assert!(!self.stderr.contains("panicked at"), "{}", self.stderr);
        self.stderr
    }
}

/// What comes out of a stream until it ends.
fn all_of(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        stream.unwrap().read_to_string(&mut text).unwrap();
        // Nobody listens any more when it took too long.
        drop(sender.send(text));
    });
    receiver
}

/// `actas serve`, killed when it goes out of scope.
///
/// INVARIANT: nothing it ever wrote contains a token, a client secret or a panic.
pub struct Server {
    child: Child,
    output: Arc<Output>,
    pub address: SocketAddr,
}

/// All lines written so far, standard output and standard error together.
#[derive(Default)]
struct Output {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    streams_ended: usize,
}

impl Server {
    /// Starts it, and comes back when it listens.
    pub fn start(config: &Path) -> Self {
        Self::of(actas(["serve", "--config", config.to_str().unwrap()]))
    }

    /// The same for a command that serves.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = Arc::<Output>::default();
        Output::collect(&output, child.stdout.take().unwrap());
        Output::collect(&output, child.stderr.take().unwrap());
        let mut server = Self { child, output, address: ([127, 0, 0, 1], 0).into() };
        let listening = server.logs("it listens", |line| line["message"] == "actas is listening");
        server.address = listening["address"].as_str().unwrap().parse().unwrap();
        server
    }

    /// Blocks until it has logged a line like that, and returns it.
    pub fn logs(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let found = |written: &Written| {
            let lines = written.lines.iter().filter_map(|line| serde_json::from_str(line).ok());
            lines.into_iter().find(|line| is_it(line))
        };
        self.output.wait_for(what, found)
    }

    /// Blocks until it serves this organization at this revision or a later one: whoever finds that a
    /// new key is due raises it once more.
    pub fn has_loaded(&self, org: &str, revision: i64) {
        self.logs("it loads the organization", |line| {
            line["message"] == "organization loaded"
                && line["org"] == org
                && line["revision"].as_i64().is_some_and(|loaded| revision <= loaded)
        });
    }

    pub fn log(&self) -> String {
        self.output.written.lock().unwrap().lines.join("\n")
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send(&Request::get(path))
    }

    pub fn send(&self, request: &Request) -> Reply {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        request.send_over(stream).unwrap()
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Ends it without a chance to finish anything.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.output.has_ended();
    }

    /// Blocks until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        self.output.has_ended();
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if !thread::panicking() {
            self.output.has_ended();
            let log = self.log();
            for never in ["eyJ", "acs_", "aco_", "panicked at"] {
                assert!(!log.contains(never), "`{never}` in the log:\n{log}");
            }
        }
    }
}

impl Output {
    fn collect(output: &Arc<Self>, stream: impl Read + Send + 'static) {
        let output = Arc::clone(output);
        thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                output.written.lock().unwrap().lines.push(line.unwrap());
                output.changed.notify_all();
            }
            output.written.lock().unwrap().streams_ended += 1;
            output.changed.notify_all();
        });
    }

    /// Blocks until nothing more can come.
    fn has_ended(&self) {
        self.wait_for("it ends", |written| (written.streams_ended == 2).then_some(()));
    }

    fn wait_for<T>(&self, what: &str, find: impl Fn(&Written) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut written = self.written.lock().unwrap();
        loop {
            if let Some(found) = find(&written) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let over = left.is_zero() || written.streams_ended == 2;
            let lines = &written.lines;
            assert!(!over, "waited in vain until {what}; it wrote:\n{}", lines.join("\n"));
            written = self.changed.wait_timeout(written, left).unwrap().0;
        }
    }
}

/// Asks again and again until there is an answer. The pause only keeps it from spinning.
pub fn eventually<T>(what: &str, ask: impl Fn() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::park_timeout(Duration::from_millis(20));
    }
}
