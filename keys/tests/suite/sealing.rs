use keys::{DataKey, MasterKey, SealFault, SecretHash};

const CONTEXT: &str = "org/demo/delegation/1/subject";

fn master() -> DataKey {
    MasterKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .unwrap()
        .as_data_key()
        .unwrap()
}

#[test]
fn opens_what_was_sealed() {
    let sealed = master().seal(CONTEXT, b"a subject token").unwrap();
    assert_eq!(master().open(CONTEXT, &sealed).unwrap().as_slice(), b"a subject token");
    let empty = master().seal(CONTEXT, b"").unwrap();
    assert_eq!(master().open(CONTEXT, &empty).unwrap().as_slice(), b"");
}

#[test]
fn is_a_compact_jwe_that_says_nothing_of_its_content() {
    let sealed = String::from_utf8(master().seal(CONTEXT, b"a subject token").unwrap()).unwrap();
    // {"enc":"A256GCM","alg":"dir"}
    assert!(sealed.starts_with("eyJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiZGlyIn0.."), "{sealed}");
    assert_eq!(sealed.split('.').count(), 5);
}

#[test]
fn sealing_twice_gives_two_ciphertexts() {
    let master = master();
    assert_ne!(master.seal(CONTEXT, b"x").unwrap(), master.seal(CONTEXT, b"x").unwrap());
}

#[test]
fn does_not_open_in_another_place_or_with_another_master_key() {
    let sealed = master().seal(CONTEXT, b"x").unwrap();
    for context in ["", "org/demo/delegation/2/subject", "org/demo/delegation/1/subject "] {
        assert_eq!(master().open(context, &sealed).err(), Some(SealFault::Refused), "{context}");
    }
    let other = DataKey::generate().unwrap();
    assert_eq!(other.open(CONTEXT, &sealed).err(), Some(SealFault::Refused));
}

#[test]
fn does_not_open_once_any_octet_has_changed() {
    let sealed = master().seal(CONTEXT, b"x").unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert_eq!(master().open(CONTEXT, &changed).err(), Some(SealFault::Refused), "{at}");
    }
}

/// `josekit` passes a short tag to OpenSSL, which compares only that much of it.
#[test]
fn does_not_open_with_a_truncated_tag_or_without_iv() {
    let sealed = String::from_utf8(master().seal(CONTEXT, b"x").unwrap()).unwrap();
    let [header, key, iv, text, tag] = sealed.split('.').collect::<Vec<_>>().try_into().unwrap();
    for forged in [
        format!("{header}.{key}.{iv}.{text}.{}", &tag[..2]),
        format!("{header}.{key}.{iv}.{text}.{}", &tag[..16]),
        format!("{header}.{key}.{iv}.{text}."),
        format!("{header}.{key}..{text}.{tag}"),
        format!("{header}.{iv}.{iv}.{text}.{tag}"),
        format!("{header}.{key}.{iv}.{text}"),
        String::new(),
    ] {
        let refused = master().open(CONTEXT, forged.as_bytes());
        assert_eq!(refused.err(), Some(SealFault::Refused), "{forged}");
    }
}

#[test]
fn reads_a_master_key_in_either_alphabet() {
    let octets = "--__AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw";
    let sealed =
        MasterKey::from_base64(octets).unwrap().as_data_key().unwrap().seal(CONTEXT, b"x").unwrap();
    for text in [octets.replace('-', "+").replace('_', "/") + "=\n", format!(" {octets}= ")] {
        assert!(
            MasterKey::from_base64(&text)
                .unwrap()
                .as_data_key()
                .unwrap()
                .open(CONTEXT, &sealed)
                .is_ok(),
            "{text:?}"
        );
    }
}

#[test]
fn refuses_a_master_key_of_another_length() {
    for text in ["", "AAAA", "not base64!", &"A".repeat(42), &"A".repeat(44)] {
        assert_eq!(MasterKey::from_base64(text).err(), Some(SealFault::MasterKey), "{text}");
    }
}

#[test]
fn a_generated_master_key_reads_back() {
    let (master, text) = MasterKey::generate().unwrap();
    let sealed = master.as_data_key().unwrap().seal(CONTEXT, b"x").unwrap();
    assert!(
        MasterKey::from_base64(&text)
            .unwrap()
            .as_data_key()
            .unwrap()
            .open(CONTEXT, &sealed)
            .is_ok()
    );
    assert_ne!(text, MasterKey::generate().unwrap().1);
}

#[test]
fn a_client_secret_matches_its_hash_and_no_other() {
    let (secret, hash) = master().new_client_secret().unwrap();
    assert!(secret.starts_with("acs_"));
    assert_eq!(secret.len(), 4 + 43);
    let stored = SecretHash::from_bytes(*hash.as_bytes());
    assert!(stored.matches(&master().hash_secret(&secret)));
    let (other, _) = master().new_client_secret().unwrap();
    for wrong in ["", "acs_", &secret[..secret.len() - 1], &format!("{secret}x"), &other] {
        assert!(!stored.matches(&master().hash_secret(wrong)), "{wrong}");
    }
}

/// Whoever scans for secrets that lie about sees whose it is.
#[test]
fn an_operators_token_is_told_from_a_client_secret() {
    let (token, hash) = master().new_operator_token().unwrap();
    assert!(token.starts_with("aco_"));
    assert_eq!(token.len(), 4 + 43);
    assert!(hash.matches(&master().hash_secret(&token)));
    assert!(!hash.matches(&master().hash_secret(&token.replacen("aco_", "acs_", 1))));
}

#[test]
fn a_stolen_table_of_hashes_is_of_no_use_without_the_master_key() {
    let (secret, hash) = master().new_client_secret().unwrap();
    let other = DataKey::generate().unwrap();
    assert!(!hash.matches(&other.hash_secret(&secret)));
}

#[test]
fn debug_output_shows_no_secret() {
    let (_, hash) = master().new_client_secret().unwrap();
    assert_eq!(format!("{hash:?}"), "SecretHash(..)");
    assert_eq!(format!("{:?}", master()), "DataKey { .. }");
}

#[test]
fn knows_what_it_attested() {
    let master = master();
    let tag = master.attest("place", b"bytes").unwrap();
    assert_eq!(master.is_attested("place", b"bytes", &tag), Ok(true));
}

#[test]
fn does_not_know_what_it_did_not_attest_so() {
    let master = master();
    let tag = master.attest("place", b"bytes").unwrap();
    assert_eq!(master.is_attested("place", b"byte5", &tag), Ok(false));
    assert_eq!(master.is_attested("elsewhere", b"bytes", &tag), Ok(false));
    assert_eq!(DataKey::generate().unwrap().is_attested("place", b"bytes", &tag), Ok(false));
    for octet in 0..tag.len() {
        let mut changed = tag;
        changed[octet] ^= 1;
        assert_eq!(master.is_attested("place", b"bytes", &changed), Ok(false), "{octet}");
    }
    for part in [&tag[..31], &tag[..16], &tag[..0], &[tag.as_slice(), &[0]].concat()] {
        assert_eq!(master.is_attested("place", b"bytes", part), Ok(false), "{}", part.len());
    }
}
