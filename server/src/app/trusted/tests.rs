//! What becomes of what is declared, and what of what cannot be.

use std::path::PathBuf;

use delegation::declared::TrustKind;
use keys::{DataKey, Signer, SigningKey};
use serde_json::json;
use upstream::http::{Outbound, OutboundSettings, Reach};

use super::{
    super::trust::{CertificateAuthoritySettings, TrustDomainSettings},
    *,
};

fn maker() -> Maker {
    let settings = OutboundSettings { reach: Reach::Anywhere, ..OutboundSettings::default() };
    Maker {
        master: Arc::new(DataKey::generate().unwrap()),
        outbound: Outbound::new(settings).unwrap(),
        replicas: 1,
    }
}

fn sealed(maker: &Maker, id: &str, settings: &TrustSettings) -> Trust {
    let kind = settings.kind();
    let json = serde_json::to_vec(settings).unwrap();
    let settings = maker.master.seal(&sealing_context("demo", kind, id), &json).unwrap();
    Trust { kind, id: id.to_owned(), settings }
}

fn jwks() -> String {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    json!({ "keys": [key.public_jwk()] }).to_string()
}

fn issuer() -> WorkloadIssuerSettings {
    WorkloadIssuerSettings {
        issuer: "https://ci.example".to_owned(),
        algorithms: vec!["ES256".to_owned()],
        keys: KeysFrom::Discovery,
        review: None,
    }
}

fn attester() -> AttesterSettings {
    AttesterSettings {
        issuer: "https://attester.example".to_owned(),
        algorithms: vec!["EdDSA".to_owned()],
        keys: KeysFrom::Document(jwks()),
    }
}

fn authority() -> CertificateAuthoritySettings {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().unwrap();
    CertificateAuthoritySettings { pem: params.self_signed(&key).unwrap().pem() }
}

fn trusted(maker: &Maker, trusts: &[Trust]) -> Result<Trusted, String> {
    maker.trusted("demo", trusts, None).map_err(|fault| fault.to_string())
}

/// Why an organization that declares this one cannot be loaded.
fn fault(id: &str, settings: &TrustSettings) -> String {
    let maker = maker();
    trusted(&maker, &[sealed(&maker, id, settings)]).unwrap_err()
}

#[test]
fn makes_one_of_each_kind() {
    let maker = maker();
    let bundle = BundleFrom::Uri("https://example.org/bundle".to_owned());
    let review = ReviewSettings {
        url: "https://kubernetes.default.svc".to_owned(),
        token_file: PathBuf::from("token"),
        ca_file: None,
    };
    let issuer = WorkloadIssuerSettings { review: Some(review), ..issuer() };
    let trusts = [
        sealed(&maker, "ci", &TrustSettings::WorkloadIssuer(issuer)),
        sealed(&maker, "example.org", &TrustSettings::TrustDomain(TrustDomainSettings { bundle })),
        sealed(&maker, "corp", &TrustSettings::CertificateAuthority(authority())),
        sealed(&maker, "lab", &TrustSettings::CertificateAuthority(authority())),
        sealed(&maker, "acme", &TrustSettings::Attester(attester())),
    ];
    let trusted = trusted(&maker, &trusts).unwrap();
    let [issuer] = trusted.issuers.as_slice() else { panic!("{trusted:?}") };
    assert_eq!((issuer.id.as_str(), issuer.issuer.as_str()), ("ci", "https://ci.example"));
    assert_eq!(issuer.algorithms, [Algorithm::Es256]);
    assert!(issuer.review.is_some());
    assert_eq!(trusted.domains.iter().map(|it| &*it.name).collect::<Vec<_>>(), ["example.org"]);
    assert_eq!(trusted.authorities.unwrap().len(), 2);
    assert_eq!(trusted.attesters.iter().map(|it| &*it.id).collect::<Vec<_>>(), ["acme"]);
}

#[test]
fn believes_nobody_when_nobody_is_declared() {
    let trusted = trusted(&maker(), &[]).unwrap();
    assert!(trusted.authorities.is_none());
    assert!(trusted.issuers.is_empty() && trusted.domains.is_empty());
    assert!(trusted.attesters.is_empty());
}

