//! Names of SPIFFE (SPIFFE-ID §2), as they are declared.

/// SPIFFE-ID §2.3
const LONGEST_ID: usize = 2048;
const LONGEST_DOMAIN: usize = 255;

/// The trust domain of a SPIFFE id that names a workload in it.
///
/// # Errors
///
/// How an id is written.
pub(super) fn trust_domain(id: &str) -> Result<&str, String> {
    let wrong = || format!("`{id}` is not like spiffe://example.org/agent");
    let rest = id.strip_prefix("spiffe://").filter(|_| id.len() <= LONGEST_ID);
    let (domain, path) = rest.and_then(|rest| rest.split_once('/')).ok_or_else(wrong)?;
    is_domain(domain)?;
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let segment = |it: &str| !it.is_empty() && it != "." && it != ".." && it.chars().all(legal);
    if path.split('/').all(segment) { Ok(domain) } else { Err(wrong()) }
}

/// Whether a trust domain may be called so.
pub(super) fn is_domain(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if !name.is_empty() && name.len() <= LONGEST_DOMAIN && name.chars().all(legal) {
        Ok(())
    } else {
        let legal = "lower-case letters, digits, dots, hyphens and underscores";
        Err(format!("`{name}` is no name of a trust domain: 1 to {LONGEST_DOMAIN} {legal}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_trust_domain() {
        for (id, domain) in [
            ("spiffe://example.org/agent", "example.org"),
            ("spiffe://example.org/ns/Prod/sa/a_b-c.d", "example.org"),
            ("spiffe://a/...", "a"),
        ] {
            assert_eq!(trust_domain(id), Ok(domain), "{id}");
        }
    }

    #[test]
    fn refuses_what_is_no_id_of_a_workload() {
        for id in [
            "",
            "example.org/agent",
            "https://example.org/agent",
            "SPIFFE://example.org/agent",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org//agent",
            "spiffe://example.org/agent/",
            "spiffe://example.org/./agent",
            "spiffe://example.org/../agent",
            "spiffe://example.org/a%41",
            "spiffe://example.org/agent?a=b",
            "spiffe://example.org/agent#a",
            "spiffe://Example.org/agent",
            "spiffe://user@example.org/agent",
            "spiffe://example.org:443/agent",
            "spiffe:///agent",
        ] {
            assert!(trust_domain(id).is_err(), "{id}");
        }
        let long = format!("spiffe://example.org/{}", "a".repeat(LONGEST_ID));
        assert!(trust_domain(&long).is_err());
        assert!(trust_domain(long.get(..LONGEST_ID).unwrap()).is_ok());
    }
}
