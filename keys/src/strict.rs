//! One strict walk over a JSON object: unique member names at every depth, bounded depth, and the
//! wanted members of the outermost object typed. What is not wanted is passed over, not built.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::TokenFault;

/// Deeper than any honest token (a chain of ten actors has eleven levels), far from any stack's end.
const MAX_DEPTH: usize = 32;

/// The value of a wanted member, as far as a token may depend on it.
#[derive(Debug, PartialEq)]
pub(crate) enum Member<'de> {
    Text(Cow<'de, str>),
    Texts(Vec<Cow<'de, str>>),
    Integer(i64),
    /// Present, but of no type that any wanted member may have: null, fraction, object, mixed array.
    Other,
}

/// Reads the JSON object `json` and returns the members called `wanted`, each `None` if absent.
///
/// The whole document is checked, also what is not wanted.
pub(crate) fn read<'de, const N: usize>(
    json: &'de [u8],
    wanted: [&str; N],
) -> Result<[Option<Member<'de>>; N], TokenFault> {
    let mut walk = Walk { names: Vec::new(), fault: TokenFault::Malformed };
    let mut document = serde_json::Deserializer::from_slice(json);
    Outermost { walk: &mut walk, wanted }
        .deserialize(&mut document)
        .and_then(|found| document.end().map(|()| found))
        .map_err(|_| walk.fault)
}

struct Walk<'de> {
    /// The names of all objects that are open, the innermost last.
    names: Vec<Cow<'de, str>>,
    /// What to report when the walk stops; set before it is stopped.
    fault: TokenFault,
}

impl<'de> Walk<'de> {
    fn stop<E: Error>(&mut self, fault: TokenFault) -> E {
        self.fault = fault;
        E::custom(fault)
    }

    /// Closes the object whose names begin at `first`.
    fn close<E: Error>(&mut self, first: usize) -> Result<(), E> {
        let names = self.names.get_mut(first..).unwrap_or_default();
        // Sorted rather than compared pairwise: 2,000 names fit into a token.
        names.sort_unstable();
        let unique = names.is_sorted_by(|a, b| a < b);
        self.names.truncate(first);
        if unique { Ok(()) } else { Err(self.stop(TokenFault::RepeatedMember)) }
    }

    /// Passes over the members of an object at `depth`.
    fn object<A: MapAccess<'de>>(&mut self, depth: usize, mut map: A) -> Result<(), A::Error> {
        let first = self.names.len();
        while let Some(name) = map.next_key_seed(Text)? {
            self.names.push(name);
            map.next_value_seed(Passed { walk: self, depth })?;
        }
        self.close(first)
    }
}

struct Outermost<'w, 'n, 'de, const N: usize> {
    walk: &'w mut Walk<'de>,
    wanted: [&'n str; N],
}

impl<'de, const N: usize> DeserializeSeed<'de> for Outermost<'_, '_, 'de, N> {
    type Value = [Option<Member<'de>>; N];

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Outermost<'_, '_, 'de, N> {
    type Value = [Option<Member<'de>>; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [const { None }; N];
        while let Some(name) = map.next_key_seed(Text)? {
            let place = self.wanted.iter().zip(&mut found).find(|(wanted, _)| **wanted == name);
            // Before the value, so that the names of this object stay together.
            self.walk.names.push(name);
            match place {
                Some((_, place)) => {
                    *place = Some(map.next_value_seed(Wanted { walk: self.walk })?);
                }
                None => {
                    map.next_value_seed(Passed { walk: self.walk, depth: 1 })?;
                }
            }
        }
        self.walk.close(0)?;
        Ok(found)
    }
}

struct Wanted<'w, 'de> {
    walk: &'w mut Walk<'de>,
}

impl<'de> DeserializeSeed<'de> for Wanted<'_, 'de> {
    type Value = Member<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_, 'de> {
    type Value = Member<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Member::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).map_or(Member::Other, Member::Integer))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Other)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Some(Vec::new());
        while let Some(text) = seq.next_element_seed(Passed { walk: self.walk, depth: 2 })? {
            match (text, &mut texts) {
                (Some(text), Some(texts)) => texts.push(text),
                (None, _) | (_, None) => texts = None,
            }
        }
        Ok(texts.map_or(Member::Other, Member::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.walk.object(2, map)?;
        Ok(Member::Other)
    }
}

