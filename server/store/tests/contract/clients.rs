//! Who is declared beside agents: resource servers that introspect, operators; and exports.

use std::sync::Arc;

use delegation::declared::{Change, Declared, Export, Operator, Resource, SecretOwner};

use crate::fixture::{Fixture, LATER, ORG, resource};

async fn found(it: &Fixture) -> Declared {
    it.registry().find(ORG).await.unwrap().unwrap()
}

fn introspecting() -> Resource {
    Resource {
        client_id: Some("documents-api".to_owned()),
        secrets: vec![[3; 32]],
        status: true,
        ..resource()
    }
}

fn operator(id: &str) -> Operator {
    Operator {
        id: id.to_owned(),
        name: format!("The operator {id}"),
        powers: vec!["audit".to_owned(), "revoke".to_owned()],
        secrets: vec![[4; 32]],
    }
}

fn export(id: &str) -> Export {
    Export { id: id.to_owned(), kind: "file".to_owned(), settings: b"sealed".to_vec() }
}

fn replace(owner: SecretOwner) -> Change {
    Change::ReplaceSecret { owner, hash: [9; 32] }
}

async fn gives_back_a_resource_server_that_introspects(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutResource(introspecting())]).await;
    assert_eq!(found(&it).await.resources, [introspecting()]);
}

async fn changes_everything_of_a_resource_but_its_secrets(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutResource(introspecting())]).await;
    let changed = Resource {
        client_id: Some("other-api".to_owned()),
        secrets: vec![[8; 32]],
        status: false,
        ..introspecting()
    };
    it.apply(2, &[Change::PutResource(changed.clone())]).await;
    let expected = Resource { secrets: vec![[3; 32]], ..changed };
    assert_eq!(found(&it).await.resources, [expected]);
}

async fn a_resource_loses_its_secrets_with_its_client_id(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutResource(introspecting())]).await;
    it.apply(2, &[Change::PutResource(resource())]).await;
    assert_eq!(found(&it).await.resources, [resource()]);
    let again = Resource { secrets: vec![], ..introspecting() };
    it.apply(3, &[Change::PutResource(again.clone())]).await;
    assert_eq!(found(&it).await.resources, [again]);
}

async fn a_resource_has_status_since_the_first_moment(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutResource(introspecting())]).await;
    let put = [Change::PutResource(introspecting())];
    let later = policy::Timestamp(LATER.0 + 9);
    it.registry().apply(ORG, 2, &put, later).await.unwrap();
    assert_eq!(it.number("SELECT status_since FROM resources").await, LATER.0);
}

async fn gives_back_operators_and_exports_in_order(it: Arc<Fixture>) {
    let changes = [
        Change::PutOperator(operator("b")),
        Change::PutOperator(operator("a")),
        Change::PutExport(export("z")),
        Change::PutExport(export("y")),
    ];
    it.apply(1, &changes).await;
    let declared = found(&it).await;
    assert_eq!(declared.operators, [operator("a"), operator("b")]);
    assert_eq!(declared.exports, [export("y"), export("z")]);
}

async fn changes_everything_of_an_operator_but_its_secrets(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutOperator(operator("a"))]).await;
    let changed = Operator {
        name: "Another name".to_owned(),
        powers: vec!["keys".to_owned()],
        secrets: vec![[8; 32]],
        ..operator("a")
    };
    it.apply(2, &[Change::PutOperator(changed.clone())]).await;
    let expected = Operator { secrets: vec![[4; 32]], ..changed };
    assert_eq!(found(&it).await.operators, [expected]);
}

async fn drops_an_operator_with_its_secrets(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutOperator(operator("a")), Change::PutOperator(operator("b"))]).await;
    it.apply(2, &[Change::DropOperator("a".to_owned())]).await;
    assert_eq!(found(&it).await.operators, [operator("b")]);
    let again = Operator { secrets: vec![], ..operator("a") };
    it.apply(3, &[Change::PutOperator(again.clone())]).await;
    assert_eq!(found(&it).await.operators, [again, operator("b")]);
}

