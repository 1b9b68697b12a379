use url::Url;

/// What a request is for, without query and fragment, normalised by syntax and scheme (RFC 9449 §4.3,
/// RFC 3986 §6.2.2 and §6.2.3): equal ones are one address.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Target {
    /// Scheme, host and port, the default port left out.
    origin: (String, String, Option<u16>),
    path: String,
}

impl Target {
    /// Reads an absolute `http` or `https` URI; none of anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_http = ["https", "http"].iter().any(|http| scheme.eq_ignore_ascii_case(http));
        let authority = rest.split(['/', '?', '#']).next()?;
        // RFC 9110 §4.2.4: there is no user information in such a URI.
        if !is_http || authority.is_empty() || authority.contains('@') || !is_written_as_uri(text) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let host = url.host_str()?.to_owned();
        let path = normal(url.path());
        Some(Self { origin: (url.scheme().to_owned(), host, url.port()), path })
    }
}

/// RFC 3986 §2: the URL Standard, which `url` reads by, forgives backslashes, blanks and broken
/// percent-encodings, each of which somebody else reads otherwise.
fn is_written_as_uri(text: &str) -> bool {
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let is_legal = match byte {
            b'%' => [rest.next(), rest.next()]
                .iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit())),
            b':' | b'/' | b'?' | b'#' | b'[' | b']' | b'@' | b'!' | b'$' | b'&' | b'\'' | b'('
            | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            _ => is_unreserved(byte),
        };
        if !is_legal {
            return false;
        }
    }
    true
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §6.2.2.1 and §6.2.2.2: upper-case digits, and nothing encoded that need not be. (`url` has
/// removed dot segments, encoded or not.)
fn normal(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    let mut pieces = path.split('%');
    normal.extend(pieces.next());
    for piece in pieces {
        let (digits, after) = piece.split_at_checked(2).unwrap_or((piece, ""));
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if is_unreserved(byte) => normal.push(char::from(byte)),
            Ok(_) | Err(_) => {
                normal.push('%');
                normal.push_str(&digits.to_ascii_uppercase());
            }
        }
        normal.push_str(after);
    }
    normal
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let one = Target::parse(one);
        one.is_some() && one == Target::parse(other)
    }

    const TOKEN: &str = "https://as.example/o/demo/token";

    #[test]
    fn one_address_has_many_spellings() {
        for other in [
            "https://as.example/o/demo/token",
            "HTTPS://AS.Example/o/demo/token",
            "https://as.example:443/o/demo/token",
            "https://as.example:/o/demo/token",
            "https://as.example/o/demo/token?a=b&c",
            "https://as.example/o/demo/token#part",
            "https://as.example/o/demo/token?#",
            "https://as.example/o/./demo/../demo/token",
            "https://as.example/o/%2e/demo/token",
            "https://as.example/o/d%65mo/token",
        ] {
            assert!(same(TOKEN, other), "{other}");
        }
        assert!(same("https://as.example", "https://as.example/"));
        assert!(same("http://as.example:80/", "http://as.example/"));
        assert!(same("https://as.example/%c3%a4", "https://as.example/%C3%A4"));
        assert!(same("https://as.example/%7euser", "https://as.example/~user"));
        assert!(same("https://[::1]:8443/t", "https://[0:0:0:0:0:0:0:1]:8443/t"));
    }

    #[test]
    fn another_address_is_another() {
        for other in [
            "http://as.example/o/demo/token",
            "https://as.example:8443/o/demo/token",
            "https://as.example:80/o/demo/token",
            "https://www.as.example/o/demo/token",
            "https://as.example./o/demo/token",
            "https://as.example/o/demo/token/",
            "https://as.example/o/demo//token",
            "https://as.example/O/demo/token",
            "https://as.example/o/demo%2ftoken",
            "https://as.example/o/other/token",
            "https://as.example/",
        ] {
            assert!(Target::parse(other).is_some() && !same(TOKEN, other), "{other}");
        }
    }

    #[test]
    fn what_is_written_otherwise_is_no_address() {
        for other in [
            "",
            "token",
            "/o/demo/token",
            "//as.example/o/demo/token",
            "https:as.example/o/demo/token",
            "https:/as.example/o/demo/token",
            "https:///as.example/o/demo/token",
            "https:\\\\as.example/o/demo/token",
            "https://as.example\\o\\demo\\token",
            " https://as.example/o/demo/token",
            "https://as.example/o/demo/token\n",
            "https://as.exam\tple/o/demo/token",
            "https://as.example/o/demo/tok%zz",
            "https://as.example/o/demo/token%2",
            "https://alice@as.example/o/demo/token",
            "https://@as.example/o/demo/token",
            "https://as.example/ö",
            "ftp://as.example/o/demo/token",
            "https://",
            "https://as.example:99999/",
        ] {
            assert_eq!(Target::parse(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = Target::parse(&text);
            let _ = Target::parse(&format!("https://as.example/{text}"));
        }

        #[test]
        fn what_is_normal_stays_so(path in "(/|[a-zA-Z~.]|%[0-9a-fA-F]{2}){0,12}") {
            let Some(once) = Target::parse(&format!("https://as.example/{path}")) else {
                return Ok(());
            };
            let again = Target::parse(&format!("https://as.example{}", once.path));
            prop_assert_eq!(Some(once), again);
        }
    }
}
