//! The names by which a signal may mean a user, a session, a device or a token.

use std::collections::BTreeSet;

/// Names, each with its kind before a colon: `sub:alice`, `id:00u1`, `email:alice@example.com`,
/// `phone:+31201234567`, `sid:s-1`, `jti:t-1`, `device:d-1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

/// What kind of thing a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The user's `sub`.
    Subject,
    /// The user's id in the provider's directory.
    Directory,
    Email,
    Phone,
    Session,
    Token,
    Device,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Subject => "sub:",
            Self::Directory => "id:",
            Self::Email => "email:",
            Self::Phone => "phone:",
            Self::Session => "sid:",
            Self::Token => "jti:",
            Self::Device => "device:",
        }
    }
}

impl Names {
    /// Longer ones are not kept: no name in the wild is, and rows have to stay small.
    pub const LONGEST: usize = 512;

    /// Adds a name. Mail addresses are compared without case. An empty one, or one that is too
    /// long, names nobody and is left out: returns whether it was taken.
    pub fn add(&mut self, kind: Kind, name: &str) -> bool {
        let name = match kind {
            Kind::Email => name.trim().to_lowercase(),
            Kind::Subject
            | Kind::Directory
            | Kind::Phone
            | Kind::Session
            | Kind::Token
            | Kind::Device => name.to_owned(),
        };
        let usable =
            !name.is_empty() && name.len() <= Self::LONGEST && !name.contains(char::is_control);
        if usable {
            self.0.insert(format!("{}{name}", kind.prefix()));
        }
        usable
    }

    #[must_use]
    pub fn with(mut self, kind: Kind, name: Option<&str>) -> Self {
        if let Some(name) = name {
            self.add(kind, name);
        }
        self
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In order, each once.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Only the names of the user: not of a session, a token or a device.
    #[must_use]
    pub fn of_user(&self) -> Self {
        let passing = [Kind::Session, Kind::Token, Kind::Device].map(Kind::prefix);
        let lasting = |name: &&String| !passing.iter().any(|prefix| name.starts_with(prefix));
        Self(self.0.iter().filter(lasting).cloned().collect())
    }
}

/// As they are stored; a stored list is not judged again.
impl FromIterator<String> for Names {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Self {
        Self(names.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_mail_addresses_without_case() {
        let names = Names::default().with(Kind::Email, Some(" Alice@Example.COM "));
        assert_eq!(names.iter().collect::<Vec<_>>(), ["email:alice@example.com"]);
    }

    #[test]
    fn leaves_out_what_names_nobody() {
        let mut names = Names::default();
        for name in ["", "a\0b", &"a".repeat(Names::LONGEST + 1)] {
            assert!(!names.add(Kind::Subject, name), "{name}");
        }
        assert!(names.is_empty());
    }

    #[test]
    fn tells_the_user_from_what_passes() {
        let names = Names::default()
            .with(Kind::Subject, Some("alice"))
            .with(Kind::Session, Some("s"))
            .with(Kind::Token, Some("t"))
            .with(Kind::Device, Some("d"));
        assert_eq!(names.of_user().iter().collect::<Vec<_>>(), ["sub:alice"]);
    }
}
