//! A tollgate process of one test's own, and what a test asks of it.

use super::calling::{ask, whole};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tollgate::store::{Durability, Store};

const EMAIL: &str = "ada@example.com";

/// Where the books are, if they are not an embedded database of the process's own.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub database_url: Option<String>,
    pub master_key: Option<String>,
    pub durability: Option<&'static str>,
    /// In seconds.
    pub drain_timeout: Option<&'static str>,
}

pub struct Process {
    binary: PathBuf,
    folder: TempDir,
    place: Place,
    pub address: SocketAddr,
    child: Child,
    setup_path: Option<String>,
    management_token: Option<String>,
}

/// A key made for a test.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

impl Process {
    /// A process with an admin.
    pub async fn start() -> Self {
        Self::start_on(Place::default()).await
    }

    pub async fn start_on(place: Place) -> Self {
        let mut process = Self::launch(PathBuf::from(env!("CARGO_BIN_EXE_tollgate")), place).await;
        process.create_admin().await;
        let made = process
            .command(&["management-token", "create", "--email", EMAIL, "--name", "tests"])
            .output()
            .await
            .expect("it runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        process.management_token = Some(String::from_utf8(made.stdout).expect("text").trim().to_owned());
        process
    }

    /// Another process on the same books.
    pub async fn start_beside(other: &Process) -> Self {
        let started = Self::launch(other.binary.clone(), other.place.clone()).await;
        Self { management_token: other.management_token.clone(), ..started }
    }

    pub async fn start_without_admin() -> Self {
        Self::launch(PathBuf::from(env!("CARGO_BIN_EXE_tollgate")), Place::default()).await
    }

    /// A copy of the binary, started where there is nothing else.
    pub async fn start_alone() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("tollgate");
        std::fs::copy(env!("CARGO_BIN_EXE_tollgate"), &copy).expect("a copy");
        Self { folder, ..Self::launch(copy, Place::default()).await }
    }

    async fn launch(binary: PathBuf, place: Place) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (child, address, setup_path) = spawn(&binary, folder.path(), &place).await;
        Self { binary, folder, place, address, child, setup_path, management_token: None }
    }

    /// The same again on the same books, at an address of its own: its old port may be anyone's by now.
    pub async fn restart(&mut self) {
        (self.child, self.address, _) = spawn(&self.binary, self.folder.path(), &self.place).await;
    }

    /// Another command on the same books.
    pub fn command(&self, words: &[&str]) -> Command {
        command(&self.binary, self.folder.path(), &self.place, words)
    }

    pub fn database(&self) -> String {
        let own = || format!("sqlite://{}", self.folder.path().join("data/tollgate.db").display());
        self.place.database_url.clone().unwrap_or_else(own)
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.database(), Durability::Process).await.expect("the store")
    }

    /// What `tollgate audit` says: whether the books balance, and its words.
    pub async fn audit(&self) -> (bool, String) {
        let audit = self.command(&["audit"]).output().await.expect("it runs");
        let words = [audit.stdout, audit.stderr].concat();
        (audit.status.success(), String::from_utf8_lossy(&words).into_owned())
    }

    #[track_caller]
    pub fn assert_sound(&self, (sound, words): (bool, String)) {
        assert!(sound, "the books of {} do not balance:\n{words}", self.database());
    }

    pub fn setup_path(&self) -> Option<String> {
        self.setup_path.clone()
    }

    pub async fn create_admin(&self) {
        let words = ["account", "create", "--email", EMAIL, "--role", "admin", "--password-stdin"];
        let mut child = self.command(&words).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(b"a long enough password\n").await.expect("written");
        drop(stdin);
        assert!(child.wait().await.expect("it ends").success());
    }

    /// Asks the management API, and gives its status and its answer.
    pub async fn manage(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let token = self.management_token.as_deref().expect("started with an admin");
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::from(if body.is_null() { String::new() } else { body.to_string() }))
            .expect("a request");
        let (status, body) = whole(self.address, request).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// Makes a key through the management API.
    pub async fn key(&self, spec: Value) -> Key {
        let (status, made) = self.manage("POST", "/keys", spec).await;
        assert_eq!(status, 201, "{made}");
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        Key { id: text(&made["key"]["id"]), secret: text(&made["secret"]) }
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        whole(self.address, Request::get(path).body(Full::default()).expect("a request")).await
    }

    /// SIGKILL: nothing is said, nothing is flushed. Returns when the process is gone.
    pub async fn kill(&mut self) {
        self.signal("-KILL");
        self.child.wait().await.expect("it ends");
    }

    pub fn terminate(&mut self) {
        self.signal("-TERM");
    }

    /// Stops it in its tracks, wherever it is.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().expect("running").to_string();
        let sent = std::process::Command::new("kill").args([signal, &id]).status().expect("kill runs");
        assert!(sent.success());
    }

    pub async fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().await.expect("it ends").code()
    }
}

fn command(binary: &Path, folder: &Path, place: &Place, words: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(words).arg("--data-dir").arg(folder.join("data")).current_dir(folder).kill_on_drop(true);
    for (variable, value) in [
        ("TOLLGATE_DATABASE_URL", place.database_url.as_deref()),
        ("TOLLGATE_MASTER_KEY", place.master_key.as_deref()),
        ("TOLLGATE_DURABILITY", place.durability),
        ("TOLLGATE_DRAIN_TIMEOUT", place.drain_timeout),
    ] {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    // Calls go to the address that was judged, and to no proxy that the environment names: nobody listens at this one.
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(variable, "http://127.0.0.1:1");
    }
    command
}

/// Starts `serve` on a port of the system's choice and waits until it is ready. Gives its address and the path of the
/// set-up link, if one was printed.
async fn spawn(binary: &Path, folder: &Path, place: &Place) -> (Child, SocketAddr, Option<String>) {
    let mut child = command(binary, folder, place, &["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(match std::env::var_os("TOLLGATE_TEST_LOUD") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        })
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let (mut setup, mut address) = (None, None);
    while let Some(line) = lines.next_line().await.expect("its output") {
        setup = setup.or_else(|| line.find("/setup?token=").map(|at| line[at..].trim().to_owned()));
        if let Some((_, said)) = line.split_once("Listening on ") {
            address = Some(said.trim_end_matches('.').parse().expect("an address"));
            break;
        }
    }
    let address = address.expect("it says where it listens");
    for _ in 0..600 {
        let request: Request<Full<Bytes>> = Request::get("/readyz").body(Full::default()).expect("a request");
        if let Ok((200, _)) = ask(address, request).await {
            return (child, address, setup);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was not ready within half a minute");
}
