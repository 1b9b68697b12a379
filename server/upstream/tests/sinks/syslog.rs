//! Syslog receivers made by hand: one that reads frames to the end, and some that do not.

use std::sync::Arc;

use delegation::export::{Sink, Unsent};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use upstream::{http::Reach, sinks::Workshop};

use crate::fake::{batch, chained, issued, outbound, refused, settings, trail};

/// RFC 6587 §3.4.1: `MSG-LEN SP SYSLOG-MSG`, and nothing between.
fn frames(bytes: &[u8]) -> Vec<String> {
    let (mut rest, mut messages) = (bytes, Vec::new());
    while !rest.is_empty() {
        let space = rest.iter().position(|&byte| byte == b' ').unwrap();
        let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
        let (message, after) = rest[space + 1..].split_at(length);
        messages.push(String::from_utf8(message.to_vec()).unwrap());
        rest = after;
    }
    messages
}

async fn read(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    socket.shutdown().await.unwrap();
    bytes
}

/// Reads one connection to its end, then closes its side.
async fn receiver() -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, tokio::spawn(async move { read(listener.accept().await.unwrap().0).await }))
}

fn plain(port: u16, more: &Value) -> Value {
    let mut declared = json!({"kind": "syslog", "host": "localhost", "port": port, "tls": false});
    declared.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    declared
}

fn sink(declared: Value) -> Arc<dyn Sink> {
    crate::fake::sink(declared)
}

/// RFC 5424 §6: "HEADER = PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID".
#[tokio::test]
async fn speaks_rfc_5424_with_octet_counting() {
    let (port, received) = receiver().await;
    let links = chained(&[issued(1), refused(2)]);
    sink(plain(port, &json!({"hostname": "as-1"}))).send(&batch(&links)).await.unwrap();
    let messages = frames(&received.await.unwrap());
    let [first, second] = &*messages else { panic!("{messages:?}") };
    // 13 * 8 + 6: log audit, informational; + 5: notice.
    let header = "<110>1 2026-11-22T10:00:00Z as-1 actas - issued - CEF:0|actas|actas|";
    assert!(first.starts_with(header), "{first}");
    assert!(second.starts_with("<109>1 2026-11-22T10:00:01Z as-1 actas - refused - "), "{second}");
    assert!(!second.contains('\n'));
}

#[tokio::test]
async fn carries_json_when_that_is_wanted() {
    for (format, pointer) in [("record", "/record/subject"), ("ocsf", "/user/uid")] {
        let (port, received) = receiver().await;
        let declared = plain(port, &json!({"format": format, "facility": 4}));
        sink(declared).send(&batch(&trail(1))).await.unwrap();
        let messages = frames(&received.await.unwrap());
        assert!(messages[0].starts_with("<38>1 "), "{messages:?}");
        let at = messages[0].find('{').unwrap();
        let event: Value = serde_json::from_str(&messages[0][at..]).unwrap();
        assert_eq!(event.pointer(pointer).unwrap(), "alice");
    }
}

#[tokio::test]
async fn a_receiver_that_does_not_read_to_the_end_does_not_have_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut some = [0; 100];
        socket.read_exact(&mut some).await.unwrap();
        // Closed with bytes unread: the kernel resets the connection.
        drop(socket);
    });
    let unsent = sink(plain(port, &json!({}))).send(&batch(&trail(400))).await.unwrap_err();
    assert!(unsent.what.starts_with("events 1 to 400: no answer: "), "{unsent}");
    receiver.await.unwrap();
}

#[tokio::test]
async fn nobody_there_is_not_a_delivery() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let unsent = sink(plain(port, &json!({}))).send(&batch(&trail(1))).await.unwrap_err();
    assert!(unsent.what.contains("refused"), "{unsent}");
}

#[tokio::test]
async fn plain_text_stays_within_our_own_network() {
    let (port, _received) = receiver().await;
    let sent = async |reach| {
        let ca = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
        let workshop = Workshop { outbound: outbound(reach, Some(ca)), directory: None };
        let sink = workshop.build(&settings(plain(port, &json!({})))).unwrap();
        sink.send(&batch(&trail(1))).await
    };
    let unsent = sent(Reach::Public).await.unwrap_err();
    assert!(unsent.what.contains("without `tls`"), "{unsent}");
    assert_eq!(sent(Reach::Inside).await, Ok(()));
}

