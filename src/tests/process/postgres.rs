//! A PostgreSQL of one test's own, to be stopped, started and frozen.

use super::books::shared_at;
use super::running::Place;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

pub struct Server {
    folder: TempDir,
    tools: PathBuf,
    port: u16,
}

/// How it is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Sessions are ended, everything is written.
    Fast,
    /// As by a crash: what was not flushed is gone.
    Immediate,
}

impl Server {
    /// `None` where `./test` has started no server either.
    pub fn start() -> Option<Self> {
        std::env::var_os("TOLLGATE_TEST_POSTGRES")?;
        let folder = tempfile::Builder::new().prefix("tollgate-postgres.").tempdir().expect("a folder");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
        let server = Self { folder, tools: tools(), port };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(server.folder.path()));
        }
        let data = server.data();
        run(server
            .tool("initdb")
            .args(["--username=tollgate", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"])
            .arg(&data));
        server.go();
        Some(server)
    }

    /// Starts it, the first time or again.
    pub fn go(&self) {
        // `fsync=off`: the machine does not lose power in a test, and a shared disk must not slow it down.
        let options = format!(
            "-p {} -k {} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -c shared_buffers=32MB",
            self.port,
            self.folder.path().display()
        );
        let log = self.folder.path().join("postgres.log");
        run(self.pg_ctl().arg("--log").arg(log).args(["--wait", "start", "-o", &options]));
    }

    pub fn stop(&self, how: Stop) {
        let mode = match how {
            Stop::Fast => "--mode=fast",
            Stop::Immediate => "--mode=immediate",
        };
        run(self.pg_ctl().args(["--wait", "stop", mode]));
    }

    /// Stops every process of it in its tracks: connections stay open, and nothing answers.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// A database of one test's own.
    pub async fn database(&self) -> Place {
        shared_at(&format!("postgres://tollgate@127.0.0.1:{}/postgres", self.port)).await
    }

    fn signal(&self, signal: &str) {
        let first = self.first_process().expect("it runs");
        // The first one before its children, so that it makes no more of them.
        let _ = Command::new("kill").args([signal, &first]).status();
        let _ = Command::new("pkill").args([signal, "-P", &first]).status();
    }

    fn first_process(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        text.lines().next().map(str::to_owned)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn pg_ctl(&self) -> Command {
        let mut command = self.tool("pg_ctl");
        command.arg("--silent").arg("--pgdata").arg(self.data());
        command
    }

    /// PostgreSQL refuses to run as root, so root hands over to its user.
    fn tool(&self, name: &str) -> Command {
        let path = self.tools.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.first_process().is_some() {
            self.thaw();
            let _ =
                self.pg_ctl().args(["stop", "--mode=immediate"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}

/// Where `initdb` and `pg_ctl` are: in the path, or where Debian puts them.
fn tools() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let has_it = |folder: &PathBuf| Path::new(folder).join("initdb").exists();
    folders.into_iter().rev().find(has_it).expect("PostgreSQL's programs")
}

/// Runs a program that must succeed.
fn run(command: &mut Command) {
    let done = command.stdout(Stdio::null()).stderr(Stdio::piped()).status().expect("it runs");
    assert!(done.success(), "{command:?} failed");
}
