//! `actas serve`: listen until told to stop, then finish what is under way.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

use actix_web::{
    App as Actix, HttpServer, dev::Server, http::header, middleware::DefaultHeaders, web,
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    app::{App, StartError},
    config::Config,
    http, jobs,
};

/// How long requests under way may take after SIGTERM.
const GRACE_SECONDS: u64 = 15;
/// Slow headers are answered 408 after this.
const SLOWEST_HEADERS: std::time::Duration = std::time::Duration::from_secs(5);

/// A server that listens.
pub struct Serving {
    pub server: Server,
    pub address: SocketAddr,
    pub app: Arc<App>,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Builds the app and listens: on `listener` when there is one, else where the configuration says.
///
/// # Errors
///
/// See [`StartError`].
pub async fn start(
    mut config: Config,
    listener: Option<TcpListener>,
) -> Result<Serving, StartError> {
    let app = App::build(&config).await?;
    let tls = config.tls.take();
    let data = web::Data::from(Arc::clone(&app));
    // What names no lifetime of its own is not kept: a cache may keep a 404 or 405 (RFC 9110 §15.1).
    let app_of_worker = move || {
        let unkept = DefaultHeaders::new().add((header::CACHE_CONTROL, "no-store"));
        Actix::new().app_data(data.clone()).wrap(unkept).configure(http::routes)
    };
    let http = HttpServer::new(app_of_worker)
        .on_connect(http::peer::on_connect)
        .client_request_timeout(SLOWEST_HEADERS)
        .shutdown_timeout(GRACE_SECONDS)
        .disable_signals();
    let http = match (listener, tls) {
        (Some(listener), Some(tls)) => http.listen_rustls_0_23(listener, tls.server)?,
        (Some(listener), None) => http.listen(listener)?,
        (None, Some(tls)) => http.bind_rustls_0_23(config.listen, tls.server)?,
        (None, None) => http.bind(config.listen)?,
    };
    let address = http.addrs().first().copied().unwrap_or(config.listen);
    jobs::refresh_orgs::start(&app);
    jobs::sweep::start(&app);
    jobs::streams::start(&app, App::watched);
    jobs::stream_ages::start(&app);
    jobs::seal_trail::start(&app);
    jobs::export_audit::start(&app);
    jobs::prune_trail::start(&app);
    Ok(Serving { server: http.run(), address, app })
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
///
/// See [`StartError`].
pub async fn run(config: Config) -> Result<(), StartError> {
    let tls = config.tls.is_some();
    // Before anything else: a signal that comes while the database is migrated is not lost.
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let started = tokio::select! {
        started = start(config, None) => started?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let Serving { server, address, app } = started;
    tracing::info!(
        %address, tls, public_url = app.origin, organizations = app.org_count(),
        version = env!("CARGO_PKG_VERSION"), "actas is listening"
    );
    let handle = server.handle();
    actix_web::rt::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("finishing what is under way");
        handle.stop(true).await;
    });
    server.await?;
    app.store.close().await;
    tracing::info!("actas has stopped");
    Ok(())
}
