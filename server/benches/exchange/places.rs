//! Databases of their own, thrown away at the end.

use std::path::Path;

use tokio_postgres::NoTls;

use crate::{Outcome, actas::Database};

/// A database that nobody else has.
#[derive(Debug)]
pub(crate) struct Place {
    pub database: Database,
    /// On which server, under which name it was made there.
    made: Option<(String, String)>,
}

impl Place {
    /// A file, whose directory is thrown away.
    pub(crate) fn file() -> Self {
        let database = Database { name: "SQLite", url: "sqlite:actas.db".to_owned() };
        Self { database, made: None }
    }

    /// A new database beside the one of `url`.
    pub(crate) fn beside(url: &str, purpose: &str) -> Outcome<Self> {
        let name = format!("bench_{purpose}_{}", std::process::id());
        let (server, _) = url.rsplit_once('/').ok_or("the URL of PostgreSQL names no database")?;
        say(url, &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
        let database = Database { name: "PostgreSQL", url: format!("{server}/{name}") };
        Ok(Self { database, made: Some((url.to_owned(), name)) })
    }

    /// The same kind of place for another purpose.
    pub(crate) fn another(&self, purpose: &str) -> Outcome<Self> {
        match &self.made {
            None => Ok(Self::file()),
            Some((url, _)) => Self::beside(url, purpose),
        }
    }

    /// As a process in `directory` of this one reaches it from here.
    pub(crate) fn run(&self, directory: &Path, sql: &str) -> Outcome<()> {
        match self.database.url.strip_prefix("sqlite:") {
            Some(file) => {
                let connection = rusqlite::Connection::open(directory.join(file))?;
                Ok(connection.execute_batch(sql)?)
            }
            None => say(&self.database.url, sql),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((url, name)) = &self.made
            && let Err(error) = say(url, &format!("DROP DATABASE {name} WITH (FORCE)"))
        {
            eprintln!("{name} is left behind: {error}");
        }
    }
}

fn say(url: &str, sql: &str) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await?;
        drop(client);
        connection.await??;
        Ok(())
    })
}
