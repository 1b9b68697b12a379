//! Loading an organization's policies: what is refused, and how that is said.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use policy::{
    Account, ActorChain, ActorFacts, Decision, Facts, GrantFacts, OrgPolicies, Party, PolicyFile,
    Product, Rules, Scope, Standing, SubjectFacts, SubjectKind, TargetFacts, TargetKind, Timestamp,
    decide,
};

fn file(name: &str, text: &str) -> PolicyFile {
    PolicyFile { name: name.into(), text: text.into() }
}

/// What is wrong with `files`, a line each.
fn errors(files: &[PolicyFile]) -> Vec<String> {
    match OrgPolicies::parse(files) {
        Ok(_) => panic!("nothing is wrong"),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

/// What is wrong with one policy.
fn error(text: &str) -> String {
    errors(&[file("a.cedar", text)]).join("\n")
}

#[test]
fn has_no_policies_without_files() {
    assert!(OrgPolicies::none().is_empty());
    assert!(OrgPolicies::parse(&[]).expect("loads").is_empty());
    assert!(OrgPolicies::parse(&[file("a.cedar", "// none\n")]).expect("loads").is_empty());
}

#[test]
fn keeps_the_files_as_they_were() {
    let files = [file("b.cedar", "permit (principal, action, resource);"), file("a.cedar", "//")];
    let policies = OrgPolicies::parse(&files).expect("loads");
    assert!(!policies.is_empty());
    assert_eq!(policies.sources(), files);
}

#[test]
fn says_where_and_what_in_every_file_at_once() {
    let files = [
        file(
            "first.cedar",
            "// one\nforbid (principal, action, resource)\nwhen { context.scope = \"a\" };",
        ),
        file(
            "second.cedar",
            "permit (principal, action == Action::\"delete\", resource);\n\
             // ä, then\n\
             /*no*/ forbid (principal, action, resource);",
        ),
        file(
            "third.cedar",
            "forbid (principal, action, resource) when { \"ä\" == context.scop && context.depth };",
        ),
    ];
    assert_eq!(
        errors(&files),
        [
            "first.cedar:3:8: '=' is not a valid operator in Cedar; try using '==' instead",
            "second.cedar:3:1: unexpected token `/`; expected `@` or identifier",
            "third.cedar:1:52: for policy `third.cedar#1`, attribute `scop` in context for Action::\"exchange\" not found; did you mean `scope`?",
            "third.cedar:1:68: for policy `third.cedar#1`, unexpected type: expected Bool but saw Long",
        ]
    );
}

#[test]
fn refuses_an_action_we_do_not_ask_about() {
    assert_eq!(
        error("permit (principal, action == Action::\"delete\", resource);"),
        "a.cedar:1:30: for policy `a.cedar#1`, unrecognized action `Action::\"delete\"`; did you mean `Action::\"exchange\"`?"
    );
}

#[test]
fn refuses_an_entity_type_we_do_not_know() {
    assert_eq!(
        error("permit (principal == User::\"alice\", action, resource);"),
        "a.cedar:1:22: for policy `a.cedar#1`, unrecognized entity type `User`; did you mean `Agent`?"
    );
}

#[test]
fn refuses_an_attribute_that_is_not_in_the_schema() {
    assert!(error("forbid (principal, action, resource) when { context.hour < 8 };").starts_with(
        "a.cedar:1:45: for policy `a.cedar#1`, attribute `hour` in context for Action::\"exchange\" not found"
    ));
    assert!(
        error("forbid (principal, action, resource) when { principal.name == \"a\" };")
            .starts_with("a.cedar:1:45: for policy `a.cedar#1`, attribute `name` on entity type `Agent` not found")
    );
}

#[test]
fn refuses_to_read_what_may_be_absent_without_asking() {
    assert!(
        error("forbid (principal, action, resource) when { context.acr == \"a\" };")
            .contains("context has acr")
    );
}

#[test]
fn refuses_to_compare_what_can_never_be_equal() {
    assert!(
        error("forbid (principal, action, resource) when { context.depth == \"1\" };")
            .contains("not compatible")
    );
}

#[test]
fn refuses_a_policy_that_can_never_apply() {
    for text in [
        "forbid (principal, action, resource) when { false };",
        "forbid (principal == Target::\"researcher\", action, resource);",
    ] {
        assert!(error(text).contains("impossible"), "{text}");
    }
}

#[test]
fn refuses_text_that_reads_like_other_text_and_shows_what_it_is() {
    assert_eq!(
        error("forbid (principal, action, resource) when { context.scope == \"a\u{202e}b\" };"),
        "a.cedar:1:62: for policy `a.cedar#1`, string `\"a\\u{202e}b\"` contains BIDI control characters"
    );
}

#[test]
fn refuses_a_template() {
    assert_eq!(
        error(
            "permit (principal, action, resource);\npermit (principal == ?principal, action, resource);"
        ),
        "a.cedar:2:1: this is a template; name the principal and the resource"
    );
}

#[test]
fn refuses_an_id_twice_wherever_it_comes_from() {
    let twice = "@id(\"one\") permit (principal, action, resource);";
    assert_eq!(
        errors(&[file("a.cedar", twice), file("b.cedar", &format!("// again\n  {twice}"))]),
        ["b.cedar:2:3: the id `one` is already that of a.cedar:1:1"]
    );
    assert_eq!(
        errors(&[
            file("a.cedar", "permit (principal, action, resource);"),
            file("b.cedar", "@id(\"a.cedar#1\") permit (principal, action, resource);"),
        ]),
        ["b.cedar:1:1: the id `a.cedar#1` is already that of a.cedar:1:1"]
    );
}

#[test]
fn finds_each_policy_behind_comments_and_strings() {
    let text = "// permit (principal, action, resource);\r\n\
                @id(\"one\") @note(\"; // permit\") permit (principal, action, resource); // then\n\
                \t// once more\n  @id(\"one\") forbid (principal, action, resource);";
    assert_eq!(error(text), "a.cedar:4:3: the id `one` is already that of a.cedar:2:1");
}

#[test]
fn refuses_ids_that_no_audit_event_could_hold() {
    for id in ["", "two words", "line\\nbreak", "ä", &"x".repeat(101)] {
        let text = format!("@id(\"{id}\") permit (principal, action, resource);");
        assert_eq!(
            error(&text),
            "a.cedar:1:1: the annotation `@id` must have 1 to 100 visible ASCII characters, without spaces"
        );
    }
}

#[test]
fn refuses_an_id_that_passes_for_a_built_in_policy() {
    assert_eq!(
        error("@id(\"actas:default\") permit (principal, action, resource);"),
        "a.cedar:1:1: the annotation `@id` must not begin with `actas:`"
    );
}

#[test]
fn refuses_to_ask_a_user_for_what_is_no_age() {
    for age in ["", "-1", "+1", "1.5", "1h", " 1", "31536001", "99999999999999999999"] {
        let text = format!("@max_age(\"{age}\") forbid (principal, action, resource);");
        assert_eq!(
            error(&text),
            "a.cedar:1:1: the annotation `@max_age` must be a number of seconds, 0 to 31536000"
        );
    }
    for age in ["0", "31536000"] {
        let text = format!("@max_age(\"{age}\") forbid (principal, action, resource);");
        assert!(OrgPolicies::parse(&[file("a.cedar", &text)]).is_ok(), "{age}");
    }
}

#[test]
fn refuses_to_ask_a_user_for_what_no_header_could_hold() {
    for values in ["", " a", "a  b", "a\\tb", "ä", "a\\\"b", "a\\\\b", &"x".repeat(101)] {
        let text = format!("@acr_values(\"{values}\") forbid (principal, action, resource);");
        assert_eq!(
            error(&text),
            "a.cedar:1:1: the annotation `@acr_values` must have values of 1 to 100 visible ASCII \
             characters, none of them `\"` or `\\`, with one space between two"
        );
    }
}

#[test]
fn refuses_to_ask_a_user_for_too_much() {
    let values = |from: usize, n: usize| {
        let values: Vec<String> = (from..from + n).map(|value| value.to_string()).collect();
        format!("@acr_values(\"{}\") forbid (principal, action, resource);\n", values.join(" "))
    };
    let most = values(0, 20) + &values(5, 10);
    assert!(OrgPolicies::parse(&[file("a.cedar", &most)]).is_ok());
    assert_eq!(
        error(&(most + &values(20, 1) + &values(21, 1))),
        "a.cedar:3:1: `@acr_values` has more than 20 values in all"
    );
}

#[test]
fn refuses_to_say_what_helps_against_a_permit() {
    assert_eq!(
        error("@acr_values(\"mfa\") @max_age(\"60\") permit (principal, action, resource);"),
        "a.cedar:1:1: the annotation `@acr_values` says what helps against a `forbid`; this is a `permit`\n\
         a.cedar:1:1: the annotation `@max_age` says what helps against a `forbid`; this is a `permit`"
    );
}

#[test]
fn refuses_files_without_a_name_of_their_own() {
    assert_eq!(
        errors(&[
            file("a.cedar", "//"),
            file("a.cedar", "//"),
            file("b\nb", "//"),
            file("actas:a", "//")
        ]),
        [
            "a.cedar:1:1: another file has the same name",
            "b\\nb:1:1: the name of a file must have 1 to 100 visible ASCII characters, without spaces",
            "actas:a:1:1: the name of a file must not begin with `actas:`",
        ]
    );
}

#[test]
fn refuses_more_than_it_would_want_to_read() {
    let policy = "permit (principal, action, resource);";
    assert_eq!(
        error(&" ".repeat(64 * 1024 + 1)),
        "a.cedar:1:1: the file is longer than 65536 bytes"
    );
    assert_eq!(error(&policy.repeat(1_001)), "a.cedar:1:37001: there are more than 1000 policies");
    let files: Vec<PolicyFile> = (0..101).map(|n| file(&format!("{n}.cedar"), policy)).collect();
    assert_eq!(errors(&files), ["100.cedar:1:1: there are more than 100 files"]);
}

/// Without a limit, this ends the process (see `cedar/depth.rs`).
#[test]
fn refuses_what_would_overflow_the_stack() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{a: ", "}"), ("!(", ")")] {
        let text = format!(
            "forbid (principal, action, resource) when {{ {}1{} == 1 }};",
            open.repeat(10_000),
            close.repeat(10_000)
        );
        assert!(error(&text).contains("more than 16 brackets within brackets"), "{open}");
    }
}