/// Passes over any value at `depth`; the text is returned if it is one, which costs nothing unless escaped.
struct Passed<'w, 'de> {
    walk: &'w mut Walk<'de>,
    depth: usize,
}

impl Passed<'_, '_> {
    fn deeper<E: Error>(&mut self) -> Result<usize, E> {
        if self.depth < MAX_DEPTH {
            Ok(self.depth.saturating_add(1))
        } else {
            Err(self.walk.stop(TokenFault::TooDeep))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Passed<'_, 'de> {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Passed<'_, 'de> {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Self::Value, A::Error> {
        let depth = self.deeper()?;
        while seq.next_element_seed(Passed { walk: self.walk, depth })?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, map: A) -> Result<Self::Value, A::Error> {
        let depth = self.deeper()?;
        self.walk.object(depth, map)?;
        Ok(None)
    }
}

/// A member name, unescaped, so that `"\u0069ss"` repeats `"iss"`.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str) -> Result<(), TokenFault> {
        read(json.as_bytes(), []).map(|[]| ())
    }

    #[test]
    fn returns_the_wanted_members_typed() {
        for (value, expected) in [
            (r#""x""#, Member::Text("x".into())),
            ("7", Member::Integer(7)),
            ("-7", Member::Integer(-7)),
            (r#"["y","z"]"#, Member::Texts(vec!["y".into(), "z".into()])),
            ("[]", Member::Texts(vec![])),
            (r#"["y",1]"#, Member::Other),
            (r#"[1,"y"]"#, Member::Other),
            ("[[]]", Member::Other),
            ("{}", Member::Other),
            ("null", Member::Other),
            ("true", Member::Other),
            ("1.0", Member::Other),
            ("9223372036854775808", Member::Other),
        ] {
            let json = format!(r#"{{"skip":{{"a":[1]}},"a":{value},"z":0}}"#);
            let [found, absent] = read(json.as_bytes(), ["a", "b"]).unwrap();
            assert_eq!(found, Some(expected), "{value}");
            assert_eq!(absent, None);
        }
    }

    #[test]
    fn borrows_plain_text_and_unescapes_the_rest() {
        let [a, b] = read(br#"{"a":"x","b":"\u0078"}"#, ["a", "b"]).unwrap();
        assert!(matches!(a, Some(Member::Text(Cow::Borrowed("x")))));
        assert!(matches!(b, Some(Member::Text(Cow::Owned(text))) if text == "x"));
    }

    #[test]
    fn refuses_a_repeated_member_at_every_depth() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":{"a":1,"b":2,"a":1}}"#,
            r#"{"x":[{},{"a":{"b":1,"b":1}}]}"#,
        ] {
            assert_eq!(check(json), Err(TokenFault::RepeatedMember), "{json}");
        }
        let wanted = read(br#"{"a":[{"b":1,"b":1}]}"#, ["a"]);
        assert_eq!(wanted, Err(TokenFault::RepeatedMember));
    }

    #[test]
    fn allows_one_name_in_several_objects() {
        assert_eq!(check(r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}"#), Ok(()));
    }

    #[test]
    fn bounds_the_depth() {
        let nested = |levels: usize| {
            let inner = levels - 1;
            format!("{{\"a\":{}0{}}}", "[".repeat(inner), "]".repeat(inner))
        };
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_DEPTH + 1)), Err(TokenFault::TooDeep));
        assert_eq!(check(&nested(5_000)), Err(TokenFault::TooDeep));
        let wanted = nested(MAX_DEPTH + 1);
        assert_eq!(read(wanted.as_bytes(), ["a"]), Err(TokenFault::TooDeep));
    }

    #[test]
    fn refuses_what_is_not_one_object() {
        for json in
            ["", "[]", "1", "null", "\"a\"", "{}{}", "{} x", "{\"a\":}", "{\"a\":1,}", "\u{feff}{}"]
        {
            assert_eq!(check(json), Err(TokenFault::Malformed), "{json}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}", []).map(|[]| ()), Err(TokenFault::Malformed));
    }
}