/// A certificate authority, a receiver's certificate and ours.
struct Certificates {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    fn new() -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { ca }
    }

    fn signed(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.ca).unwrap(), key)
    }

    /// A receiver that lets only those in whom the authority vouches for, if `mutual`.
    fn acceptor(&self, mutual: bool) -> TlsAcceptor {
        let (certificate, key) = self.signed("localhost");
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.ca.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            config.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    async fn send(
        &self,
        mutual: bool,
        declared: &Value,
        host: &str,
    ) -> (Result<(), Unsent>, Option<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = self.acceptor(mutual);
        let received = tokio::spawn(async move {
            let socket = acceptor.accept(listener.accept().await.unwrap().0).await.ok()?;
            let (mut socket, mut bytes) = (socket, Vec::new());
            socket.read_to_end(&mut bytes).await.ok()?;
            socket.shutdown().await.ok()?;
            Some(bytes)
        });
        let mut full = json!({"kind": "syslog", "host": host, "port": port});
        full.as_object_mut().unwrap().extend(declared.as_object().unwrap().clone());
        let outbound = outbound(Reach::Inside, Some(self.ca.pem()));
        let workshop = Workshop { outbound, directory: None };
        let sent = workshop.build(&settings(full)).unwrap().send(&batch(&trail(3))).await;
        (sent, received.await.unwrap())
    }
}

/// RFC 5425 §4.3: "All syslog messages MUST be sent as TLS "application data"", with octet counting.
#[tokio::test]
async fn s4_3_sends_framed_messages_over_tls() {
    let (sent, received) = Certificates::new().send(false, &json!({}), "localhost").await;
    assert_eq!(sent, Ok(()));
    assert_eq!(frames(&received.unwrap()).len(), 3);
}

/// RFC 5425 §5.2: the receiver's certificate must be for the name we were told.
#[tokio::test]
async fn s5_2_believes_no_certificate_for_another_name() {
    let (sent, received) = Certificates::new().send(false, &json!({}), "127.0.0.1").await;
    assert!(sent.unwrap_err().what.contains("certificate"));
    assert_eq!(received, None);
}

#[tokio::test]
async fn says_who_it_is_to_a_receiver_that_asks() {
    let certificates = Certificates::new();
    let (certificate, key) = certificates.signed("actas");
    let identity =
        json!({"client_certificate": certificate.pem(), "client_key": key.serialize_pem()});
    let (sent, received) = certificates.send(true, &identity, "localhost").await;
    assert_eq!(sent, Ok(()));
    assert_eq!(frames(&received.unwrap()).len(), 3);
    let (sent, received) = certificates.send(true, &json!({}), "localhost").await;
    assert!(sent.is_err());
    assert_eq!(received, None);
}

/// RFC 5425 §4.4: an end of the connection that the receiver did not say itself may be anybody's.
#[tokio::test]
async fn s4_4_an_end_of_tls_that_nobody_said_is_no_delivery() {
    let unsent = ended_in_silence(json!({})).await.unwrap_err();
    assert!(unsent.what.contains("`close_notify = false`"), "{unsent}");
}

#[tokio::test]
async fn a_receiver_that_never_says_the_end_can_be_lived_with() {
    assert_eq!(ended_in_silence(json!({"close_notify": false})).await, Ok(()));
}

async fn ended_in_silence(more: Value) -> Result<(), Unsent> {
    let certificates = Certificates::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = certificates.acceptor(false);
    let receiver = tokio::spawn(async move {
        let mut socket = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut bytes = Vec::new();
        socket.read_to_end(&mut bytes).await.unwrap();
        // TCP ends here, in order, TLS does not.
        socket.into_inner().0.shutdown().await.unwrap();
    });
    let outbound = outbound(Reach::Inside, Some(certificates.ca.pem()));
    let mut declared = json!({"kind": "syslog", "host": "localhost", "port": port});
    declared.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let sink = Workshop { outbound, directory: None }.build(&settings(declared)).unwrap();
    let sent = sink.send(&batch(&trail(1))).await;
    receiver.await.unwrap();
    sent
}
