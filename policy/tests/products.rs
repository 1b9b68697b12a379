//! Every product, for every kind of target, on every kind of subject: which is issued.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use policy::{
    Account, ActorChain, ActorFacts, Decision, Facts, GrantFacts, HARD_LIMIT, OrgPolicies, Party,
    Product, Reason, Rules, Scope, Standing, SubjectFacts, SubjectKind, TargetFacts, TargetKind,
    Timestamp, decide,
};

const NOW: i64 = 1_000_000;
const ISSUER: &str = "https://actas.example";
const PRODUCTS: [Product; 4] =
    [Product::AccessToken, Product::IdJag, Product::JwtGrant, Product::TransactionToken];
const KINDS: [TargetKind; 5] = [
    TargetKind::Resource,
    TargetKind::Agent,
    TargetKind::AuthorizationServer,
    TargetKind::TrustDomain,
    TargetKind::Ourselves,
];
const SUBJECTS: [SubjectKind; 5] = [
    SubjectKind::Own,
    SubjectKind::AccessToken,
    SubjectKind::IdToken,
    SubjectKind::Assertion,
    SubjectKind::Itself,
];

/// What is permitted, but for the product.
fn asked(product: Product, target: TargetKind, subject: SubjectKind) -> Facts {
    let scope = || Scope::parse("read").expect("scope");
    let agent = || Party { issuer: ISSUER.into(), id: "agent:a".into() };
    let sub = if subject == SubjectKind::Itself { "agent:a" } else { "alice" };
    Facts {
        org: "demo".into(),
        now: Timestamp(NOW),
        subject: SubjectFacts {
            kind: subject,
            org: "demo".into(),
            user: Party { issuer: "https://idp.example".into(), id: "alice".into() },
            sub: sub.into(),
            scope: None,
            audience: vec!["a".into()],
            presented_as: Some("a".into()),
            chain: ActorChain::none(),
            may_act: None,
            bound_to: None,
            expires_at: Timestamp(NOW + 600),
            signed_in_at: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
        },
        actor: ActorFacts {
            party: agent(),
            client_id: "a".into(),
            aliases: Vec::new(),
            ceiling: scope(),
            expires_at: None,
        },
        grant: Some(GrantFacts {
            id: "grant".into(),
            scope: scope(),
            targets: vec!["t".into()],
            expires_at: None,
        }),
        target: TargetFacts { id: "t".into(), kind: target, scope: scope() },
        requested: None,
        standing: Standing { account: Account::Active, ..Standing::default() },
        approved: false,
        product,
        possession: None,
        must_bind: false,
    }
}

/// The table of `README.md`.
fn is_issued(product: Product, target: TargetKind, subject: SubjectKind) -> bool {
    let row = (product.code(), target.code());
    let for_others = [
        ("access_token", "resource"),
        ("access_token", "agent"),
        ("id_jag", "authorization_server"),
        ("jwt", "authorization_server"),
        ("transaction_token", "trust_domain"),
    ];
    let for_itself = [("access_token", "resource"), ("access_token", "ourselves")];
    if subject == SubjectKind::Itself {
        for_itself.contains(&row)
    } else {
        for_others.contains(&row)
    }
}

#[test]
fn only_what_goes_together_is_issued() {
    let rules = Rules::new(HARD_LIMIT, Duration::from_mins(1), OrgPolicies::none()).expect("rules");
    let mut issued = 0;
    for product in PRODUCTS {
        for target in KINDS {
            for subject in SUBJECTS {
                let came = decide(&asked(product, target, subject), &rules);
                let case = format!("{product:?} for {target:?} on {subject:?}");
                match came {
                    Decision::Permit(permit) => {
                        assert!(is_issued(product, target, subject), "{case}");
                        assert_eq!(permit.spend().product, product, "{case}");
                        issued += 1;
                    }
                    Decision::Refuse(refusal) => {
                        assert!(!is_issued(product, target, subject), "{case}: {refusal:?}");
                        assert_eq!(refusal.reason, Reason::Product, "{case}");
                    }
                    Decision::Ask(question) => match question {},
                }
            }
        }
    }
    // Five pairs on each of four subjects, and two on the client itself.
    assert_eq!(issued, 22);
}
