//! What signals said of whom: written by `signals`, read by `recall`.

use std::collections::BTreeSet;

use delegation::{
    refusal::Fault,
    signal::{Affected, Effect},
};
use policy::{Account, Device, Risk, Session, Standing, Timestamp};

use crate::{
    database::{Row, Transaction, Value},
    subjects::{Place, Realm, Target},
};

/// For so long a session or a token that has ended is remembered: longer than any token lives that
/// came from it.
const REMEMBERED: i64 = 30 * 24 * 60 * 60;

// Later beats earlier, in whatever order they come in.
const SIGN_OUT: &str = "
  INSERT INTO subject_states (org, connection, name, about, signed_out_before, forget_at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (org, connection, name, about) DO UPDATE SET
    signed_out_before = CASE WHEN subject_states.signed_out_before > excluded.signed_out_before
      THEN subject_states.signed_out_before ELSE excluded.signed_out_before END,
    forget_at = excluded.forget_at";

const STEP_UP: &str = "
  INSERT INTO subject_states (org, connection, name, about, step_up_before, forget_at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (org, connection, name, about) DO UPDATE SET
    step_up_before = CASE WHEN subject_states.step_up_before > excluded.step_up_before
      THEN subject_states.step_up_before ELSE excluded.step_up_before END,
    forget_at = excluded.forget_at";

// Of two from the same second the one holds that came last: one sender's signals come in order.
const PUT_ACCOUNT: &str = "
  INSERT INTO subject_states (org, connection, name, about, account_at, forget_at, disabled_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (org, connection, name, about) DO UPDATE SET
    account_at = excluded.account_at, disabled_at = excluded.disabled_at,
    forget_at = excluded.forget_at
  WHERE subject_states.account_at IS NULL OR subject_states.account_at <= excluded.account_at";

const PUT_DEVICE: &str = "
  INSERT INTO subject_states (org, connection, name, about, device_at, forget_at, noncompliant_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (org, connection, name, about) DO UPDATE SET
    device_at = excluded.device_at, noncompliant_at = excluded.noncompliant_at,
    forget_at = excluded.forget_at
  WHERE subject_states.device_at IS NULL OR subject_states.device_at <= excluded.device_at";

const PUT_RISK: &str = "
  INSERT INTO subject_states (org, connection, name, about, risk_at, forget_at, risk)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (org, connection, name, about) DO UPDATE SET
    risk_at = excluded.risk_at, risk = excluded.risk,
    forget_at = excluded.forget_at
  WHERE subject_states.risk_at IS NULL OR subject_states.risk_at <= excluded.risk_at";

const AS_OF: &str = "
  SELECT account_at, device_at, risk_at FROM subject_states
  WHERE org = $1 AND connection = $2 AND name = $3 AND about = $4";

const LEARNED: &str = "
  SELECT name FROM subject_names WHERE org = $1 AND connection = $2 AND user_sub = $3";

/// Writes down what an effect says. Returns whether it came too late to say how things are now:
/// something newer is known.
pub(crate) async fn write(
    transaction: &mut Transaction,
    realm: Realm<'_>,
    target: &Target,
    affected: &Affected,
    received_at: Timestamp,
) -> Result<bool, Fault> {
    let Timestamp(at) = affected.at;
    let before = at.saturating_add(1);
    let writing = Writing { realm, received_at };
    match affected.effect {
        Effect::SignedOut => writing.raise(transaction, SIGN_OUT, target, before).await,
        Effect::StepUp => writing.raise(transaction, STEP_UP, target, before).await,
        Effect::Disabled => writing.turn(transaction, target, ACCOUNT.turned(at, Some(at))).await,
        Effect::Enabled => writing.turn(transaction, target, ACCOUNT.turned(at, None::<i64>)).await,
        Effect::Device { compliant } => {
            let since = (!compliant).then_some(at);
            writing.turn(transaction, target, DEVICE.turned(at, since)).await
        }
        Effect::Risk(risk) => {
            writing.turn(transaction, target, RISK.turned(at, Some(risk.code()))).await
        }
        Effect::Recheck | Effect::Forgotten => Ok(false),
    }
}

/// What was said of the users of a connection by names that mean somebody else from now on.
pub(crate) async fn forget(
    transaction: &mut Transaction,
    Realm { org, connection }: Realm<'_>,
    name: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    // The moments stay, so that nothing older than `at` is said of the new owner.
    const FORGET: &str = "
      INSERT INTO subject_states AS known (org, connection, name, about, account_at, device_at,
        risk_at)
      VALUES ($1, $2, $3, '', $4, $4, $4)
      ON CONFLICT (org, connection, name, about) DO UPDATE SET
        account_at = CASE WHEN known.account_at > $4 THEN known.account_at ELSE $4 END,
        disabled_at = CASE WHEN known.account_at > $4 THEN known.disabled_at END,
        device_at = CASE WHEN known.device_at > $4 THEN known.device_at ELSE $4 END,
        noncompliant_at = CASE WHEN known.device_at > $4 THEN known.noncompliant_at END,
        risk_at = CASE WHEN known.risk_at > $4 THEN known.risk_at ELSE $4 END,
        risk = CASE WHEN known.risk_at > $4 THEN known.risk END";
    // What stood for the whole user was about the old owner's sessions and devices.
    const DROP: &str = "
      DELETE FROM subject_states
      WHERE org = $1 AND connection = $2 AND name = $3 AND about <> ''";
    let values = [org.into(), connection.into(), name.into(), at.0.into()];
    transaction.execute(FORGET, &values).await?;
    transaction.execute(DROP, &[org.into(), connection.into(), name.into()]).await.map(drop)
}

/// Where it is written, and when that was.
struct Writing<'a> {
    realm: Realm<'a>,
    received_at: Timestamp,
}

/// What can be so and otherwise again.
struct Switch {
    sql: &'static str,
    /// The column that says as of when.
    as_of: &'static str,
}

const ACCOUNT: Switch = Switch { sql: PUT_ACCOUNT, as_of: "account_at" };
const DEVICE: Switch = Switch { sql: PUT_DEVICE, as_of: "device_at" };
const RISK: Switch = Switch { sql: PUT_RISK, as_of: "risk_at" };

/// A switch, how it stands since when, and how it stands when it says nothing.
struct Turned {
    switch: Switch,
    at: i64,
    value: Value<'static>,
    nothing: Value<'static>,
}

impl Switch {
    fn turned<T>(self, at: i64, value: Option<T>) -> Turned
    where
        Value<'static>: From<Option<T>>,
    {
        Turned { switch: self, at, value: value.into(), nothing: None::<T>.into() }
    }
}

impl Writing<'_> {
    /// A moment that only moves on.
    async fn raise(
        &self,
        transaction: &mut Transaction,
        sql: &'static str,
        target: &Target,
        moment: i64,
    ) -> Result<bool, Fault> {
        for Place { name, made, .. } in &target.places {
            if *made {
                let mut values = self.key(name, "");
                values.extend([moment.into(), self.forget_at(name).into()]);
                transaction.execute(sql, &values).await?;
            }
        }
        Ok(false)
    }

    async fn turn(
        &self,
        transaction: &mut Transaction,
        target: &Target,
        turned: Turned,
    ) -> Result<bool, Fault> {
        let mut places = target.places.clone();
        self.add_other_names(transaction, target, &mut places).await?;
        let mut newest = None;
        let mut written = Vec::new();
        for place in places {
            let values = self.key(&place.name, &place.about);
            let row = transaction.fetch_all(AS_OF, &values).await?.into_iter().next();
            if let Some(row) = &row {
                newest = newest.max(row.get::<Option<i64>>(turned.switch.as_of)?);
            }
            if place.made || row.is_some() {
                written.push(place);
            }
        }
        // Of two users nobody knows whose the newer word is: the stricter reading.
        if target.users.len() < 2 && newest.is_some_and(|newest| turned.at < newest) {
            return Ok(true);
        }
        for Place { name, about, .. } in &written {
            // What is known by now need not stand for its user any more.
            let stands_in = !about.is_empty() && !target.is_narrow();
            let value = if about.is_empty() || stands_in { &turned.value } else { &turned.nothing };
            let mut values = self.key(name, about);
            values.extend([turned.at.into(), self.forget_at(name).into(), value.clone()]);
            transaction.execute(turned.switch.sql, &values).await?;
        }
        Ok(false)
    }

    /// All names of a user say the same, or one of them would go on saying what is over: also those
    /// the signal does not use, where something was said under them.
    async fn add_other_names(
        &self,
        transaction: &mut Transaction,
        target: &Target,
        places: &mut Vec<Place>,
    ) -> Result<(), Fault> {
        let Realm { org, connection } = self.realm;
        let abouts: BTreeSet<String> = places.iter().map(|place| place.about.clone()).collect();
        for user in &target.users {
            let values = [org.into(), connection.into(), user.into()];
            for row in transaction.fetch_all(LEARNED, &values).await? {
                let name: String = row.get("name")?;
                for about in &abouts {
                    if !places.iter().any(|place| place.name == name && place.about == *about) {
                        places.push(Place {
                            name: name.clone(),
                            about: about.clone(),
                            made: false,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn key<'v>(&'v self, name: &'v str, about: &'v str) -> Vec<Value<'v>> {
        let Realm { org, connection } = self.realm;
        vec![org.into(), connection.into(), name.into(), about.into()]
    }

    /// Sessions and tokens pass; users and devices stay.
    fn forget_at(&self, name: &str) -> Option<i64> {
        let passes = name.starts_with("sid:") || name.starts_with("jti:");
        passes.then(|| self.received_at.0.saturating_add(REMEMBERED))
    }
}

/// What the statements of `recall` found to be said, all names together.
pub(crate) fn read(row: &Row) -> Result<Standing, Fault> {
    let moment =
        |column: &'static str| row.get::<Option<i64>>(column).map(|moment| moment.map(Timestamp));
    Ok(Standing {
        // A signal takes away; that somebody may go on is for the checks to say.
        account: moment("disabled_at")?.map_or(Account::Unknown, |_| Account::Suspended),
        session: moment("token_ended_before")?.map_or(Session::Unknown, |_| Session::Ended),
        sessions_valid_from: moment("signed_out_before")?,
        step_up_before: moment("step_up_before")?,
        device: Device {
            compliant: match (moment("noncompliant_at")?, moment("compliant_at")?) {
                (Some(_), _) => Some(false),
                (None, compliant) => compliant.map(|_| true),
            },
            managed: None,
        },
        risk: match row.get::<Option<i64>>("risk")? {
            None => None,
            Some(1) => Some(Risk::Low),
            Some(2) => Some(Risk::Medium),
            Some(_) => Some(Risk::High),
        },
        ..Standing::default()
    })
}
