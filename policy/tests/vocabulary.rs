//! What is true of every scope and every actor chain.

use policy::{ActorChain, ChainError, HARD_LIMIT, Party, Scope};
use proptest::{collection::btree_set, prelude::*};

proptest! {
    #[test]
    fn a_scope_reads_back_as_itself(text in "[ a-f]{0,40}") {
        let scope = Scope::parse(&text).expect("legal");
        prop_assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }

    #[test]
    fn no_text_makes_scope_parsing_panic(text in any::<String>()) {
        if let Ok(scope) = Scope::parse(&text) {
            prop_assert!(scope.tokens().all(|token| text.contains(token)));
        }
    }

    #[test]
    fn what_is_common_to_two_scopes_is_within_both(one in "[ a-f]{0,12}", other in "[ a-f]{0,12}") {
        let one = Scope::parse(&one).expect("legal");
        let other = Scope::parse(&other).expect("legal");
        let common = one.narrow(&other);
        prop_assert!(common.is_within(&one) && common.is_within(&other));
        let expected: Vec<&str> =
            one.tokens().filter(|token| other.tokens().any(|t| t == *token)).collect();
        prop_assert_eq!(common.tokens().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_chain_grows_at_its_head_only(ids in btree_set("[a-z]{1,3}", 1..14), limit in 0..20_usize) {
        let mut chain = ActorChain::none();
        for id in ids {
            let actor = Party { issuer: "https://actas.example".into(), id };
            let longer = chain.extended_by(actor.clone(), limit);
            if chain.depth() < limit.min(HARD_LIMIT) {
                let longer = longer.expect("within the limit");
                prop_assert_eq!(longer.current(), Some(&actor));
                prop_assert_eq!(longer.parties().get(1..), Some(chain.parties()));
                chain = longer;
            } else {
                prop_assert_eq!(longer, Err(ChainError::TooLong));
            }
        }
    }
}
