use std::{collections::BTreeSet, fmt};

/// The most tokens a scope may have: what a person could still be asked to agree to.
pub const MAX_TOKENS: usize = 100;

/// The longest scope text, in bytes: it must fit a request header together with the rest of a token.
pub const MAX_LENGTH: usize = 4096;

/// A set of scope tokens (RFC 6749 §3.3). Narrows, never widens.
///
/// ```
/// let both = policy::Scope::parse("write read").unwrap();
/// let read = policy::Scope::parse("read admin").unwrap().narrow(&both);
/// assert_eq!(read.to_string(), "read");
/// ```
///
/// There is no way to add to one:
///
/// ```compile_fail,E0599
/// let mut scope = policy::Scope::parse("read").unwrap();
/// scope.insert("admin".to_owned());
/// ```
///
/// ```compile_fail,E0616
/// let mut scope = policy::Scope::parse("read").unwrap();
/// scope.tokens.insert("admin".to_owned());
/// ```
// INVARIANT: tokens are legal; at most MAX_TOKENS of them, at most MAX_LENGTH bytes in all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Scope {
    tokens: BTreeSet<String>,
}

impl Scope {
    /// Parses a list of scope tokens separated by spaces; order and repetition carry no meaning.
    ///
    /// More than one space between tokens is taken as one, and no token at all is the empty scope.
    ///
    /// # Errors
    /// When the text or the list is too long, or a character is not legal in a scope token.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if MAX_LENGTH < text.len() {
            return Err(ScopeError::TooLong);
        }
        if let Some(illegal) = text.chars().find(|&c| c != ' ' && !is_legal(c)) {
            return Err(ScopeError::IllegalCharacter(illegal));
        }
        let tokens: BTreeSet<String> =
            text.split(' ').filter(|token| !token.is_empty()).map(str::to_owned).collect();
        if MAX_TOKENS < tokens.len() {
            return Err(ScopeError::TooMany);
        }
        Ok(Self { tokens })
    }

    /// The tokens that are in both scopes.
    #[must_use]
    pub fn narrow(&self, other: &Self) -> Self {
        self.only(|token| other.has(token))
    }

    /// Whether `other` has every token of this scope.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.tokens.is_subset(&other.tokens)
    }

    /// Whether the scope has no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The tokens, sorted.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(String::as_str)
    }

    pub(crate) fn has(&self, token: &str) -> bool {
        self.tokens.contains(token)
    }

    /// The tokens for which `keep` says yes.
    pub(crate) fn only(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        Self { tokens: self.tokens.iter().filter(|token| keep(token)).cloned().collect() }
    }
}

impl fmt::Display for Scope {
    /// Sorted tokens separated by single spaces: the form of RFC 8693 §4.2 and RFC 6749 §5.1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.tokens.iter().enumerate() {
            if 0 < index {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

/// Why a text is not a scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ScopeError {
    /// A character that no scope token may have.
    #[error("`{}` is not allowed in a scope", .0.escape_default())]
    IllegalCharacter(char),
    /// More than [`MAX_LENGTH`] bytes.
    #[error("the scope is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// More than [`MAX_TOKENS`] different tokens.
    #[error("the scope has more than {MAX_TOKENS} tokens")]
    TooMany,
}

/// RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`.
const fn is_legal(c: char) -> bool {
    matches!(c, '\x21' | '\x23'..='\x5B' | '\x5D'..='\x7E')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn sorts_and_forgets_repetition() {
        assert_eq!(scope("b a  b ").to_string(), "a b");
    }

    #[test]
    fn takes_no_token_for_the_empty_scope() {
        assert_eq!(scope(""), Scope::default());
        assert_eq!(scope(" "), Scope::default());
    }

    #[test]
    fn refuses_what_no_token_may_have() {
        for (text, illegal) in [
            ("a\tb", '\t'),
            ("a\"b", '"'),
            ("a\\b", '\\'),
            ("a\nb", '\n'),
            ("ä", 'ä'),
            ("\0", '\0'),
        ] {
            assert_eq!(Scope::parse(text), Err(ScopeError::IllegalCharacter(illegal)), "{text:?}");
        }
    }

    #[test]
    fn names_an_illegal_character_visibly() {
        assert_eq!(
            ScopeError::IllegalCharacter('\n').to_string(),
            r"`\n` is not allowed in a scope"
        );
    }

    #[test]
    fn is_case_sensitive() {
        assert!(!scope("Read").is_within(&scope("read")));
    }

    #[test]
    fn refuses_one_token_too_many() {
        let list = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
        assert!(Scope::parse(&list(MAX_TOKENS)).is_ok());
        assert_eq!(Scope::parse(&list(MAX_TOKENS + 1)), Err(ScopeError::TooMany));
    }

    #[test]
    fn refuses_one_byte_too_many() {
        assert!(Scope::parse(&"a".repeat(MAX_LENGTH)).is_ok());
        assert_eq!(Scope::parse(&"a".repeat(MAX_LENGTH + 1)), Err(ScopeError::TooLong));
    }
}
