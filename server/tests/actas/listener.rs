//! A socket of this process behind which somebody answers whom `actas` asks.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use testkit::wire::{Answer, Reply, Request};

use crate::http::read_head;

/// Bound, and not answered yet.
pub struct Listener {
    socket: TcpListener,
    /// Without a trailing slash.
    pub url: String,
}

impl Listener {
    pub fn bind() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        Self { socket, url }
    }

    /// Each request by a thread of its own, until the process ends.
    pub fn answer(self, how: impl Fn(&Request<'_>) -> Answer + Send + Sync + 'static) {
        let how = Arc::new(how);
        thread::spawn(move || {
            for stream in self.socket.incoming() {
                let how = Arc::clone(&how);
                // A client that goes away is not the failure of whoever answers.
                thread::spawn(move || drop(answer(&*how, stream.unwrap())));
            }
        });
    }
}

fn answer(how: &dyn Fn(&Request<'_>) -> Answer, mut stream: TcpStream) -> io::Result<()> {
    let (head, mut body) = read_head(&mut stream)?;
    let mut first = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let header = |name: &str| {
        let headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let length: usize = header("content-length").and_then(|l| l.parse().ok()).unwrap_or_default();
    let missing = length.saturating_sub(body.len());
    (&stream).take(u64::try_from(missing).unwrap()).read_to_end(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let authorization = header("authorization");
    match how(&Request { method, path, query, authorization, body: &body }) {
        Answer::Reply(reply) => write(&mut stream, &reply),
        Answer::Slow(_) | Answer::Down => Ok(()),
    }
}

fn write(stream: &mut TcpStream, reply: &Reply) -> io::Result<()> {
    let mut text = format!("HTTP/1.1 {} Said\r\n", reply.status);
    for (name, value) in &reply.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let (length, body) = (reply.body.len(), &reply.body);
    text.push_str(&format!("content-length: {length}\r\nconnection: close\r\n\r\n{body}"));
    stream.write_all(text.as_bytes())
}
