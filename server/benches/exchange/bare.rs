//! The ceiling: the least server that does what an exchange cannot do without, to compare actas with.
//!
//! It takes the very requests that actas takes, with the same workers, the same signatures and the same
//! question to the identity provider, and has one audit row on the disk before it answers. It has no
//! policies, no ledger, no organizations, no limits, no log and no metrics; it does not read back what it
//! signed, and remembers assertions in memory. What actas costs beyond it is the product.
//!
//! Reading order: [`exchange`] (one request), [`trust`] (whom it believes), [`idp`] (the question),
//! [`audit`] (the row), [`child`] (how the bench starts it). Its SQLite and its PostgreSQL are reached
//! with drivers of its own: what it is compared with has ours.

mod audit;
mod child;
mod exchange;
mod idp;
mod postgres;
mod sqlite;
mod trust;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    http::header,
    web::{self, Data},
};
use clap::{Args, ValueEnum};
use server::clock;

use self::{
    audit::Audit,
    exchange::{Failure, Form, Server, exchange},
    idp::Idp,
    trust::Trusted,
};
pub(crate) use self::{child::Bare, trust::Trust};
use crate::Outcome;

/// Serve bare exchanges until standard input ends.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[arg(long)]
    kind: Kind,
    /// `sqlite:FILE` or `postgres://…`; a table is made there.
    #[arg(long)]
    database: String,
    /// Where the identity provider listens.
    #[arg(long)]
    idp: SocketAddr,
    /// Whom to believe, JSON.
    #[arg(long)]
    keys: PathBuf,
}

/// What a request has to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A secret, and the user's token.
    #[value(name = "C")]
    Secret,
    /// An assertion (`private_key_jwt`), and the user's token.
    #[value(name = "D")]
    Assertion,
    /// An assertion, the user's token, and the actor's.
    #[value(name = "E")]
    Actor,
}

impl Kind {
    /// As it is written on the command line.
    pub(crate) const fn letter(self) -> &'static str {
        match self {
            Self::Secret => "C",
            Self::Assertion => "D",
            Self::Actor => "E",
        }
    }
}

/// Says where it listens, in one line, and serves.
pub(crate) fn run(arguments: &Arguments) -> Outcome<()> {
    let trusted = Trusted::read(&serde_json::from_slice(&fs::read(&arguments.keys)?)?)?;
    let audit = Audit::start(&arguments.database)?;
    let server = Data::new(Server::new(arguments.kind, trusted, audit)?);
    let idp = arguments.idp;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut output = std::io::stdout();
    writeln!(output, "{}", listener.local_addr()?)?;
    output.flush()?;
    std::thread::spawn(end_with_the_parent);
    actix_web::rt::System::new().block_on(async move {
        // As many workers as actas has: one per processor. Each has connections of its own to the provider.
        let app = move || {
            App::new()
                .app_data(Data::clone(&server))
                .app_data(Data::new(Idp::new(idp)))
                .default_service(web::post().to(token))
        };
        HttpServer::new(app).disable_signals().listen(listener)?.run().await
    })?;
    Ok(())
}

/// Standard input is a pipe that nobody writes to: it ends when whoever started this is gone.
fn end_with_the_parent() {
    let mut nothing = Vec::new();
    drop(std::io::stdin().read_to_end(&mut nothing));
    std::process::exit(0);
}

async fn token(
    request: HttpRequest,
    form: web::Form<Form>,
    server: Data<Server>,
    idp: Data<Idp>,
) -> HttpResponse {
    let credentials = request.headers().get(header::AUTHORIZATION);
    let credentials = credentials.and_then(|value| value.to_str().ok());
    let mut answer = match exchange(&server, &idp, (credentials, &form), clock::now().0).await {
        Ok(granted) => HttpResponse::Ok().json(granted),
        Err(Failure::Refused(why)) => HttpResponse::BadRequest().body(why),
        Err(Failure::Broken(error)) => HttpResponse::InternalServerError().body(error.to_string()),
    };
    let no_store = header::HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, no_store);
    answer
}
