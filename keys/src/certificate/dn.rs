//! Distinguished names as text (RFC 4514) and as a certificate has them (RFC 5280 §4.1.2.4).

use x509_parser::{
    asn1_rs::{Any, FromDer, Tag, ToDer},
    x509::X509Name,
};

/// A name, attribute by attribute, the most specific first. One with two attributes at one place has
/// them in no order.
// INVARIANT: the attributes of a place are sorted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Subject(Vec<Vec<Attribute>>);

/// The object identifier of a type, in dots, and a value of it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Attribute {
    kind: String,
    value: Value,
}

#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Value {
    /// What the text says, whichever of ASN.1's strings it is in.
    Text(String),
    /// DER, of what is no text.
    Encoded(Vec<u8>),
}

/// RFC 4514 §3, and what certificates have besides (RFC 5280, appendix A.1; RFC 4519).
const KINDS: [(&str, &str); 17] = [
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("SN", "2.5.4.4"),
    ("serialNumber", "2.5.4.5"),
    ("title", "2.5.4.12"),
    ("postalCode", "2.5.4.17"),
    ("GN", "2.5.4.42"),
    ("givenName", "2.5.4.42"),
    ("dnQualifier", "2.5.4.46"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
];

impl Subject {
    /// Reads a name as RFC 4514 §3 writes it; blanks beside separators mean nothing, as in RFC 2253 §4.
    /// None of what is not written so, or is empty: nobody is called that.
    pub fn parse(text: &str) -> Option<Self> {
        let places = split(text, ',')?;
        let places = places
            .into_iter()
            .map(|place| split(place, '+')?.into_iter().map(attribute).collect::<Option<Vec<_>>>());
        places.collect::<Option<Vec<_>>>().map(Self::sorted)
    }

    /// That of a certificate, which begins with the least specific. None when a value cannot be told.
    pub fn of(name: &X509Name<'_>) -> Option<Self> {
        let places = name.iter_rdn().map(|place| {
            let attributes = place.iter().map(|attribute| {
                let kind = attribute.attr_type().to_id_string();
                Some(Attribute { kind, value: Value::of(attribute.attr_value())? })
            });
            attributes.collect::<Option<Vec<_>>>()
        });
        let mut places = places.collect::<Option<Vec<_>>>()?;
        places.reverse();
        Some(Self::sorted(places))
    }

    fn sorted(mut places: Vec<Vec<Attribute>>) -> Self {
        for place in &mut places {
            place.sort_unstable();
        }
        Self(places)
    }
}

impl Value {
    fn of(value: &Any<'_>) -> Option<Self> {
        let wide = |octets: &[u8], size: usize| -> Option<String> {
            let units = octets.chunks(size).map(|unit| {
                let unit = unit.iter().fold(0_u32, |value, octet| value << 8 | u32::from(*octet));
                // Neither has surrogates: BMPString is UCS-2.
                char::from_u32(unit)
            });
            if octets.len().is_multiple_of(size) { units.collect() } else { None }
        };
        let octets = value.as_bytes();
        Some(match value.tag() {
            Tag::Utf8String => Self::Text(String::from_utf8(octets.to_vec()).ok()?),
            Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
                Self::Text(String::from_utf8(octets.to_vec()).ok().filter(|it| it.is_ascii())?)
            }
            Tag::BmpString => Self::Text(wide(octets, 2)?),
            Tag::UniversalString => Self::Text(wide(octets, 4)?),
            // TeletexString among them: nobody agrees on what its octets say.
            _ => Self::Encoded(value.to_der_vec().ok()?),
        })
    }
}

/// `text` between the separators that are not escaped; at least one piece, none of them empty.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut pieces = Vec::new();
    let (mut rest, mut is_escaped) = (text, false);
    for (place, character) in text.char_indices() {
        if is_escaped {
            is_escaped = false;
        } else if character == '\\' {
            is_escaped = true;
        } else if character == separator {
            let begun = text.len().checked_sub(rest.len())?;
            pieces.push(text.get(begun..place)?);
            rest = text.get(place.checked_add(1)?..)?;
        }
    }
    pieces.push(rest);
    pieces.iter().all(|piece| !piece.trim_matches(' ').is_empty()).then_some(pieces)
}

fn attribute(text: &str) -> Option<Attribute> {
    let (kind, value) = text.split_once('=')?;
    let kind = kind.trim_matches(' ');
    let known = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind));
    let kind = match known {
        Some((_, oid)) => (*oid).to_owned(),
        None if is_oid(kind) => kind.to_owned(),
        None => return None,
    };
    let value = value.trim_start_matches(' ');
    let value = match value.strip_prefix('#') {
        Some(digits) => {
            let der = octets(digits.trim_end_matches(' '))?;
            let (rest, any) = Any::from_der(&der).ok()?;
            if rest.is_empty() { Value::of(&any)? } else { return None }
        }
        None => Value::Text(unescaped(value)?),
    };
    Some(Attribute { kind, value })
}

/// RFC 4512 §1.4, `numericoid`.
fn is_oid(text: &str) -> bool {
    let is_number = |number: &str| {
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && (number == "0" || !number.starts_with('0'))
    };
    text.contains('.') && text.split('.').all(is_number)
}

fn octets(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
        _ => None,
    });
    pairs.collect()
}

/// RFC 4514 §2.4 and §3. Escaped octets are those of UTF-8.
fn unescaped(text: &str) -> Option<String> {
    let mut value = Vec::with_capacity(text.len());
    // Blanks at the end count only when they are escaped.
    let mut kept = 0;
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => {
                let escaped = rest.next()?;
                value.push(match escaped {
                    b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\' => escaped,
                    _ => {
                        let pair = [escaped, rest.next()?];
                        *octets(std::str::from_utf8(&pair).ok()?)?.first()?
                    }
                });
                kept = value.len();
            }
            0 | b'"' | b'+' | b',' | b';' | b'<' | b'>' => return None,
            b' ' => value.push(byte),
            _ => {
                value.push(byte);
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    String::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    /// O=c, then at one place UID=b and CN=a, as DER sorts them or not.
    fn of_two(first: &[u8], second: &[u8]) -> Option<Subject> {
        let organization = b"\x31\x0a\x30\x08\x06\x03\x55\x04\x0a\x0c\x01c".to_vec();
        let set = [first, second].concat();
        let place = [&[0x31, u8::try_from(set.len()).unwrap()], set.as_slice()].concat();
        let names = [organization, place].concat();
        let der = [&[0x30, u8::try_from(names.len()).unwrap()], names.as_slice()].concat();
        let (_, name) = X509Name::from_der(&der).unwrap();
        Subject::of(&name)
    }

    #[test]
    fn attributes_at_one_place_have_no_order() {
        let name = b"\x30\x08\x06\x03\x55\x04\x03\x0c\x01a";
        let user = b"\x30\x0f\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01\x0c\x01b";
        let written = Subject::parse("UID=b+CN=a,O=c");
        assert!(written.is_some());
        assert_eq!(of_two(name, user), written);
        assert_eq!(of_two(user, name), written);
        assert_eq!(Subject::parse("CN=a + UID=b, O=c"), written);
        for other in [
            "CN=a,UID=b,O=c",
            "CN=a,O=c",
            "CN=b+UID=a,O=c",
            "O=c,CN=a+UID=b",
            "CN=a+CN=a+UID=b,O=c",
        ] {
            assert!(Subject::parse(other).is_some() && Subject::parse(other) != written, "{other}");
        }
    }
}
