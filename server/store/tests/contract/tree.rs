//! A large tree: a chain of five, each with ten below it.

use std::{collections::BTreeSet, sync::Arc};

use delegation::ports::Selector;
use policy::Timestamp;
use uuid::Uuid;

use crate::fixture::{Fixture, LATER, ORG};

const FAN_OUT: usize = 10;
/// 1 + 10 + 100 + 1,000 + 10,000.
const NODES: usize = 11_111;
/// The last of the five parts of an id.
const END_OF_ID: u128 = 0xffff_ffff_ffff;

/// Numbered from the root, 0, level by level: what is above number n is number (n - 1) / 10. The
/// number is the end of the id. All are like the one that is there.
const GROW: &str = "
  INSERT INTO delegations (
    org, id, parent, root, grant_id, connection, user_sub, agent,
    target, scope, depth, token_hash, issued_at, expires_at, session, signed_in_at)
  WITH RECURSIVE node (number, above, depth) AS (
    SELECT 0, 0, 1
    UNION ALL
    SELECT number + 1, number / 10,
      CASE WHEN number + 1 IN (1, 11, 111, 1111) THEN depth + 1 ELSE depth END
    FROM node WHERE number < 11110
  )
  SELECT org,
    substr(id, 1, 24) || substr('000000000000' || CAST(number AS TEXT), length(CAST(number AS TEXT)) + 1),
    CASE WHEN 0 < number THEN
      substr(id, 1, 24) || substr('000000000000' || CAST(above AS TEXT), length(CAST(above AS TEXT)) + 1) END,
    substr(id, 1, 24) || '000000000000',
    grant_id, connection, user_sub, agent, target, scope, node.depth, token_hash, issued_at, expires_at,
    session, signed_in_at
  FROM delegations CROSS JOIN node";

struct Tree {
    it: Arc<Fixture>,
    first: Uuid,
}

impl Tree {
    async fn grow(it: &Arc<Fixture>) -> Self {
        let mut seed = it.root();
        // No decimal number ends like this.
        seed.delegation.id = Uuid::from_u128(seed.delegation.id.as_u128() | END_OF_ID);
        seed.delegation.root = seed.delegation.id;
        let seed = it.opened(seed).await;
        it.tamper(GROW).await;
        it.tamper("DELETE FROM delegations WHERE root <> (SELECT MIN(root) FROM delegations)")
            .await;
        let nodes = i64::try_from(NODES).unwrap();
        assert_eq!(it.written().await.0, nodes);
        assert_eq!(it.number("SELECT count(*) FROM delegations WHERE depth = 5").await, 10_000);
        let first = Uuid::from_u128(seed.id.as_u128() & !END_OF_ID);
        Self { it: Arc::clone(it), first }
    }

    /// Ids are written in hexadecimal digits, and the numbers here in decimal ones.
    fn id(&self, number: usize) -> Uuid {
        let digits = u128::from_str_radix(&number.to_string(), 16).unwrap();
        Uuid::from_u128(self.first.as_u128() | digits)
    }

    async fn dead(&self) -> BTreeSet<String> {
        let dead = "SELECT id FROM delegations WHERE ended_at IS NOT NULL";
        self.it.texts(dead).await.into_iter().collect()
    }
}

fn is_below(top: usize, mut number: usize) -> bool {
    while top < number {
        number = (number - 1) / FAN_OUT;
    }
    number == top
}

/// One of each level, none below another, from the leaves up; then the root with all that is left.
const ENDED: [usize; 5] = [5678, 345, 67, 8, 0];

async fn exactly_the_descendants_end(it: Arc<Fixture>) {
    let replica = it.replica().await;
    let tree = Tree::grow(&it).await;
    let mut expected: BTreeSet<String> = BTreeSet::new();
    let mut sizes = Vec::new();
    for (level, top) in ENDED.into_iter().enumerate() {
        let before = expected.len();
        expected.extend((0..NODES).filter(|n| is_below(top, *n)).map(|n| tree.id(n).to_string()));
        let below = u64::try_from(expected.len() - before).unwrap();
        sizes.push(below);
        let selector = Selector::Delegation(tree.id(top));
        let [one, other] = if level % 2 == 0 {
            [it.ledger(), replica.ledger(ORG)]
        } else {
            [replica.ledger(ORG), it.ledger()]
        };
        assert_eq!(one.revoke(&selector, LATER, None).await.unwrap(), below);
        assert_eq!(tree.dead().await, expected, "below {top}, and nothing beside it");
        // Again, by the other: nothing is left to end, and nothing ends a second time.
        let again = Timestamp(LATER.0 + 1);
        assert_eq!(other.revoke(&selector, again, None).await.unwrap(), 0);
        assert_eq!(tree.dead().await, expected);
    }
    assert_eq!(sizes, [1, 11, 111, 1111, 9877]);
    assert_eq!(it.number("SELECT MAX(ended_at) - MIN(ended_at) FROM delegations").await, 0);
    replica.close().await;
}

async fn every_other_way_ends_it_all(it: Arc<Fixture>) {
    let user = || Selector::User { connection: "home".to_owned(), user: "alice".to_owned() };
    Tree::grow(&it).await;
    for selector in [
        Selector::Agent("orchestrator".to_owned()),
        user(),
        Selector::Connection("home".to_owned()),
        Selector::Org,
        Selector::Grant(crate::fixture::GRANT.to_owned()),
    ] {
        let nodes = u64::try_from(NODES).unwrap();
        assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), nodes);
        assert_eq!(it.ledger().revoke(&selector, LATER, None).await.unwrap(), 0);
        it.tamper("UPDATE delegations SET ended_at = NULL").await;
    }
}

on_both_databases!(exactly_the_descendants_end, every_other_way_ends_it_all);
