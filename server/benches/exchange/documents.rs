//! What verifiers ask for: keys, metadata, and whether a token still holds.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    CROWD, Outcome,
    actas::Actas,
    exchanges::{self, RESOURCE_CLIENT},
    wire::{Connection, Script, get, play, post},
};

/// Tokens that are looked at; many more than are in flight.
const LOOKED_AT: usize = 1024;

pub(crate) fn keys(actas: &Actas) -> Script {
    let path = format!("/o/{}/oauth/jwks", actas.org);
    Script { requests: vec![get(&path)], proof: r#""keys":[{"# }
}

pub(crate) fn metadata(actas: &Actas) -> Script {
    let path = format!("/.well-known/oauth-authorization-server/o/{}", actas.org);
    Script { requests: vec![get(&path)], proof: r#""token_endpoint":"# }
}

/// RFC 7662 §2.1: the resource asks about tokens that were issued for it.
pub(crate) async fn introspections(actas: &Actas, users: &[String]) -> Outcome<Arc<Script>> {
    let few = users.get(..LOOKED_AT).unwrap_or(users);
    let exchanges = exchanges::last_hop(actas, few, 1).await?;
    let tokens = play(actas.address, exchanges, CROWD, exchanges::access_token).await?;
    let headers = [("authorization", format!("Basic {}", actas.basic(RESOURCE_CLIENT)?))];
    let path = format!("/o/{}/oauth/introspect", actas.org);
    let request = |token: &String| post(&path, &headers, &format!("token={token}"));
    let requests = tokens.iter().map(request).collect();
    Ok(Arc::new(Script { requests, proof: r#""active":true"# }))
}

/// The keys themselves.
pub(crate) async fn jwks(actas: &Actas) -> Outcome<Value> {
    let Script { requests, proof } = keys(actas);
    let request = requests.first().ok_or("there is one request")?;
    let mut connection = Connection::open(actas.address).await?;
    Ok(serde_json::from_str(connection.exchange(request, proof).await?)?)
}
