//! `actas oidf-target`: something for the conformance suite of the `OpenID` Foundation to examine, over
//! TLS and under a name of one's choice, and the configuration of its plan.
//!
//! The plan is `fapi2-security-profile-final-test-plan`, with client credentials, `private_key_jwt`,
//! DPoP and plain OAuth. It needs nobody to sign in: two clients with keys of their own, and an API that
//! takes bound tokens.

mod certificate;
mod plan;
mod resource;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use keys::MasterKey;
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use url::Url;

use self::{certificate::Certified, plan::Plan};
use crate::{
    app,
    apply::{Asked, How, apply_desired, check},
    cli::{Done, say},
    clock,
    config::{
        Config, database::Database, exports::Exports, keys::Keys, limits::Limits, log,
        proxy::Proxy, tls::Tls, upstream::Upstream,
    },
    serve::{self, Serving},
};

/// The one organization, whose issuer is the public URL itself.
const ORG: &str = "oidf";

#[derive(Args, Debug)]
pub struct Arguments {
    /// Where the issuer listens. The API has the next port, or with port 0 any, as the issuer then has.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// The name under which the suite reaches this machine; the certificate is for it.
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    host: String,
    /// Where the certificate of the authority is written, which was made for this run.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Serves until Ctrl-C or SIGTERM.
///
/// # Errors
///
/// Something could not start.
pub async fn run(arguments: Arguments) -> Done {
    let directory = std::env::temp_dir().join(format!("actas-oidf-{}", clock::id()));
    std::fs::create_dir_all(&directory)?;
    let served = serve(&arguments, &directory).await;
    // Public keys, and a database that nobody can open any more.
    drop(std::fs::remove_dir_all(&directory));
    served
}

async fn serve(arguments: &Arguments, directory: &Path) -> Done {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let Addresses { issuer, api, nearby, listeners: (here, there) } = Addresses::of(arguments)?;
    let certified = Certified::new(&arguments.host, arguments.listen.ip())?;
    let ca = arguments.ca.clone().unwrap_or_else(|| directory.join("ca.pem"));
    std::fs::write(&ca, &certified.authority)?;
    let plan = Plan::make(&issuer, &api, directory)?;
    let config = config(&issuer, directory, certified.tls()?)?;
    declare(&config, &plan.organization(), directory).await?;
    let Serving { server, app, .. } = serve::start(config, Some(here)).await?;
    let (issuing_handle, issuing) = (server.handle(), actix_web::rt::spawn(server));
    let verifier = resource::verifier((&issuer, &api), &nearby, certified.authority.as_bytes())?;
    let resource = resource::serve(there, &verifier, certified.tls()?.server)?;
    let (resource_handle, resource) = (resource.handle(), actix_web::rt::spawn(resource));
    let text = serde_json::to_string_pretty(&plan.configuration())?;
    say(&mut std::io::stdout(), &text);
    say(&mut std::io::stderr(), &plan.advice(&ca));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    issuing_handle.stop(false).await;
    resource_handle.stop(false).await;
    issuing.await??;
    resource.await??;
    // What is under way in the background has its connections until then.
    app.store.close().await;
    Ok(())
}

/// Where everything is, and the doors to it.
struct Addresses {
    issuer: String,
    api: String,
    /// The issuer, as it is reached from this machine.
    nearby: String,
    listeners: (TcpListener, TcpListener),
}

impl Addresses {
    fn of(arguments: &Arguments) -> Result<Self, Box<dyn std::error::Error>> {
        let address = arguments.listen;
        let here = TcpListener::bind(address)?;
        let next = match address.port() {
            0 => 0,
            port => port.checked_add(1).ok_or("there is no port after this one")?,
        };
        let there = TcpListener::bind(SocketAddr::new(address.ip(), next))?;
        let (port, next) = (here.local_addr()?.port(), there.local_addr()?.port());
        let nearby = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
        };
        Ok(Self {
            issuer: origin(&arguments.host, port)?,
            api: origin(&arguments.host, next)?,
            nearby: format!("https://{}", SocketAddr::new(nearby, port)),
            listeners: (here, there),
        })
    }
}

/// As URLs are written: without the port that goes without saying, and without a slash.
fn origin(host: &str, port: u16) -> Result<String, url::ParseError> {
    let url = Url::parse(&format!("https://{host}:{port}"))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Nothing of it comes from the environment: that is somebody's real server.
fn config(issuer: &str, directory: &Path, tls: Tls) -> Result<Config, Box<dyn std::error::Error>> {
    let (master, _) = MasterKey::generate()?;
    Ok(Config {
        public_url: Url::parse(issuer)?,
        listen: ([127, 0, 0, 1], 0).into(),
        default_org: Some(ORG.to_owned()),
        development: false,
        database: Database {
            url: SecretString::from(format!("sqlite:{}", directory.join("actas.db").display())),
            max_connections: 16,
        },
        keys: Keys::new(master),
        tls: Some(tls),
        proxy: Proxy::default(),
        limits: Limits::default(),
        upstream: Upstream { extra_ca: None, deadline: Duration::from_secs(2), replicas: 1 },
        exports: Exports::default(),
        log: log::Log { format: log::Format::Text, filter: "warn".to_owned() },
    })
}

async fn declare(config: &Config, organization: &str, directory: &Path) -> Done {
    crate::log::start(&config.log);
    let app::Connected { store, data_key, .. } = app::connect(config).await?;
    let desired = check::parse(organization, directory).map_err(|problems| problems.join("\n"))?;
    let how = How { dry_run: false, secrets: Asked::default(), now: clock::now() };
    apply_desired(&*store.registry(), &data_key, desired, how).await?;
    store.close().await;
    Ok(())
}
