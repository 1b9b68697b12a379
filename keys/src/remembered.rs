use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use ring::digest::{Context, SHA256};

use crate::{Algorithm, PublicKey};

/// The name of one signature: SHA-256.
type Name = [u8; 32];

/// With [`PLACES`] names in each, some ten thousand tokens and half a megabyte.
const SHELVES: usize = 4096;
const PLACES: usize = 4;

/// Signatures that were verified once, so that a token which is presented again and again costs that once.
///
/// What is remembered is arithmetic: that this very text was signed with this very key, which no
/// revocation and no time makes untrue. Everything else (whether the key is still published, kind,
/// issuer, audience, age, standing) is looked at each time; a key that is withdrawn is not found, and
/// what it signed is then asked of nobody. Only what held is remembered, and under a hash, so tokens
/// cannot be read out of it.
///
/// One for a whole process: a name has in it the octets of the key, and no two texts have one name.
pub struct Signatures {
    shelves: Box<[Mutex<Shelf>]>,
}

/// The latest come first; the last gives way.
type Shelf = [Option<Name>; PLACES];

impl Default for Signatures {
    fn default() -> Self {
        Self { shelves: (0..SHELVES).map(|_| Mutex::default()).collect() }
    }
}

impl Signatures {
    /// Whether `signature` is the key's over `message`, as [`PublicKey::signed`] says, now or before.
    pub(crate) fn signed(
        &self,
        key: &PublicKey,
        algorithm: Algorithm,
        (message, signature): (&str, &str),
    ) -> bool {
        // What a key serves is said by the set it is in now, which may differ from that of before.
        if !key.serves(algorithm) {
            return false;
        }
        let name = name(key, algorithm, (message, signature));
        if self.has(&name) {
            return true;
        }
        let signed = key.signed(algorithm, message, signature);
        if signed {
            self.add(name);
        }
        signed
    }

    fn has(&self, name: &Name) -> bool {
        self.shelf(name).is_some_and(|shelf| {
            shelf.lock().unwrap_or_else(PoisonError::into_inner).contains(&Some(*name))
        })
    }

    fn add(&self, name: Name) {
        let Some(shelf) = self.shelf(&name) else { return };
        let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.rotate_right(1);
        if let Some(first) = shelf.first_mut() {
            *first = Some(name);
        }
    }

    fn shelf(&self, name: &Name) -> Option<&Mutex<Shelf>> {
        let [a, b, ..] = name;
        self.shelves.get(usize::from(u16::from_be_bytes([*a, *b])) % SHELVES)
    }
}

impl fmt::Debug for Signatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signatures").finish_non_exhaustive()
    }
}

/// Lengths before what has one, so that nothing can be cut at another place.
fn name(key: &PublicKey, algorithm: Algorithm, (message, signature): (&str, &str)) -> Name {
    let mut digest = Context::new(&SHA256);
    digest.update(key.octets_hash());
    for part in [algorithm.name(), message, signature] {
        digest.update(&part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    let mut name = [0; 32];
    // Both have 32 octets.
    name.iter_mut().zip(digest.finish().as_ref()).for_each(|(to, from)| *to = *from);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Signer, SigningKey};

    struct Signed {
        key: SigningKey,
        signature: String,
    }

    const TEXT: &str = "header.payload";

    fn signed() -> Signed {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let signature = URL_SAFE_NO_PAD.encode(key.sign(TEXT.as_bytes()).unwrap());
        Signed { key, signature }
    }

    fn held(of: &Signatures) -> usize {
        let count = |shelf: &Mutex<Shelf>| shelf.lock().unwrap().iter().flatten().count();
        of.shelves.iter().map(count).sum()
    }

    #[test]
    fn remembers_what_held_and_nothing_else() {
        let (remembered, Signed { key, signature }) = (Signatures::default(), signed());
        let ask = |text, signature: &str| {
            remembered.signed(key.public_key(), Algorithm::Es256, (text, signature))
        };
        assert!(!ask("header.other", &signature));
        assert!(!ask(TEXT, signature.get(1..).unwrap()));
        assert_eq!(held(&remembered), 0);
        assert!(ask(TEXT, &signature) && ask(TEXT, &signature));
        assert_eq!(held(&remembered), 1);
        assert!(!ask("header.other", &signature));
        assert!(!ask(TEXT, signature.get(1..).unwrap()));
    }

    #[test]
    fn what_one_key_signed_another_did_not() {
        let (remembered, one, other) = (Signatures::default(), signed(), signed());
        let ask = |key: &SigningKey, algorithm| {
            remembered.signed(key.public_key(), algorithm, (TEXT, &one.signature))
        };
        assert!(ask(&one.key, Algorithm::Es256));
        assert!(!ask(&other.key, Algorithm::Es256));
        assert!(!ask(&one.key, Algorithm::EdDsa));
    }

    #[test]
    fn a_text_cut_at_another_place_has_another_name() {
        let Signed { key, .. } = signed();
        let name =
            |message, signature| name(key.public_key(), Algorithm::Es256, (message, signature));
        assert_ne!(name("a.b", "c"), name("a.", "bc"));
        assert_eq!(name("a.b", "c"), name("a.b", "c"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let remembered = Signatures::default();
        for number in 0..=u8::try_from(PLACES).unwrap() {
            remembered.add(
                [7, 7, number].into_iter().chain([0; 29]).collect::<Vec<_>>().try_into().unwrap(),
            );
        }
        assert_eq!(held(&remembered), PLACES);
        let first: Name =
            [7, 7, 0].into_iter().chain([0; 29]).collect::<Vec<_>>().try_into().unwrap();
        assert!(!remembered.has(&first));
    }
}
