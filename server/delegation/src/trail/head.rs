//! A place in a trail, as a person notes it down.

use std::{fmt, str::FromStr};

use super::Hash;

/// A link's number and hash, written `17:` and 64 hexadecimal digits.
///
/// Noted outside the installation, it later shows that the trail up to there is still the same one,
/// also to somebody whom the database and the master key do not convince.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub hash: Hash,
}

/// What a [`Head`] looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is a number, a colon and 64 hexadecimal digits")]
pub struct NoHead;

/// In 64 lower-case hexadecimal digits, as exports and people have it.
#[must_use]
pub fn hex(hash: &Hash) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let (seq, digits) = text.trim().split_once(':').ok_or(NoHead)?;
        let seq = seq.parse().ok().filter(|seq| 0 <= *seq).ok_or(NoHead)?;
        if digits.len() != 64 {
            return Err(NoHead);
        }
        let mut hash = Hash::default();
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            // `from_str_radix` takes a sign.
            let pair = std::str::from_utf8(pair).ok().filter(|pair| !pair.contains('+'));
            let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *byte = value.ok_or(NoHead)?;
        }
        Ok(Self { seq, hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written() {
        let head = Head { seq: 17, hash: std::array::from_fn(|at| u8::try_from(at * 8).unwrap()) };
        assert_eq!(format!("{head}\n").parse(), Ok(head));
        assert_eq!(head.to_string().to_uppercase().parse(), Ok(head));
    }

    #[test]
    fn anything_else_is_none() {
        let digits = "0".repeat(64);
        assert!(format!("1:{digits}").parse::<Head>().is_ok());
        for text in [
            String::new(),
            digits.clone(),
            format!(":{digits}"),
            format!("-1:{digits}"),
            format!("one:{digits}"),
            format!("1:{digits}0"),
            format!("1:+{}", "0".repeat(63)),
            format!("1:{}", "é".repeat(32)),
            format!("1:g{}", "0".repeat(63)),
        ] {
            assert_eq!(text.parse::<Head>(), Err(NoHead), "{text}");
        }
    }
}
