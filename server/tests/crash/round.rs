//! One life of a server after another, on one database.

use std::{
    io::Write,
    net::TcpStream,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use url::Url;

use crate::{
    books::Books,
    cluster::Cluster,
    database::Kind,
    files::Files,
    ledger::{Ledger, no_transaction_is_left_open},
    load::Load,
    process::{Server, actas, eventually},
    scene::{Scene, Site, changed, connected, unlimited},
    wire::Wire,
};

/// How soon a server is ready again.
const READY_WITHIN: Duration = Duration::from_secs(5);

/// A server with all that is between it and its database.
pub struct Stage {
    pub scene: Scene,
    pub books: Books,
    pub life: usize,
    /// Between it and `PostgreSQL`.
    pub wire: Option<Wire>,
    /// Between it and the files of `SQLite`.
    pub files: Option<Files>,
    pub slowest_start: Duration,
}

impl Stage {
    pub fn on(kind: Kind) -> Self {
        Self::of(Site::on(kind))
    }

    /// At a server of `PostgreSQL` that is ours alone.
    pub fn at(cluster: &Cluster) -> Self {
        let (postgres, url) = cluster.database();
        let site = Site::at(Some(postgres));
        site.configure(&site.postgres.as_ref().unwrap().url(), &url);
        Self::of(site)
    }

    fn of(site: Site) -> Self {
        let mut wire = None;
        let mut scene = Scene::at(site, |site, org| {
            if let Some(postgres) = &site.postgres {
                let url: Url = postgres.url().parse().unwrap();
                let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
                let between = Wire::before(address.parse().unwrap());
                site.configure(&format!("@{address}/"), &format!("@{}/", between.address));
                wire = Some(between);
            }
            declared(&unlimited(site, &org))
        });
        let files = scene.site.postgres.is_none().then(|| Files::of(&scene.site));
        if let Some(files) = &files {
            scene.server = serve(&scene.site, Some(files));
        }
        let (books, slowest_start) = (Books::default(), Duration::ZERO);
        Self { scene, books, life: 0, wire, files, slowest_start }
    }

    /// Clients come, and the server dies of `death`; then everything is looked at, and the next one
    /// is started.
    #[track_caller]
    pub fn dies(&mut self, death: impl FnOnce(&Self, &Arc<Killer>)) {
        let killer = Arc::new(Killer::of(&self.scene.server));
        self.meanwhile(|stage| {
            death(stage, &killer);
            // Whatever it died of, and also when it did not.
            killer.strike();
        });
        self.scene.server.kill();
        self.next();
    }

    /// Clients come for as long as `something` happens.
    pub fn meanwhile(&self, something: impl FnOnce(&Self)) {
        let over = AtomicBool::new(false);
        thread::scope(|threads| {
            let load = Load { scene: &self.scene, books: &self.books, life: self.life };
            let over_yet = &over;
            threads.spawn(move || load.until(|| over_yet.load(Ordering::SeqCst)));
            // Also when it panics, or nobody would ever hear of it.
            let _ends = Ends(&over);
            something(self);
        });
    }

    /// The server lives on, and everything it said is looked at.
    #[track_caller]
    pub fn lives_on(&mut self) {
        no_transaction_is_left_open(&self.scene.site);
        self.books.agree_with(&Ledger::of(&self.scene.site));
        self.books.hold_at(&self.scene, self.life);
        self.life += 1;
    }

    /// Blocks until the server is dead.
    pub fn is_dead(&self) {
        let gone = || TcpStream::connect(self.scene.server.address).err();
        eventually("it is dead", gone);
    }

    /// Blocks until so many more requests were answered with a token.
    pub fn issues(&self, more: usize) {
        let before = self.books.open().tokens.len();
        self.books.await_until("tokens are issued", |pages| before + more <= pages.tokens.len());
    }

    /// The dead server's books are closed, and the next one is started.
    #[track_caller]
    pub fn next(&mut self) {
        if let Some(files) = &self.files {
            files.rest();
        }
        self.books.agree_with(&Ledger::of(&self.scene.site));
        let started = Instant::now();
        self.scene.server = serve(&self.scene.site, self.files.as_ref());
        let ready = || (self.scene.server.get("/readyz").status == 200).then_some(());
        eventually("it is ready", ready);
        self.slowest_start = self.slowest_start.max(started.elapsed());
        let took = started.elapsed();
        assert!(took < READY_WITHIN, "ready after {took:?}: {}", self.scene.server.log());
        self.books.hold_at(&self.scene, self.life);
        no_transaction_is_left_open(&self.scene.site);
        self.life += 1;
    }

    /// The server ends well, and everything it ever said is looked at once more.
    #[track_caller]
    pub fn ends(mut self) -> Books {
        self.scene.server.terminate();
        assert_eq!(self.scene.server.ended().code(), Some(0));
        self.books.agree_with(&Ledger::of(&self.scene.site));
        let verified = self.scene.site.run(&["audit", "verify", "acme"]);
        assert_eq!(verified.code, Some(0), "{verified:?}");
        assert!(!self.books.open().tokens.is_empty(), "nothing was done at all");
        std::mem::take(&mut self.books)
    }
}

/// Three agents, of which each hands to the next, and a provider that ends sessions.
fn declared(org: &str) -> String {
    let reader = "[[agents]]\nid = \"reader\"\nscope = \"documents:read\"\n\n[[resources]]";
    let org = changed(org, "[[resources]]", reader);
    let org = changed(&org, "\"researcher\", ", "\"researcher\", \"reader\", ");
    connected(&org, "\n[connections.logout]\n")
}

fn serve(site: &Site, files: Option<&Files>) -> Server {
    let config = site.path("actas.toml");
    let mut command = actas(["serve", "--config", config.to_str().unwrap()]);
    if let Some(files) = files {
        files.come_between(&mut command);
    }
    Server::of(command)
}

/// Kills a server within microseconds: it waits beside it with the sword drawn.
pub struct Killer {
    shell: Child,
    waits: Mutex<Option<ChildStdin>>,
}

impl Killer {
    pub fn of(server: &Server) -> Self {
        let script = format!("read -r _ && kill -KILL {}", server.id());
        let mut command = Command::new("sh");
        command.args(["-c", &script]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut shell = command.spawn().unwrap();
        let waits = Mutex::new(shell.stdin.take());
        Self { shell, waits }
    }

    pub fn strike(&self) {
        if let Some(mut stdin) = self.waits.lock().unwrap().take() {
            stdin.write_all(b"now\n").unwrap();
        }
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        // Nothing to strike any more: it reads the end of its input, and must not strike then.
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}

/// Says so when it goes out of scope.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
