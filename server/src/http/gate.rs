//! How much is let in ([`crate::limits`]).

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use delegation::org::Org;

use super::{peer::Peer, reply::slow_down};
use crate::{app::App, limits::TooMuch};

/// When somebody leaves who is answered now.
const NEXT_PLACE_SECONDS: u64 = 1;

/// Counts a request by its address, then by its organization; the answer to one that is too many.
/// Nothing of it matters but its headers.
pub(super) fn turns_away(app: &App, org: &Org, request: &HttpRequest) -> Option<HttpResponse> {
    let address = Peer::address(request, &app.proxy);
    let too_much = app.limits.arrive(&org.id, address).err()?;
    Some(turned_away(app, org, too_much))
}

/// For want of a place, as [`run`] would once all of it had been read, then as [`turns_away`]. When many
/// are refused there is little time for each: who finds no place is not even counted.
pub(super) fn turns_away_at_once(
    app: &App,
    org: &Org,
    request: &HttpRequest,
) -> Option<HttpResponse> {
    if !app.limits.has_room(&org.id) {
        return Some(full(app, org));
    }
    turns_away(app, org, request)
}

/// Answers, when there is room for one more request of the organization. Its body has arrived: whoever
/// sends one slowly takes up no room.
pub(super) async fn run(
    (app, org): (web::Data<App>, Arc<Org>),
    answer: impl Future<Output = HttpResponse>,
) -> HttpResponse {
    let Some(running) = app.limits.run(&org.id).await else {
        return full(&app, &org);
    };
    running.answer(answer).await
}

fn full(app: &App, org: &Org) -> HttpResponse {
    app.metrics.limited(&org.id, "running");
    slow_down(NEXT_PLACE_SECONDS)
}

/// Counts it, and says when to come again.
pub(super) fn turned_away(app: &App, org: &Org, (by, after): TooMuch) -> HttpResponse {
    app.metrics.limited(&org.id, by.code());
    slow_down(after.as_secs().saturating_add(1))
}
