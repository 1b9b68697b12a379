//! Signed status lists, read as a verifier does (draft-ietf-oauth-status-list-20 §8.3).

use std::time::Duration;

use keys::{
    Algorithm, TokenFault,
    status_list::{ExpectList, StatusList, TYP, pack, read},
};
use serde_json::{Value, json};

use crate::fixture::{NOW, key, keys, stranger};

const URI: &str = "https://as.example/oauth/status-lists/7";

fn list() -> Value {
    json!({
        "sub": URI, "iat": NOW, "exp": NOW + 30, "ttl": 15,
        "status_list": { "bits": 1, "lst": pack(16, &[3, 9]) },
    })
}

fn judge(token: &str, uri: &str, now: i64) -> Result<StatusList, TokenFault> {
    let leeway = Duration::from_secs(10);
    read(token, keys(), &ExpectList { uri, algorithms: &[Algorithm::Es256], leeway }, now)
}

fn with(name: &str, value: Value) -> String {
    let mut claims = list();
    claims[name] = value;
    keys::sign(key(Algorithm::Es256), TYP, &claims).unwrap()
}

#[test]
fn reads_what_pack_has_written() {
    let list = judge(&with("ttl", json!(15)), URI, NOW).unwrap();
    let ended: Vec<u64> = (0..16).filter(|index| list.status(*index) == Some(1)).collect();
    assert_eq!(ended, [3, 9]);
    assert_eq!((list.status(15), list.status(16), list.status(u64::MAX)), (Some(0), None, None));
    assert_eq!(
        (list.lifetime(), list.expires_at()),
        (Some(Duration::from_secs(15)), Some(NOW + 30))
    );
}

/// §4.1, the example with two bits: statuses 1 2 0 3 0 1 0 1 1 2 3 3.
#[test]
fn reads_more_than_one_bit() {
    let packed = json!({ "bits": 2, "lst": "eNo76fITAAPfAgc" });
    let list = judge(&with("status_list", packed), URI, NOW).unwrap();
    let statuses: Vec<_> = (0..12).filter_map(|index| list.status(index)).collect();
    assert_eq!(statuses, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
}

#[test]
fn refuses_what_is_not_this_list_now() {
    let good = with("ttl", json!(15));
    assert!(judge(&good, URI, NOW + 39).is_ok());
    assert_eq!(judge(&good, URI, NOW + 40).err(), Some(TokenFault::Expired));
    let other = "https://as.example/oauth/status-lists/8";
    assert_eq!(judge(&good, other, NOW).err(), Some(TokenFault::Subject));
    for (name, value, fault) in [
        ("iat", json!(NOW + 11), TokenFault::IssuedInFuture),
        ("ttl", json!(0), TokenFault::Claims),
        ("status_list", json!({ "bits": 3, "lst": pack(8, &[]) }), TokenFault::Claims),
        ("status_list", json!({ "bits": 1, "lst": "AAAA" }), TokenFault::Claims),
        ("status_list", json!({ "bits": 1 }), TokenFault::Claims),
        ("status_list", json!([1, pack(8, &[])]), TokenFault::Claims),
        ("status_list", json!({ "bits": 1, "lst": pack(9 << 20, &[]) }), TokenFault::TooLarge),
    ] {
        assert_eq!(judge(&with(name, value), URI, NOW).err(), Some(fault), "{name}");
    }
    let access_token = keys::sign(key(Algorithm::Es256), "at+jwt", &list()).unwrap();
    assert_eq!(judge(&access_token, URI, NOW).err(), Some(TokenFault::Typ));
    let forged = keys::sign(stranger(), TYP, &list()).unwrap();
    assert_eq!(judge(&forged, URI, NOW).err(), Some(TokenFault::UnknownKey));
}
