//! A second reader of JSON, to compare with: it keeps what `serde_json::Value` forgets, that a member came
//! twice.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};

/// A JSON text as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// Anything that is neither text, list nor object.
    Other(serde_json::Value),
    Text(String),
    List(Vec<Self>),
    /// The members in their order, also those that come twice.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads a whole document.
    #[must_use]
    pub fn parse(document: &[u8]) -> Option<Self> {
        serde_json::from_slice(document).ok()
    }

    /// Whether no object of it, at any depth, has a member twice.
    #[must_use]
    pub fn is_unambiguous(&self) -> bool {
        match self {
            Self::Other(_) | Self::Text(_) => true,
            Self::List(all) => all.iter().all(Self::is_unambiguous),
            Self::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                names.is_sorted_by(|a, b| a < b)
                    && members.iter().all(|(_, value)| value.is_unambiguous())
            }
        }
    }

    /// How many objects and lists are open at the deepest place.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::Other(_) | Self::Text(_) => 0,
            Self::List(all) => 1 + all.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => {
                1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0)
            }
        }
    }

    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// A member of an object.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(known, _)| known == name).map(|(_, value)| value)
            }
            Self::Other(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Other(value) => value.as_i64(),
            Self::Text(_) | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// A text, or the texts of a list that has nothing else: `aud` is written both ways.
    #[must_use]
    pub fn texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::Text(text) => Some(vec![text]),
            Self::List(all) => all.iter().map(Self::text).collect(),
            Self::Other(_) | Self::Object(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other(serde_json::Value::Null))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Other(value.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut all = Vec::new();
        while let Some(value) = list.next_element()? {
            all.push(value);
        }
        Ok(Json::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = object.next_entry()? {
            members.push(member);
        }
        Ok(Json::Object(members))
    }
}
