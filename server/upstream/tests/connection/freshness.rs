//! Which callers may share an answer, and which faults a connection's silence makes.

use std::{sync::Arc, time::Duration};

use crate::provider::{LONG, connection, detail, development, live, metadata, question, times};
use delegation::ports::{Answer, IdentityProvider, Inconclusive, Question};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::{JoinHandle, yield_now},
};

/// What is written after the head of an introspection answer.
#[derive(Clone, Copy)]
enum Body {
    /// A good answer, once the gate opens.
    Gated,
    /// Nothing, not even a head; the connection stays open.
    Silence,
    /// One byte at a time, without end.
    Drip,
    /// Large chunks, without end and without a length announced.
    Flood,
    /// The connection is closed in the middle of the body.
    Cut,
}

struct Held {
    issuer: String,
    /// One message per introspection request that has arrived.
    arrived: mpsc::UnboundedReceiver<()>,
    /// One permit per introspection answer.
    gate: Arc<Semaphore>,
}

impl Held {
    async fn start(body: Body) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (announce, arrived) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let document = metadata(&issuer).to_string();
        tokio::spawn({
            let gate = Arc::clone(&gate);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (document, announce, gate) =
                        (document.clone(), announce.clone(), Arc::clone(&gate));
                    tokio::spawn(serve(stream, document, body, announce, gate));
                }
            }
        });
        Self { issuer, arrived, gate }
    }

    fn connection(&self) -> Arc<dyn IdentityProvider> {
        connection(&self.issuer, times(LONG), development())
    }

    fn impatient_connection(&self) -> Arc<dyn IdentityProvider> {
        let mut settings = development();
        settings.deadline = Duration::from_millis(300);
        settings.max_body = 1 << 40; // Only the deadline ends it.
        connection(&self.issuer, times(LONG), settings)
    }
}

