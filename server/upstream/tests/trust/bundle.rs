//! Bundles of SPIFFE trust domains.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use delegation::ports;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};
use upstream::trust::{BundlePlace, bundle};
use wiremock::ResponseTemplate;

use crate::fake::{Site, WHOSE, detail, key, ok, reaching};

/// A certificate of the domain's authority, base64 of DER.
fn authority() -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    STANDARD.encode(certificate.der())
}

/// One key for JWT-SVIDs, one authority for X.509-SVIDs, and what is for something else.
fn document() -> Value {
    let mut authorities = key("x", "x509-svid");
    let members = authorities.as_object_mut().unwrap();
    members.remove("kid");
    members.insert("x5c".to_owned(), json!([authority()]));
    let keys = [authorities, key("jwt", "jwt-svid"), key("wit", "wit-svid"), key("sig", "sig")];
    json!({ "keys": keys, "spiffe_sequence": 7, "spiffe_refresh_hint": 300 })
}

/// The same without the keys of this use.
fn without(purpose: &str) -> Value {
    let mut document = document();
    let keys = document.as_object_mut().unwrap().get_mut("keys").unwrap();
    keys.as_array_mut().unwrap().retain(|key| key.get("use") != Some(&json!(purpose)));
    document
}

fn declared(document: &Value) -> Result<Arc<dyn ports::Bundle>, String> {
    bundle(WHOSE, &BundlePlace::Document(document.to_string()), &reaching())
}

#[tokio::test]
async fn each_key_is_for_its_kind_of_svid() {
    let site = Site::serving("/bundle", ok(&document())).await;
    let published = BundlePlace::Uri(site.url("/bundle"));
    let published = bundle(WHOSE, &published, &reaching()).unwrap();
    for bundle in [published, declared(&document()).unwrap()] {
        let keys = bundle.keys(Some("jwt")).await.unwrap();
        assert!(keys.holds(Some("jwt")));
        assert_eq!(keys.len(), 1);
        assert_eq!(bundle.authorities().await.unwrap().len(), 1);
    }
    // Both parts are of one document.
    assert_eq!(site.requests("/bundle").await, 1);
}

#[tokio::test]
async fn a_domain_may_issue_only_one_kind() {
    let jwt_only = declared(&without("x509-svid")).unwrap();
    assert!(jwt_only.keys(Some("jwt")).await.unwrap().holds(Some("jwt")));
    assert!(detail(jwt_only.authorities().await).contains("authorities"));
    let x509_only = declared(&without("jwt-svid")).unwrap();
    assert!(x509_only.keys(None).await.unwrap().is_empty());
    assert_eq!(x509_only.authorities().await.unwrap().len(), 1);
}

#[test]
fn a_declared_bundle_that_is_none_is_refused() {
    for document in
        [json!([]), json!({}), json!({ "keys": [] }), json!({ "keys": [key("a", "sig")] })]
    {
        assert!(declared(&document).is_err(), "{document}");
    }
}

#[tokio::test]
async fn a_bundle_that_cannot_be_had_is_a_fault() {
    for (response, why) in [
        (ResponseTemplate::new(500), "status 500"),
        (ResponseTemplate::new(307).insert_header("location", "/"), "redirect"),
        (ok(&json!({ "keys": 7 })), "key set"),
        (ok(&json!({ "keys": [], "padding": "x".repeat(20_000) })), "larger than"),
    ] {
        let site = Site::serving("/bundle", response).await;
        let place = BundlePlace::Uri(site.url("/bundle"));
        let bundle = bundle(WHOSE, &place, &reaching()).unwrap();
        for _ in 0..3 {
            let text = detail(bundle.keys(Some("jwt")).await);
            assert!(text.contains(why), "{text}");
            let text = detail(bundle.authorities().await);
            assert!(text.contains(why), "{text}");
        }
        assert_eq!(site.requests("/bundle").await, 1);
    }
}

#[tokio::test]
async fn a_new_key_of_the_domain_is_found_at_once() {
    let site = Site::serving("/bundle", ok(&document())).await;
    site.serve_once("/bundle", ok(&without("jwt-svid"))).await;
    let place = BundlePlace::Uri(site.url("/bundle"));
    let bundle = bundle(WHOSE, &place, &reaching()).unwrap();
    assert!(bundle.keys(None).await.unwrap().is_empty());
    for kid in ["jwt", "junk", "more junk"] {
        assert!(bundle.keys(Some(kid)).await.unwrap().holds(Some("jwt")));
    }
    assert_eq!(site.requests("/bundle").await, 2);
}
