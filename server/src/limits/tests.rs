use super::*;

const HERE: &str = "192.0.2.1";
const THERE: &str = "192.0.2.2";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn client<'a>(at: &str, id: &'a str) -> Claim<'a> {
    Claim { address: address(at), org: "a", of: Claimed::Client(id) }
}

fn limits(failures: u32) -> Limits {
    let rate = Rate { per_second: 1, burst: failures };
    Limits::new(Settings { failed_authentications: rate, ..Settings::default() })
}

#[test]
fn who_fails_too_often_is_not_tried_again_there_and_only_there() {
    let limits = limits(2);
    assert!(!limits.failed(client(HERE, "x")));
    limits.may_try(client(HERE, "x")).unwrap();
    assert!(limits.failed(client(HERE, "x")));
    assert_eq!(limits.may_try(client(HERE, "x")).unwrap_err().0, Limited::Guessing);
    limits.may_try(client(THERE, "x")).unwrap();
    limits.may_try(client(HERE, "y")).unwrap();
    limits.may_try(Claim { org: "b", ..client(HERE, "x") }).unwrap();
    limits.may_try(Claim { of: Claimed::Operator, ..client(HERE, "x") }).unwrap();
}

#[test]
fn an_address_cannot_go_on_by_claiming_to_be_others() {
    let limits = limits(2);
    for id in 0..7 {
        assert!(!limits.failed(client(HERE, &id.to_string())), "{id}");
    }
    assert!(limits.failed(client(HERE, "7")));
    limits.may_try(client(HERE, "another")).unwrap_err();
    limits.may_try(client(THERE, "another")).unwrap();
    // Nor by going to another organization.
    limits.may_try(Claim { org: "b", ..client(HERE, "x") }).unwrap_err();
}

#[test]
fn customers_of_one_provider_do_not_keep_signals_from_each_other() {
    let limits = limits(2);
    let provider = |org| Claim { org, of: Claimed::Provider("corp"), ..client(HERE, "") };
    for _ in 0..100 {
        let _ = limits.failed(provider("a"));
    }
    limits.may_try(provider("a")).unwrap_err();
    limits.may_try(provider("b")).unwrap();
    limits.may_try(client(HERE, "x")).unwrap();
}

#[test]
fn one_who_is_not_tried_uses_nothing_up_for_others() {
    let limits = limits(2);
    for _ in 0..100 {
        if limits.may_try(client(HERE, "x")).is_ok() {
            let _ = limits.failed(client(HERE, "x"));
        }
    }
    limits.may_try(client(HERE, "y")).unwrap();
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let limits = limits(1);
    assert!(limits.failed(client("2001:db8::1", "x")));
    limits.may_try(client("2001:db8::2", "x")).unwrap_err();
    limits.may_try(client("2001:db8:0:1::1", "x")).unwrap();
    assert!(limits.failed(client("::ffff:192.0.2.9", "x")));
    limits.may_try(client("192.0.2.9", "x")).unwrap_err();
}

#[test]
fn the_flood_of_one_organization_leaves_the_others_alone() {
    let limits = Limits::new(Settings::default());
    let organization = Some(Rate { per_second: 1, burst: 2 });
    limits.declare("a", &declared::Limits { organization, ..declared::Limits::default() });
    limits.declare("b", &declared::Limits::default());
    limits.arrive("a", address(HERE)).unwrap();
    limits.arrive("a", address(THERE)).unwrap();
    assert_eq!(limits.arrive("a", address(HERE)).unwrap_err().0, Limited::Org);
    limits.arrive("b", address(HERE)).unwrap();
    // What is declared anew holds at once.
    let organization = Some(Rate { per_second: 1, burst: 3 });
    limits.declare("a", &declared::Limits { organization, ..declared::Limits::default() });
    limits.arrive("a", address(HERE)).unwrap();
}

#[test]
fn one_address_is_held_by_the_process_and_by_the_organization() {
    let one = Rate { per_second: 1, burst: 1 };
    let limits =
        Limits::new(Settings { address: Rate { per_second: 1, burst: 2 }, ..Settings::default() });
    limits.declare("a", &declared::Limits { address: Some(one), ..declared::Limits::default() });
    limits.declare("b", &declared::Limits::default());
    limits.arrive("a", address(HERE)).unwrap();
    assert_eq!(limits.arrive("a", address(HERE)).unwrap_err().0, Limited::Address);
    assert_eq!(limits.arrive("b", address(HERE)).unwrap_err().0, Limited::Address);
    limits.arrive("a", address(THERE)).unwrap();
    limits.arrive("b", address(THERE)).unwrap();
}

#[test]
fn agents_and_users_have_their_own() {
    let limits = Limits::new(Settings::default());
    let one = Some(Rate { per_second: 1, burst: 1 });
    let declared = declared::Limits { agent: one, user: one, ..declared::Limits::default() };
    let org = limits.declare("a", &declared);
    org.admit(Asker::Agent("x")).unwrap();
    org.admit(Asker::Agent("x")).unwrap_err();
    org.admit(Asker::Agent("y")).unwrap();
    org.admit(Asker::User("x")).unwrap();
    org.admit(Asker::User("x")).unwrap_err();
    org.admit(Asker::User("corp:x")).unwrap();
}
