//! draft-ietf-oauth-attestation-based-client-auth-10: the maker of a device says which key is of one, and
//! the device proves it.

use conformance::{Credentials, Exchange, Key, Reply, Statement, key::fresh, now, target};
use serde_json::{Value, json};

/// A device, and what its maker said of it.
struct Device {
    key: Key,
    attestation: Statement,
}

impl Device {
    fn new() -> Self {
        let (maker, key) = (target().platform("maker"), Key::new());
        let header = json!({
            "typ": "oauth-client-attestation+jwt", "alg": maker.algorithm(), "kid": maker.kid(),
        });
        let claims = json!({
            "iss": "https://maker.demo.example", "sub": "device", "iat": now(), "exp": now() + 3600,
            "cnf": { "jwk": key.public_jwk() },
        });
        let attestation = Statement::new(&maker, &header, &claims);
        Self { key, attestation }
    }

    fn proof(&self) -> Statement {
        let header = json!({
            "typ": "oauth-client-attestation-pop+jwt", "alg": self.key.algorithm(),
        });
        let claims = json!({
            "iss": "device", "aud": target().issuer, "jti": fresh(), "iat": now(),
        });
        Statement::new(&self.key, &header, &claims)
    }
}

fn request(attestation: &Statement, proof: &Statement) -> Exchange<'static> {
    Exchange::vouched(target(), Credentials::Named("device".to_owned()))
        .adding_header("OAuth-Client-Attestation", &attestation.text())
        .adding_header("OAuth-Client-Attestation-PoP", &proof.text())
}

fn presented(attestation: &Statement, proof: &Statement) -> Reply {
    request(attestation, proof).send()
}

fn refused(attestation: &Statement, proof: &Statement) {
    let reply = presented(attestation, proof);
    let told = format!("{} {}", attestation.claims_text(), proof.claims_text());
    assert_eq!(reply.status, 401, "{told}: {}", reply.text());
    reply.refused(401, "invalid_client");
}

/// §6: both headers, and the attestation as often as the device likes, each time with a new proof.
#[test]
fn s6_a_device_is_who_its_maker_says() {
    let device = Device::new();
    presented(&device.attestation, &device.proof()).granted();
    presented(&device.attestation, &device.proof()).granted();
}

/// §5.1: "typ … sub … exp … cnf REQUIRED", signed by the attester.
#[test]
fn s5_1_refuses_an_attestation_that_does_not_hold() {
    let device = Device::new();
    let with = |attestation: Statement| refused(&attestation, &device.proof());
    let good = || device.attestation.clone();
    presented(&good(), &device.proof()).granted();
    for name in ["sub", "exp", "cnf"] {
        with(good().claim(name, Value::Null));
    }
    with(good().claim("sub", "orchestrator"));
    with(good().claim("sub", "Device"));
    with(good().claim("exp", now() - 60));
    with(good().claim("iss", "https://evil.example"));
    with(good().claim("cnf", json!({ "jwk": device.key.private_jwk() })));
    with(good().claim("cnf", json!({ "jkt": device.key.thumbprint() })));
    with(good().header("typ", "JWT"));
    with(good().header("typ", "oauth-client-attestation-pop+jwt"));
    with(good().header("alg", "none"));
    for key in [Key::new(), device.key.clone(), target().platform("ci")] {
        with(good().signed_by(&key));
    }
}

/// §5.2: "typ … aud … jti … iat REQUIRED", signed by the key that the attestation names.
#[test]
fn s5_2_refuses_a_proof_that_does_not_hold() {
    let device = Device::new();
    let with = |proof: Statement| refused(&device.attestation, &proof);
    presented(&device.attestation, &device.proof()).granted();
    for name in ["aud", "jti", "iat"] {
        with(device.proof().claim(name, Value::Null));
    }
    for aud in [
        json!("https://evil.example"),
        json!(target().token_endpoint),
        json!(target().other_org.issuer),
    ] {
        with(device.proof().claim("aud", aud));
    }
    with(device.proof().claim("iat", now() - 120));
    with(device.proof().claim("iat", now() + 60));
    with(device.proof().header("typ", "JWT"));
    with(device.proof().header("typ", "dpop+jwt"));
    with(device.proof().header("alg", "none"));
    with(device.proof().signed_by(&Key::new()));
    with(Device::new().proof());
}

/// §12.1: a proof is used once.
#[test]
fn s12_1_takes_a_proof_once() {
    let device = Device::new();
    let proof = device.proof();
    presented(&device.attestation, &proof).granted();
    refused(&device.attestation, &proof);
    presented(&device.attestation, &proof.again()).granted();
}

/// §6: one of the two is none, and two of one are none.
#[test]
fn s6_refuses_half_of_it() {
    let device = Device::new();
    let named = || Exchange::vouched(target(), Credentials::Named("device".to_owned()));
    let (attestation, proof) = (device.attestation.text(), device.proof().text());
    named().send().refused(401, "invalid_client");
    let half = named().adding_header("OAuth-Client-Attestation", &attestation);
    half.send().refused(401, "invalid_client");
    let half = named().adding_header("OAuth-Client-Attestation-PoP", &proof);
    half.send().refused(401, "invalid_client");
    let twice = request(&device.attestation, &device.proof());
    let twice = twice.adding_header("OAuth-Client-Attestation", &attestation).send();
    assert!([400, 401].contains(&twice.status), "{} {}", twice.status, twice.text());
    presented(&device.attestation, &device.proof()).granted();
}

/// It is a way of the clients that are registered for it, and of no other.
#[test]
fn s8_refuses_it_of_a_client_that_is_not_registered_for_it() {
    let device = Device::new();
    presented(&device.attestation, &device.proof()).granted();
    for other in ["orchestrator", "signer", "nobody"] {
        let attestation = device.attestation.clone().claim("sub", other);
        Exchange::vouched(target(), Credentials::Named(other.to_owned()))
            .adding_header("OAuth-Client-Attestation", &attestation.text())
            .adding_header("OAuth-Client-Attestation-PoP", &device.proof().text())
            .send()
            .refused(401, "invalid_client");
    }
}
