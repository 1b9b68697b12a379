//! Between `actas` and the files of `SQLite`: `files.c`, compiled by the compiler that `SQLite` itself
//! was compiled by, and loaded into the process before the C library.

use std::{fs, path::PathBuf, process::Command};

use crate::scene::Site;

/// It is told what to do by files in a folder.
pub struct Files {
    library: PathBuf,
    folder: PathBuf,
}

/// A moment in the life of a write.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Before,
    /// Half of it was written.
    Torn,
    After,
}

impl When {
    pub const ALL: [Self; 3] = [Self::Before, Self::Torn, Self::After];
}

impl Files {
    /// Compiles it; for now it only passes on what is written.
    pub fn of(site: &Site) -> Self {
        let folder = site.path("files");
        fs::create_dir(&folder).unwrap();
        let library = folder.join("files.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/files.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", source, "-ldl", "-o"]);
        let output = compiler.arg(&library).output().expect("a C compiler, `cc`, must be in PATH");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { library, folder }
    }

    /// The command's writes will go through it.
    pub fn come_between(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("ACTAS_TEST_FILES", &self.folder);
    }

    /// The process dies at the `nth` write from now on.
    pub fn kill_at(&self, nth: usize, when: When) {
        let word = match when {
            When::Before => "before",
            When::Torn => "torn",
            When::After => "after",
        };
        // In one piece, or not yet.
        fs::write(self.folder.join("next"), format!("{nth} {word}")).unwrap();
        fs::rename(self.folder.join("next"), self.folder.join("kill")).unwrap();
    }

    /// No file gets longer, until it is told otherwise.
    pub fn are_full(&self, full: bool) {
        let file = self.folder.join("full");
        if full { fs::write(file, "").unwrap() } else { fs::remove_file(file).unwrap() }
    }

    /// Whoever is started next is left alone.
    pub fn rest(&self) {
        // There may be nothing to take back.
        drop(fs::remove_file(self.folder.join("kill")));
    }
}
