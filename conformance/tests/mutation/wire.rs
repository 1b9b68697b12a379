//! Bytes to the server and back, without a client that would refuse to send them.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use conformance::Reply;
use socket2::{Domain, Socket, Type};

/// A server that says nothing for so long waits for more: it is told that there is none.
const SILENCE: Duration = Duration::from_secs(2);
/// Longer than any deadline the server promises.
const PATIENCE: Duration = Duration::from_secs(25);

/// What came back.
#[derive(Debug, Default)]
pub struct Heard {
    /// All replies on the connection; one request has one.
    pub replies: Vec<Reply>,
    /// What came and was no reply.
    pub rest: Vec<u8>,
    /// Whether nobody closed the connection while we waited.
    pub hangs: bool,
}

/// Sends these bytes to `server` from an address of the loopback network that is chosen by `from`:
/// a server that limits what one address may fail at would otherwise answer nothing else. What is no
/// whole request has its end told by the connection's.
pub fn send(
    server: SocketAddr,
    bytes: &[u8],
    from: u64,
    (is_head, is_whole): (bool, bool),
) -> Heard {
    let mut stream = connect(server, from);
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // Whoever was refused early has hung up: what was said is read all the same.
    let _ = stream.write_all(bytes);
    if !is_whole {
        let _ = stream.shutdown(Shutdown::Write);
    }
    listen(&mut stream, is_head)
}

fn listen(stream: &mut TcpStream, is_head: bool) -> Heard {
    let (began, mut heard, mut bytes) = (Instant::now(), Heard::default(), Vec::new());
    let mut is_told = false;
    let mut part = [0; 16 * 1024];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if PATIENCE < began.elapsed() {
                    heard.hangs = true;
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break,
        }
        let is_answered = reply(&bytes, is_head, false).is_some();
        if !is_told && (is_answered || SILENCE <= began.elapsed()) {
            // Now it knows that nothing follows; what follows all the same shows what it took for a request.
            let _ = stream.shutdown(Shutdown::Write);
            is_told = true;
        }
    }
    let mut left = bytes.as_slice();
    while let Some((reply, length)) = reply(left, is_head && heard.replies.is_empty(), true) {
        left = &left[length..];
        // RFC 9110 §15.2: interim.
        if 200 <= reply.status {
            heard.replies.push(reply);
        }
    }
    heard.rest = left.to_vec();
    heard
}

fn connect(server: SocketAddr, from: u64) -> TcpStream {
    let SocketAddr::V4(v4) = server else { return TcpStream::connect(server).unwrap() };
    if v4.ip().is_loopback() {
        let [.., a, b, c] = from.to_be_bytes();
        let ours = Ipv4Addr::new(127, 1 + a % 250, b, 1 + c % 250);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // Some systems have one address there, and then it is that.
        let _ = socket.bind(&SocketAddrV4::new(ours, 0).into());
        if socket.connect(&server.into()).is_ok() {
            return socket.into();
        }
    }
    TcpStream::connect(server).unwrap()
}

/// The first reply in these bytes, and how many of them it is (RFC 9112 §6.3); `None` when it is not
/// complete.
fn reply(bytes: &[u8], is_head: bool, is_all: bool) -> Option<(Reply, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    let headers: Vec<(String, String)> = lines.filter_map(header).collect();
    let bare = Reply::new(status, headers.clone(), Vec::new());
    let body = bytes.get(head + 4..)?;
    let has_none = is_head || status < 200 || [204, 304].contains(&status);
    let (body, length) = if has_none {
        (Vec::new(), 0)
    } else if bare.has("transfer-encoding", "chunked") {
        dechunked(body)?
    } else if let Some(length) = bare.header("content-length") {
        let length = length.parse().ok()?;
        (body.get(..length)?.to_vec(), length)
    } else if is_all {
        (body.to_vec(), body.len())
    } else {
        return None;
    };
    Some((Reply::new(status, headers, body), head + 4 + length))
}

/// The body in these chunks and what it took; `None` when some are missing.
pub fn dechunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut out, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..)?;
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        let chunk = rest.get(line + 2..)?.get(..size)?;
        out.extend_from_slice(chunk);
        at = at.checked_add(line + 2 + size + 2)?;
        if size == 0 {
            return (at <= bytes.len()).then_some((out, at));
        }
    }
}

/// A place that requests name and nobody may ever call.
#[derive(Debug)]
pub struct Trap(TcpListener);

impl Trap {
    pub fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn url(&self) -> String {
        format!("http://{}/trap", self.0.local_addr().unwrap())
    }

    pub fn has_caught(&self) -> bool {
        self.0.accept().is_ok()
    }
}
