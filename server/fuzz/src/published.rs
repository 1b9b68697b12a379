//! What others publish: key sets and trust bundles (RFC 7517, SPIFFE), and what operators write: policies.

use keys::{Authorities, PublicKeys};
use policy::{OrgPolicies, PolicyFile};

use crate::json::Json;

/// A key set, and the same as a bundle: each key once, none of them private, and not too many.
pub fn jwks(data: &[u8]) {
    let keys = PublicKeys::parse(data);
    let bundle = PublicKeys::of_bundle(data);
    let authorities = Authorities::from_bundle(data);
    if keys.is_err() && bundle.is_err() && authorities.is_err() {
        return;
    }
    let document = Json::parse(data).unwrap_or(Json::List(Vec::new()));
    assert!(document.is_object() && document.is_unambiguous());
    let listed = match document.member("keys") {
        Some(Json::List(listed)) => listed.as_slice(),
        Some(Json::Other(_) | Json::Text(_) | Json::Object(_)) | None => &[],
    };
    assert!(authorities.is_ok() || listed.len() <= 100);
    for found in [keys, bundle].into_iter().flatten() {
        assert!(found.len() <= listed.len());
        let kids = listed.iter().filter_map(|key| key.member("kid")?.text());
        let known = kids.filter(|kid| found.holds(Some(kid))).count();
        assert!(known <= listed.len());
        assert!(!found.holds(Some("a kid that nobody has written")));
    }
}

/// A policy file (Cedar): read or refused, the same both times, and what was read is kept as it was written.
pub fn policies(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let file = || PolicyFile { name: "a.cedar".to_owned(), text: text.to_owned() };
    match OrgPolicies::parse(&[file()]) {
        Ok(policies) => {
            assert_eq!(policies.sources(), [file()]);
            let again = OrgPolicies::parse(policies.sources());
            assert!(again.is_ok_and(|again| again.is_empty() == policies.is_empty()));
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "a refusal says why");
            let lines = text.lines().count().max(1) + 1;
            for problem in problems {
                assert!(problem.file == "a.cedar" && (1..=lines).contains(&problem.line));
            }
        }
    }
}