/// Answers the requests of one connection; ends when the other side does.
async fn serve(
    mut stream: TcpStream,
    document: String,
    body: Body,
    announce: mpsc::UnboundedSender<()>,
    gate: Arc<Semaphore>,
) -> Option<()> {
    loop {
        let request = read_request(&mut stream).await?;
        if request.starts_with("GET /.well-known/") {
            write(&mut stream, &plain(&document)).await?;
            continue;
        }
        announce.send(()).ok()?;
        match body {
            Body::Gated => {
                gate.acquire().await.ok()?.forget();
                write(&mut stream, &plain(r#"{"active":true}"#)).await?;
            }
            Body::Silence => drop(stream.read(&mut [0]).await.ok()?),
            Body::Drip => endless(&mut stream, " ").await?,
            Body::Flood => endless(&mut stream, &" ".repeat(8 * 1024)).await?,
            Body::Cut => {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                write(&mut stream, &format!("{head}content-length: 15\r\n\r\n{{\"active\":true"))
                    .await?;
                return None;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        request.push(stream.read_u8().await.ok()?);
        if request.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8(request).ok()?.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse().unwrap());
            stream.read_exact(&mut vec![0; length]).await.ok()?;
            return Some(head.replacen("get", "GET", 1));
        }
    }
}

fn plain(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

async fn endless(stream: &mut TcpStream, piece: &str) -> Option<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    write(stream, &format!("{head}transfer-encoding: chunked\r\n\r\n")).await?;
    let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
    loop {
        write(stream, &chunk).await?;
        yield_now().await;
    }
}

async fn write(stream: &mut TcpStream, text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()
}

type Asking = JoinHandle<Result<Answer, Inconclusive>>;

fn ask(connection: &Arc<dyn IdentityProvider>) -> Asking {
    let connection = Arc::clone(connection);
    tokio::spawn(async move { connection.standing(question()).await })
}

fn ask_many(connection: &Arc<dyn IdentityProvider>, callers: usize) -> Vec<Asking> {
    (0..callers).map(|_| ask(connection)).collect()
}

#[tokio::test]
async fn callers_who_arrive_during_a_check_share_the_next_one() {
    let mut provider = Held::start(Body::Gated).await;
    let connection = provider.connection();
    let first = ask(&connection);
    provider.arrived.recv().await.unwrap();

    let late = ask_many(&connection, 20);
    yield_now().await; // Each of them has asked now: one thread, and a fair queue.
    provider.gate.add_permits(2);

    assert!(!first.await.unwrap().unwrap().checks[0].shared);
    let mut sharing = 0;
    for caller in late {
        let answer = caller.await.unwrap().unwrap();
        assert_eq!(answer.standing, live());
        sharing += usize::from(answer.checks[0].shared);
    }
    assert_eq!(sharing, 19);
    provider.arrived.recv().await.unwrap();
    assert!(provider.arrived.try_recv().is_err(), "a third check was made");
}

#[tokio::test]
async fn callers_who_leave_disturb_nobody() {
    let mut provider = Held::start(Body::Gated).await;
    let connection = provider.connection();
    let first = ask(&connection);
    provider.arrived.recv().await.unwrap();
    let (maker, sharer) = (ask(&connection), ask(&connection));
    yield_now().await;
    first.abort();
    maker.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(maker.await.unwrap_err().is_cancelled());
    provider.gate.add_permits(2);
    assert!(sharer.await.unwrap().unwrap().checks[0].shared);
}

/// A signal about the user came in meanwhile: what is under way was asked too early.
#[tokio::test]
async fn questions_of_different_users_or_epochs_are_not_shared() {
    for other in [
        Question { user: "bob".to_owned(), ..question() },
        Question { epoch: question().epoch + 1, ..question() },
    ] {
        let mut provider = Held::start(Body::Gated).await;
        let connection = provider.connection();
        let first = ask(&connection);
        provider.arrived.recv().await.unwrap();
        let other = tokio::spawn({
            let connection = Arc::clone(&connection);
            async move { connection.standing(other).await }
        });
        provider.arrived.recv().await.unwrap();
        provider.gate.add_permits(2);
        assert!(!first.await.unwrap().unwrap().checks[0].shared);
        assert!(!other.await.unwrap().unwrap().checks[0].shared);
    }
}

/// Bounded freshness, through the port: one question for many exchanges, until an epoch ends.
#[tokio::test]
async fn in_bounded_mode_an_answer_serves_until_its_epoch_ends() {
    let mut provider = Held::start(Body::Gated).await;
    provider.gate.add_permits(10);
    let connection = provider.connection();
    let bounded = || Question { max_age: Duration::from_secs(30), ..question() };
    for shared in [false, true, true] {
        let answer = connection.standing(bounded()).await.unwrap();
        assert_eq!((answer.checks[0].shared, answer.checks[0].mode), (shared, "bounded"));
    }
    let after_a_signal = Question { epoch: question().epoch + 1, ..bounded() };
    assert!(!connection.standing(after_a_signal).await.unwrap().checks[0].shared);
    assert!(!connection.standing(question()).await.unwrap().checks[0].shared);
    for _ in 0..3 {
        provider.arrived.recv().await.unwrap();
    }
    assert!(provider.arrived.try_recv().is_err(), "a fourth question was asked");
}

#[tokio::test]
async fn silence_is_ended_by_the_deadline() {
    let provider = Held::start(Body::Silence).await;
    let text = detail(provider.impatient_connection().standing(question()).await);
    assert_eq!(text, "no complete answer within 300 ms");
}

#[tokio::test]
async fn a_drip_is_ended_by_the_deadline() {
    let provider = Held::start(Body::Drip).await;
    let text = detail(provider.impatient_connection().standing(question()).await);
    assert_eq!(text, "no complete answer within 300 ms");
}

#[tokio::test]
async fn a_flood_is_ended_by_the_size_limit() {
    let provider = Held::start(Body::Flood).await;
    let text = detail(provider.connection().standing(question()).await);
    assert_eq!(text, "the answer is larger than 65536 bytes");
}

#[tokio::test]
async fn an_answer_cut_short_is_a_fault() {
    let provider = Held::start(Body::Cut).await;
    let text = detail(provider.connection().standing(question()).await);
    assert!(text.contains("no answer"), "{text}");
}
