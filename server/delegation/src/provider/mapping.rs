//! What a provider's scopes and groups mean here, where that is declared.

use keys::TokenFault;
use policy::Scope;

use crate::{
    claims::ProviderClaims,
    declared::{ScopeSource, TokenRules},
};

/// The groups of the user; none are looked for where they mean nothing.
///
/// # Errors
///
/// The claim is there, and neither a text nor a list of texts.
pub(crate) fn groups(
    rules: &TokenRules,
    claims: &ProviderClaims,
) -> Result<Vec<String>, TokenFault> {
    let is_of_groups = |source: &ScopeSource| match source {
        ScopeSource::Group(_) => true,
        ScopeSource::Scope(_) => false,
    };
    if !rules.scopes.iter().any(|rule| is_of_groups(&rule.from)) {
        return Ok(Vec::new());
    }
    let claim = rules.groups_claim.as_deref().unwrap_or("groups");
    Ok(claims.texts(claim)?.unwrap_or_default())
}

/// The scope in our words: all that is given by what the user holds. With a mapping, what it does not
/// name gives nothing; without one, the provider's words are ours.
pub(crate) fn mapped(rules: &TokenRules, groups: &[String], held: Option<Scope>) -> Option<Scope> {
    if rules.scopes.is_empty() {
        return held;
    }
    let holds = |source: &ScopeSource| match source {
        ScopeSource::Scope(name) => {
            held.as_ref().is_some_and(|held| held.tokens().any(|token| token == name))
        }
        ScopeSource::Group(name) => groups.contains(name),
    };
    let given = rules.scopes.iter().filter(|rule| holds(&rule.from));
    let given: Vec<&str> = given.map(|rule| rule.gives.as_str()).collect();
    // Each was checked when it was declared; more than fits into a scope is none.
    Some(Scope::parse(&given.join(" ")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::ScopeRule;

    fn rules(scopes: &[(ScopeSource, &str)]) -> TokenRules {
        let rule = |(from, gives): &(ScopeSource, &str)| ScopeRule {
            from: from.clone(),
            gives: (*gives).to_owned(),
        };
        TokenRules { scopes: scopes.iter().map(rule).collect(), ..TokenRules::default() }
    }

    fn both() -> TokenRules {
        rules(&[
            (ScopeSource::Scope("Documents.Read".to_owned()), "documents:read"),
            (ScopeSource::Group("finance".to_owned()), "documents:read documents:write"),
        ])
    }

    #[test]
    fn gives_what_is_declared_and_nothing_else() {
        let table = [
            (Some("Documents.Read other"), &[][..], "documents:read"),
            (Some("other"), &["finance"], "documents:read documents:write"),
            (None, &["finance", "x"], "documents:read documents:write"),
            // No match is no scope, whatever the token says.
            (Some("documents:read"), &["Finance"], ""),
            (Some("documents.read"), &[], ""),
            (None, &[], ""),
        ];
        for (held, groups, expected) in table {
            let held = held.map(|held| Scope::parse(held).unwrap());
            let groups: Vec<_> = groups.iter().map(|&group| group.to_owned()).collect();
            let scope = mapped(&both(), &groups, held.clone());
            assert_eq!(scope, Scope::parse(expected).ok(), "{held:?} {groups:?}");
        }
    }

    #[test]
    fn without_a_mapping_the_words_are_ours() {
        let held = Scope::parse("a b").ok();
        assert_eq!(mapped(&TokenRules::default(), &["finance".to_owned()], held.clone()), held);
        assert_eq!(mapped(&TokenRules::default(), &[], None), None);
    }

    #[test]
    fn reads_groups_as_a_text_or_a_list() {
        let named = TokenRules { groups_claim: Some("roles".to_owned()), ..both() };
        let of =
            |rules: &TokenRules, json: &str| groups(rules, &serde_json::from_str(json).unwrap());
        assert_eq!(of(&both(), r#"{"groups":"a"}"#), Ok(vec!["a".to_owned()]));
        assert_eq!(of(&both(), r#"{"groups":["a","b"]}"#).unwrap().len(), 2);
        assert_eq!(of(&both(), r#"{"roles":["a"]}"#), Ok(Vec::new()));
        assert_eq!(of(&named, r#"{"roles":["a"],"groups":["b"]}"#), Ok(vec!["a".to_owned()]));
        for json in [r#"{"groups":null}"#, r#"{"groups":[1]}"#, r#"{"groups":{"a":1}}"#] {
            assert_eq!(of(&both(), json), Err(TokenFault::Claims), "{json}");
        }
        // Where groups mean nothing, nobody minds what they are.
        assert_eq!(of(&TokenRules::default(), r#"{"groups":null}"#), Ok(Vec::new()));
    }
}
