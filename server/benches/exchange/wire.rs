//! HTTP/1.1 by hand over connections that are kept alive, so that the load costs little beside what
//! it loads.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};

use crate::{Outcome, load::Caller};

/// Requests written out in full, and how a good answer is told from another.
#[derive(Debug)]
pub(crate) struct Script {
    pub requests: Vec<Vec<u8>>,
    /// Part of the body of every good answer.
    pub proof: &'static str,
}

/// A POST of a form, with headers beside those that every one has.
pub(crate) fn post(path: &str, headers: &[(&str, String)], form: &str) -> Vec<u8> {
    let headers =
        headers.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\r\n");
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench.example\r\n{headers}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench.example\r\n\r\n").into_bytes()
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        Self::open_from(address, None).await
    }

    /// From an address of this machine, when one is given.
    pub(crate) async fn open_from(address: SocketAddr, from: Option<IpAddr>) -> Outcome<Self> {
        let stream = match from {
            None => TcpStream::connect(address).await?,
            Some(from) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::from((from, 0)))?;
                socket.connect(address).await?
            }
        };
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends `request` and returns the body of its answer, which is a 200 and holds `proof`.
    pub(crate) async fn exchange(&mut self, request: &[u8], proof: &str) -> Outcome<&str> {
        let Answer { head, body } = self.ask(request).await?;
        if head.starts_with("HTTP/1.1 200 ") && body.contains(proof) {
            Ok(body)
        } else {
            Err(format!("an answer is not a 200 with {proof}:\n{head}{body}").into())
        }
    }

    /// Sends `request` and returns its answer, whatever it is.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.answer.clear();
        self.stream.write_all(request).await?;
        let body = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err("the server closed a connection".into());
            }
            if let Some(body) = body_of(&self.answer)? {
                break body;
            }
        };
        let answer = std::str::from_utf8(&self.answer)?;
        let (head, body) = answer.split_at_checked(body).ok_or("an answer is not text")?;
        Ok(Answer { head, body })
    }

    /// Whether nothing has come of the last request: what a server does to a connection that it had
    /// closed already, as one that was idle for long.
    pub(crate) const fn heard_nothing(&self) -> bool {
        self.answer.is_empty()
    }
}

/// One answer, as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub head: &'a str,
    pub body: &'a str,
}

impl<'a> Answer<'a> {
    pub(crate) fn status(&self) -> u16 {
        let status = self.head.split_ascii_whitespace().nth(1).map(str::parse);
        status.and_then(Result::ok).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let found = headers.find(|(given, _)| given.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim())
    }

    /// Whether the server closes the connection after it.
    pub(crate) fn is_last(&self) -> bool {
        self.header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"))
    }
}

/// Where the body begins, once it is there to its last byte.
fn body_of(answer: &[u8]) -> Outcome<Option<usize>> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(head) = answer.windows(END.len()).position(|bytes| bytes == END) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(answer.get(..head).unwrap_or_default())?;
    let length = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let (_, length) = length.ok_or_else(|| format!("an answer without a length:\n{text}"))?;
    let body = head + END.len();
    let whole = body + length.trim().parse::<usize>()?;
    if whole < answer.len() {
        return Err("an answer is longer than it says".into());
    }
    Ok((answer.len() == whole).then_some(body))
}

/// Plays a script from one connection; all who share it take turns.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    script: Arc<Script>,
    turn: Arc<AtomicUsize>,
}

impl Client {
    pub(crate) async fn crowd(
        address: SocketAddr,
        script: &Arc<Script>,
        size: usize,
    ) -> Outcome<Vec<Self>> {
        let turn = Arc::new(AtomicUsize::new(0));
        let mut crowd = Vec::with_capacity(size);
        for _ in 0..size {
            let connection = Connection::open(address).await?;
            crowd.push(Self { connection, script: Arc::clone(script), turn: Arc::clone(&turn) });
        }
        Ok(crowd)
    }
}

impl Caller for Client {
    async fn call(&mut self) -> Outcome<()> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let request = self.script.requests.get(turn % self.script.requests.len().max(1));
        let request = request.ok_or("there is nothing to ask")?;
        self.connection.exchange(request, self.script.proof).await.map(drop)
    }
}

/// Sends every request of a script once, `size` at a time, and returns what `read` made of each
/// answer, in no particular order.
pub(crate) async fn play<T: Send + 'static>(
    address: SocketAddr,
    script: Script,
    size: usize,
    read: fn(&str) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    let Script { requests, proof } = script;
    let requests = Arc::new(Mutex::new(requests));
    let mut players = JoinSet::new();
    for _ in 0..size {
        let requests = Arc::clone(&requests);
        players.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut made = Vec::new();
            let next = || requests.lock().unwrap_or_else(PoisonError::into_inner).pop();
            while let Some(request) = next() {
                made.push(read(connection.exchange(&request, proof).await?)?);
            }
            Outcome::Ok(made)
        });
    }
    let mut all = Vec::new();
    while let Some(made) = players.join_next().await {
        all.extend(made??);
    }
    Ok(all)
}