async fn replaces_all_secrets_of_their_owner_alone(it: Arc<Fixture>) {
    // Both kinds of owners by one name.
    let named = Resource { id: "a".to_owned(), ..introspecting() };
    let changes = [
        Change::PutResource(named),
        Change::PutOperator(operator("a")),
        Change::PutOperator(operator("b")),
    ];
    it.apply(1, &changes).await;
    let secrets = async |it: &Fixture| {
        let declared = found(it).await;
        let of_resources = declared.resources.into_iter().map(|resource| resource.secrets);
        let of_operators = declared.operators.into_iter().map(|operator| operator.secrets);
        of_resources.chain(of_operators).flatten().map(|hash| hash[0]).collect::<Vec<_>>()
    };
    assert_eq!(secrets(&it).await, [3, 4, 4]);
    it.apply(2, &[replace(SecretOwner::Operator("a".to_owned()))]).await;
    assert_eq!(secrets(&it).await, [3, 9, 4]);
    it.apply(3, &[replace(SecretOwner::Resource("a".to_owned()))]).await;
    assert_eq!(secrets(&it).await, [9, 9, 4]);
}

async fn gives_no_secret_to_an_owner_that_is_not_there(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutOperator(operator("a"))]).await;
    for owner in [
        SecretOwner::Operator("nobody".to_owned()),
        SecretOwner::Resource("a".to_owned()),
        // It does not authenticate.
        SecretOwner::Resource(resource().id),
    ] {
        assert!(it.registry().apply(ORG, 2, &[replace(owner)], LATER).await.is_err());
    }
}

async fn an_export_that_is_changed_goes_on_where_it_was(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutExport(export("a"))]).await;
    it.tamper("UPDATE exports SET done = 7, sending = 9").await;
    let changed = Export { kind: "webhook".to_owned(), settings: b"other".to_vec(), ..export("a") };
    it.apply(2, &[Change::PutExport(changed.clone())]).await;
    assert_eq!(found(&it).await.exports, [changed]);
    assert_eq!(it.number("SELECT done * 10 + sending FROM exports").await, 79);
}

async fn an_export_that_is_dropped_is_forgotten(it: Arc<Fixture>) {
    it.apply(1, &[Change::PutExport(export("a")), Change::PutExport(export("b"))]).await;
    it.tamper("UPDATE exports SET done = 7").await;
    it.apply(2, &[Change::DropExport("a".to_owned())]).await;
    assert_eq!(found(&it).await.exports, [export("b")]);
    it.apply(3, &[Change::PutExport(export("a"))]).await;
    assert_eq!(it.number("SELECT done FROM exports WHERE id = 'a'").await, 0);
}

async fn leaves_those_of_another_org_alone(it: Arc<Fixture>) {
    it.declare("other").await;
    let changes = [
        Change::PutResource(introspecting()),
        Change::PutOperator(operator("a")),
        Change::PutExport(export("a")),
    ];
    it.apply(1, &changes).await;
    it.registry().apply("other", 1, &changes, LATER).await.unwrap();
    let before = it.registry().find("other").await.unwrap();
    let dropped = [
        Change::DropResource(resource().id),
        Change::DropOperator("a".to_owned()),
        Change::DropExport("a".to_owned()),
    ];
    it.apply(2, &dropped).await;
    assert_eq!(it.registry().find("other").await.unwrap(), before);
    let declared = found(&it).await;
    assert_eq!(
        (declared.resources, declared.operators, declared.exports),
        (vec![], vec![], vec![])
    );
}

on_both_databases!(
    gives_back_a_resource_server_that_introspects,
    changes_everything_of_a_resource_but_its_secrets,
    a_resource_loses_its_secrets_with_its_client_id,
    a_resource_has_status_since_the_first_moment,
    gives_back_operators_and_exports_in_order,
    changes_everything_of_an_operator_but_its_secrets,
    drops_an_operator_with_its_secrets,
    replaces_all_secrets_of_their_owner_alone,
    gives_no_secret_to_an_owner_that_is_not_there,
    an_export_that_is_changed_goes_on_where_it_was,
    an_export_that_is_dropped_is_forgotten,
    leaves_those_of_another_org_alone,
);
