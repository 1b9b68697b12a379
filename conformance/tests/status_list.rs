//! Token Status List (draft-ietf-oauth-status-list-20): what a verifier that never calls us learns
//! of a revocation.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the functions that read a list fail by panicking, as the tests do"
)]

use std::{io::Read, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use conformance::{
    CALENDAR, Exchange, Granted, Jwt, Reply, eventually, exchange::three_hops, http, now, target,
};
use flate2::read::ZlibDecoder;
use serde_json::{Value, json};

const LIST_JWT: &str = "application/statuslist+jwt";
/// Decision: a revocation shows within this long, whatever is cached in between.
const LONGEST_CACHED: i64 = 30;
const SOON: Duration = Duration::from_secs(30);

fn granted() -> Granted {
    Exchange::happy(target()).send().granted()
}

/// The place of a token: draft §6.2.
fn place(granted: &Granted) -> (String, usize) {
    let place = &granted.token.claims["status"]["status_list"];
    let uri = place["uri"].as_str().expect("uri REQUIRED, a string");
    let index = place["idx"].as_u64().expect("idx REQUIRED, a non-negative integer");
    (uri.to_owned(), usize::try_from(index).unwrap())
}

fn fetched(uri: &str) -> Reply {
    let reply = http::get(uri, &[("accept", LIST_JWT)]);
    assert_eq!(reply.status, 200, "{uri}: {}", reply.text());
    reply
}

fn list(uri: &str) -> Jwt {
    Jwt::read(&fetched(uri).text())
}

/// Draft §4.1: one byte after the other, the least significant bit first.
fn status(list: &Jwt, index: usize) -> u8 {
    let content = &list.claims["status_list"];
    let bits = usize::try_from(content["bits"].as_u64().expect("bits REQUIRED")).unwrap();
    assert!([1, 2, 4, 8].contains(&bits), "{bits}");
    let lst = URL_SAFE_NO_PAD.decode(content["lst"].as_str().expect("lst REQUIRED"));
    let mut bytes = Vec::new();
    ZlibDecoder::new(lst.expect("base64url").as_slice()).read_to_end(&mut bytes).expect("zlib");
    let byte = bytes.get(index * bits / 8).expect("the index is on the list");
    let mask = u8::try_from((1_u16 << bits) - 1).unwrap();
    (byte >> (index * bits % 8)) & mask
}

fn status_of(granted: &Granted) -> u8 {
    let (uri, index) = place(granted);
    status(&list(&uri), index)
}

/// Draft §6.2: "status: REQUIRED. … MUST specify a JSON Object that contains at least one reference
/// to a status mechanism. `status_list` … MUST at least contain the following claims: idx … a
/// non-negative Integer … uri … MUST be a URI conforming to RFC3986".
#[test]
fn s6_2_a_token_says_where_its_status_is() {
    let granted = granted();
    let (uri, index) = place(&granted);
    assert!(uri.starts_with(&format!("{}/", target().issuer)), "{uri}");
    let expected = json!({ "status_list": { "idx": index, "uri": uri } });
    assert_eq!(granted.token.claims["status"], expected);
}

/// Decision: only tokens for those who want it have a place on a list.
#[test]
fn s6_1_a_token_for_others_has_none() {
    let calendar = Exchange::happy(target()).with("resource", CALENDAR).send().granted();
    let for_agent = Exchange::happy(target()).for_agent("researcher").send().granted();
    for granted in [calendar, for_agent] {
        assert_eq!(granted.token.claims.get("status"), None, "{}", granted.claim("aud"));
    }
}

/// Draft §13.3: "The Status Issuer MUST prevent any unintended double allocation."
#[test]
fn s13_3_no_two_tokens_share_a_place() {
    let mut places: Vec<_> = (0..20).map(|_| place(&granted())).collect();
    places.sort();
    places.dedup();
    assert_eq!(places.len(), 20);
}

/// Draft §5.1: "typ: REQUIRED. The JWT type MUST be `statuslist+jwt`." §8.2: "the Status Provider MUST
/// use the following content-type: "application/statuslist+jwt"".
#[test]
fn s5_1_declares_its_type() {
    let (uri, _) = place(&granted());
    let reply = fetched(&uri);
    assert_eq!(reply.header("content-type").as_deref(), Some(LIST_JWT));
    assert_eq!(Jwt::read(&reply.text()).header["typ"], "statuslist+jwt");
    // §8.1: asked without saying what is accepted, the same.
    let plain = http::get(&uri, &[]);
    assert_eq!(plain.header("content-type").as_deref(), Some(LIST_JWT));
}

/// Draft §5.1: "sub: REQUIRED. … MUST be equal to that of the `uri` claim contained in the
/// `status_list` claim of the Referenced Token. iat: REQUIRED."
#[test]
fn s5_1_names_itself_and_its_time() {
    let (uri, _) = place(&granted());
    let claims = list(&uri).claims;
    assert_eq!(claims["sub"], uri);
    let iat = claims["iat"].as_i64().expect("a number");
    assert!((now() - iat).abs() <= 5, "{iat}");
    if let Some(exp) = claims.get("exp") {
        assert!(now() < exp.as_i64().expect("a number"));
    }
}

/// Draft §5.1: "The JWT MUST be secured using a cryptographic signature or MAC algorithm." §11.3: by
/// a key of the issuer, found where the issuer's keys are.
#[test]
fn s5_1_is_signed_by_a_published_key() {
    let (uri, _) = place(&granted());
    let jwks = http::get(&target().jwks_uri, &[]).json();
    assert!(list(&uri).is_signed_by(&jwks));
}

/// RFC 8725 §3.11: a list signed by the same key as tokens is none of them.
#[test]
fn rfc8725_s3_11_is_no_access_token() {
    let (uri, _) = place(&granted());
    let text = list(&uri).text;
    let reply = http::get(&target().api, &[("authorization", &format!("Bearer {text}"))]);
    assert_eq!(reply.status, 401);
    Exchange::of(target(), &text).send().refused_as_invalid_request();
}

/// Draft §4.2: "bits: REQUIRED. … The allowed values for bits are 1, 2, 4, and 8. lst: REQUIRED. …
/// the status values for all the Referenced Tokens it conveys statuses for." §7.1: "0x00 - "VALID"".
#[test]
fn s4_2_a_fresh_token_is_valid() {
    let granted = granted();
    let (uri, index) = place(&granted);
    let list = list(&uri);
    assert_eq!(status(&list, index), 0);
    let names: Vec<&str> =
        list.claims["status_list"].as_object().unwrap().keys().map(String::as_str).collect();
    assert!(
        names.iter().all(|name| ["aggregation_uri", "bits", "lst"].contains(name)),
        "{names:?}"
    );
}

/// Draft §7.1: "0x01 - "INVALID" - The status of the Referenced Token is revoked, annulled, taken
/// back, recalled or cancelled."
#[test]
fn s7_1_a_revoked_token_is_invalid_and_its_neighbour_is_not() {
    let (revoked, neighbour) = (granted(), granted());
    revoked.revoke(target());
    eventually("the list tells", SOON, || (status_of(&revoked) == 1).then_some(()));
    assert_eq!(status_of(&neighbour), 0);
    assert_eq!(status_of(&revoked), 1, "and it stays so");
}

/// What ends with a token further up the chain shows too.
#[test]
fn s7_1_a_token_whose_chain_was_revoked_is_invalid() {
    let [first, _, third] = three_hops(target());
    assert_eq!(status_of(&third), 0);
    first.revoke(target());
    eventually("the list tells", SOON, || (status_of(&third) == 1).then_some(()));
}

/// Draft §13.7: "ttl" and the time HTTP caches may keep it say together how old a status may be.
#[test]
fn s13_7_is_fresh_enough() {
    let (uri, _) = place(&granted());
    let reply = fetched(&uri);
    let ttl = Jwt::read(&reply.text()).claims["ttl"].as_i64().expect("a number");
    let cached = reply.header("cache-control").unwrap_or_default();
    let max_age = cached.split(',').find_map(|part| part.trim().strip_prefix("max-age="));
    let max_age: i64 = max_age.expect("a max-age").parse().expect("seconds");
    assert!(0 < ttl, "§5.1: a positive number");
    assert!(ttl + max_age <= LONGEST_CACHED, "{ttl} + {max_age}");
}

/// RFC 9110 §13.1.2: whoever has the list as it stands is not sent it again.
#[test]
fn rfc9110_s13_1_2_knows_what_a_verifier_has() {
    let (uri, _) = place(&granted());
    eventually("two requests see the same list", SOON, || {
        let etag = fetched(&uri).header("etag").expect("an ETag");
        let again = http::get(&uri, &[("if-none-match", &etag)]);
        (again.status == 304 && again.text().is_empty()).then_some(())
    });
    assert_eq!(http::get(&uri, &[("if-none-match", "\"another\"")]).status, 200);
}

/// Draft §8.1: a list that nobody is on is not there.
#[test]
fn s8_1_an_unknown_list_is_not_found() {
    let (uri, _) = place(&granted());
    let (lists, _) = uri.rsplit_once('/').unwrap();
    for unknown in ["999999", "-1", "x", "99999999999999999999999", "%2e%2e"] {
        assert_eq!(http::get(&format!("{lists}/{unknown}"), &[]).status, 404, "{unknown}");
    }
}

/// Draft §8.4: "If the Server does not support the additional query parameter, it SHOULD return a
/// status code of 501 (Not Implemented)".
#[test]
fn s8_4_the_past_is_not_told() {
    let (uri, _) = place(&granted());
    assert_eq!(http::get(&format!("{uri}?time=1686925000"), &[]).status, 501);
    fetched(&uri);
}

/// Draft §9.3: "`status_lists`: REQUIRED. JSON array of strings that contains URIs linking to Status
/// List Tokens. … the returned media type MUST be `application/json`." §9.1: by the metadata's
/// `status_list_aggregation_endpoint`.
#[test]
fn s9_3_all_lists_are_listed() {
    let granted = granted();
    let (uri, _) = place(&granted);
    let metadata = http::get(&target().well_known("oauth-authorization-server"), &[]).json();
    let endpoint = metadata["status_list_aggregation_endpoint"].as_str().expect("an endpoint");
    let reply = http::get(endpoint, &[("accept", "application/json")]);
    assert!(reply.status == 200 && reply.has("content-type", "application/json"), "{reply:?}");
    let body: Value = reply.json();
    let lists = body["status_lists"].as_array().expect("REQUIRED, an array");
    assert!(lists.iter().any(|listed| *listed == uri), "{body}");
    for listed in lists {
        let listed = listed.as_str().expect("strings");
        assert_eq!(list(listed).claims["sub"], listed);
    }
}

/// Organizations know nothing of each other: the other one's list is not ours.
#[test]
fn s5_1_each_organization_has_its_own() {
    let (uri, _) = place(&granted());
    let there = uri.replace(&target().issuer, &target().other_org.issuer);
    assert_ne!(there, uri);
    let reply = http::get(&there, &[]);
    if reply.status == 200 {
        let jwks = http::get(&target().jwks_uri, &[]).json();
        assert!(!Jwt::read(&reply.text()).is_signed_by(&jwks));
    }
}