/// An organization does not lose one of them silently.
#[test]
fn names_the_one_that_cannot_work() {
    let keys = |keys| TrustSettings::Attester(AttesterSettings { keys, ..attester() });
    let algorithms = |names: &[&str]| {
        let algorithms = names.iter().map(|name| (*name).to_owned()).collect();
        TrustSettings::WorkloadIssuer(WorkloadIssuerSettings { algorithms, ..issuer() })
    };
    let bundle = BundleFrom::Document("{}".to_owned());
    let pem = CertificateAuthoritySettings { pem: "none".to_owned() };
    let review = ReviewSettings {
        url: "kubernetes".to_owned(),
        token_file: PathBuf::from("token"),
        ca_file: None,
    };
    let review = WorkloadIssuerSettings { review: Some(review), ..issuer() };
    for (settings, what) in [
        (keys(KeysFrom::Document("[]".to_owned())), "attester `it`: the key set"),
        (algorithms(&["HS256"]), "workload_issuer `it`: algorithm `HS256`"),
        (algorithms(&[]), "workload_issuer `it`: no algorithms"),
        (TrustSettings::TrustDomain(TrustDomainSettings { bundle }), "trust_domain `it`"),
        (TrustSettings::CertificateAuthority(pem), "certificate_authority `it`"),
        (TrustSettings::WorkloadIssuer(review), "workload_issuer `it`: token_review"),
    ] {
        let text = fault("it", &settings);
        assert!(text.contains(what), "{what}: {text}");
    }
}

/// Two orders of one file must not believe two parties.
#[test]
fn an_issuer_is_declared_once() {
    let maker = maker();
    let trust = |id: &str, issuer: WorkloadIssuerSettings| {
        sealed(&maker, id, &TrustSettings::WorkloadIssuer(issuer))
    };
    let other =
        || WorkloadIssuerSettings { issuer: "https://other.example".to_owned(), ..issuer() };
    assert!(trusted(&maker, &[trust("a", issuer()), trust("b", other())]).is_ok());
    let text = trusted(&maker, &[trust("a", issuer()), trust("b", issuer())]).unwrap_err();
    assert!(text.contains("two workload issuers are `https://ci.example`"), "{text}");
}

/// What was sealed for one place does not open in another.
#[test]
fn settings_stay_where_they_were_sealed() {
    let maker = maker();
    let good = sealed(&maker, "acme", &TrustSettings::Attester(attester()));
    assert!(trusted(&maker, std::slice::from_ref(&good)).is_ok());
    let moved = Trust { id: "other".to_owned(), ..good.clone() };
    let recast = Trust { kind: TrustKind::WorkloadIssuer, ..good.clone() };
    for moved in [moved, recast] {
        assert!(trusted(&maker, &[moved]).is_err());
    }
    assert!(maker.trusted("another", &[good], None).is_err());
    // Sealed where it stands, yet of another kind.
    let json = serde_json::to_vec(&TrustSettings::Attester(attester())).unwrap();
    let context = sealing_context("demo", TrustKind::WorkloadIssuer, "acme");
    let settings = maker.master.seal(&context, &json).unwrap();
    let recast = Trust { kind: TrustKind::WorkloadIssuer, id: "acme".to_owned(), settings };
    assert!(trusted(&maker, &[recast]).unwrap_err().contains("of another kind"));
}

#[test]
fn what_is_declared_as_before_keeps_what_it_has_fetched() {
    let maker = maker();
    let ci = sealed(&maker, "ci", &TrustSettings::WorkloadIssuer(issuer()));
    let acme = |settings| sealed(&maker, "acme", &TrustSettings::Attester(settings));
    let before = [ci.clone(), acme(attester())];
    let first = trusted(&maker, &before).unwrap();
    let after = [ci, acme(attester())];
    let second = maker.trusted("demo", &after, Some((&before, &first))).unwrap();
    let keys = |trusted: &Trusted| Arc::clone(&trusted.issuers.first().unwrap().keys);
    assert!(Arc::ptr_eq(&keys(&first), &keys(&second)));
    let keys = |trusted: &Trusted| Arc::clone(&trusted.attesters.first().unwrap().keys);
    assert!(!Arc::ptr_eq(&keys(&first), &keys(&second)), "sealed anew, so changed");
}