/// Without a limit, the validator finds nothing wrong with some hundred (see `cedar/depth.rs`).
#[test]
fn refuses_what_would_not_be_validated_to_its_end() {
    let deep = |dots: usize| {
        format!("forbid (principal, action, resource) when {{ context{} }};", ".a".repeat(dots))
    };
    assert!(error(&deep(16)).contains("attribute `a` in context"));
    assert!(error(&deep(17)).contains("more than 16 dots in a row"));
}

#[test]
fn validates_and_evaluates_a_policy_as_deep_as_may_be() {
    let deepest = |first: &str| {
        let nested = format!("{}{first}{}", "(".repeat(15), ")".repeat(15));
        let rest = " || context.depth < 0".repeat(23);
        format!("permit (principal, action, resource) when {{ {nested}{rest} }};")
    };
    assert!(error(&deepest("context.deep > 0")).contains("attribute `deep` in context"));
    assert!(error(&deepest("context.depth > 0 || true")).contains("more than 24 operators"));
    let file = file("a.cedar", &deepest("context.depth > 0"));
    let policies = OrgPolicies::parse(&[file]).expect("loads");
    let rules = Rules::new(1, Duration::from_mins(1), policies).expect("rules");
    let Decision::Permit(permit) = decide(&facts(), &rules) else { panic!("refused") };
    assert_eq!(permit.policies(), ["a.cedar#1"]);
}

fn facts() -> Facts {
    let scope = || Scope::parse("read").expect("scope");
    let party = |id: &str| Party { issuer: "https://actas.example".into(), id: id.into() };
    Facts {
        org: "demo".into(),
        now: Timestamp(1_000),
        subject: SubjectFacts {
            kind: SubjectKind::AccessToken,
            org: "demo".into(),
            user: party("alice"),
            sub: "alice".into(),
            scope: None,
            audience: Vec::new(),
            presented_as: Some("agent".into()),
            chain: ActorChain::none(),
            may_act: None,
            bound_to: None,
            expires_at: Timestamp(2_000),
            signed_in_at: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
        },
        actor: ActorFacts {
            party: party("agent:agent"),
            client_id: "agent".into(),
            aliases: Vec::new(),
            ceiling: scope(),
            expires_at: None,
        },
        grant: Some(GrantFacts {
            id: "grant".into(),
            scope: scope(),
            targets: vec!["target".into()],
            expires_at: None,
        }),
        target: TargetFacts { id: "target".into(), kind: TargetKind::Resource, scope: scope() },
        requested: None,
        standing: Standing { account: Account::Active, ..Standing::default() },
        approved: false,
        product: Product::AccessToken,
        possession: None,
        must_bind: false,
    }
}
