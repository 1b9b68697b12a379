//! JSON that is JSON (RFC 8259), where a derived reader would be content with less.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Reads a document from outside, which is UTF-8 to its last byte (RFC 8259 §8.1). `serde_json` alone
/// looks no closer at texts that nobody asked for: others might not read the same document at all.
///
/// # Errors
///
/// It is not JSON, or not as `T` wants it.
pub fn json<T: DeserializeOwned>(document: &[u8]) -> Result<T, serde_json::Error> {
    match std::str::from_utf8(document) {
        Ok(document) => serde_json::from_str(document),
        Err(fault) => Err(serde_json::Error::custom(fault)),
    }
}

/// What an object says. A reader that `serde` derives for a struct also takes the list of its members'
/// values, `["https://idp.example","alice"]` for `{"iss":…,"sub":…}`: whom that names, two readers may
/// see differently, and nobody has meant it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Object<T>(pub T);

/// Reads an object: for `#[serde(deserialize_with = "keys::object")]`.
///
/// # Errors
///
/// It is something else, or not as `T` wants it.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Object::deserialize(from).map(|Object(read)| read)
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Members(PhantomData))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Actor {
        sub: String,
        act: Option<Box<Object<Actor>>>,
    }

    fn read(json: &str) -> Option<Actor> {
        serde_json::from_str(json).ok().map(|Object(actor)| actor)
    }

    #[test]
    fn reads_an_object_at_every_depth() {
        let inner = Actor { sub: "b".to_owned(), act: None };
        let outer = Actor { sub: "a".to_owned(), act: Some(Box::new(Object(inner))) };
        assert_eq!(read(r#"{"sub":"a","act":{"sub":"b"}}"#), Some(outer));
    }

    #[test]
    fn reads_no_document_that_is_not_utf_8() {
        let written = |about: &[u8]| [br#"{"sub":"a","about":""#, about, br#""}"#].concat();
        let read = |document: &[u8]| json::<Object<Actor>>(document).ok();
        let actor = Actor { sub: "a".to_owned(), act: None };
        assert_eq!(read(&written("é".as_bytes())), Some(Object(actor)));
        let broken = written(b"\xff");
        let lenient: Actor = serde_json::from_slice(&broken).unwrap();
        assert_eq!(lenient.sub, "a", "which is why `json` is here");
        assert_eq!(read(&broken), None);
    }

    #[test]
    fn refuses_the_list_of_the_values() {
        let derived: Actor = serde_json::from_str(r#"["a",null]"#).unwrap();
        assert_eq!(derived.sub, "a", "which is why this file is here");
        for json in [r#"["a",null]"#, r#"{"sub":"a","act":["b",null]}"#, r#""a""#, "null"] {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
