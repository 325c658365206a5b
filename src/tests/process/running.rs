//! A tollgate process of one test's own, and what a test asks of it.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const EMAIL: &str = "ada@example.com";

pub struct Process {
    binary: PathBuf,
    folder: TempDir,
    pub address: SocketAddr,
    child: Child,
    setup_path: Option<String>,
    management_token: Option<String>,
}

/// An answer read to its end, or as far as it came.
#[derive(Debug)]
pub struct Answer {
    pub request_id: String,
    pub body: String,
}

impl Process {
    /// A process with an admin.
    pub async fn start() -> Self {
        let mut process = Self::start_without_admin().await;
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

    pub async fn start_without_admin() -> Self {
        Self::launch(PathBuf::from(env!("CARGO_BIN_EXE_tollgate"))).await
    }

    /// A copy of the binary, started where there is nothing else.
    pub async fn start_alone() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("tollgate");
        std::fs::copy(env!("CARGO_BIN_EXE_tollgate"), &copy).expect("a copy");
        Self { folder, ..Self::launch(copy).await }
    }

    async fn launch(binary: PathBuf) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let (child, setup_path) = spawn(&binary, folder.path(), free).await;
        Self { binary, folder, address: free, child, setup_path, management_token: None }
    }

    pub async fn restart(&mut self) {
        (self.child, _) = spawn(&self.binary, self.folder.path(), self.address).await;
    }

    /// Another command on the same books.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(words).arg("--data-dir").arg(self.folder.path().join("data")).current_dir(self.folder.path());
        command.kill_on_drop(true);
        command
    }

    pub fn database(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("data/tollgate.db").display())
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

    /// Makes a key through the management API, and gives its secret.
    pub async fn key(&self, spec: Value) -> String {
        let token = self.management_token.as_deref().expect("started with an admin");
        let request = Request::post("/api/v1/keys")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::from(spec.to_string()))
            .expect("a request");
        let (status, body) = whole(self.address, request).await;
        assert_eq!(status, 201, "{body}");
        let made: Value = serde_json::from_str(&body).expect("JSON");
        made["secret"].as_str().expect("a secret").to_owned()
    }

    pub async fn get(&self, path: &str) -> (u16, String) {
        whole(self.address, Request::get(path).body(Full::default()).expect("a request")).await
    }

    /// SIGKILL: nothing is said, nothing is flushed.
    pub fn kill(&mut self) {
        self.signal("-KILL");
    }

    pub fn terminate(&mut self) {
        self.signal("-TERM");
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

/// Starts `serve` and waits until it is ready. Gives the path of the set-up link, if one was printed.
async fn spawn(binary: &Path, folder: &Path, address: SocketAddr) -> (Child, Option<String>) {
    let mut child = Command::new(binary)
        .args(["serve", "--listen", &address.to_string(), "--public-url", &format!("http://{address}")])
        .arg("--data-dir")
        .arg(folder.join("data"))
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut setup = None;
    while let Some(line) = lines.next_line().await.expect("its output") {
        setup = setup.or_else(|| line.find("/setup?token=").map(|at| line[at..].trim().to_owned()));
        if line.contains("Listening on") {
            break;
        }
    }
    for _ in 0..600 {
        if let Ok((200, _)) = ask(address, Request::get("/readyz").body(Full::default()).expect("a request")).await {
            return (child, setup);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it was not ready within half a minute");
}

async fn whole(address: SocketAddr, request: Request<Full<Bytes>>) -> (u16, String) {
    ask(address, request).await.expect("an answer")
}

async fn ask(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<(u16, String), String> {
    let response = send(address, request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

async fn send(
    address: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> Result<hyper::Response<hyper::body::Incoming>, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let connection = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = connection.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let host = address.to_string().parse().expect("a header value");
    request.headers_mut().insert("host", host);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// A chat completion whose answer has begun.
pub struct Stream {
    request_id: String,
    body: hyper::body::Incoming,
}

impl Stream {
    /// With a wait between chunks. `None` where no answer began.
    pub async fn begin(address: SocketAddr, secret: String, body: Value, delay: Duration) -> Option<Self> {
        let request = Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {secret}"))
            .header("x-tollgate-echo-delay-ms", delay.as_millis().to_string())
            .body(Full::from(body.to_string()))
            .expect("a request");
        let response = send(address, request).await.ok()?;
        let request_id = response.headers().get("x-request-id")?.to_str().ok()?.to_owned();
        Some(Self { request_id, body: response.into_body() })
    }

    /// The answer to its end, or as far as it comes.
    pub async fn rest(mut self) -> Answer {
        let mut text = Vec::new();
        while let Some(Ok(frame)) = self.body.frame().await {
            text.extend_from_slice(frame.data_ref().map(Bytes::as_ref).unwrap_or_default());
        }
        Answer { request_id: self.request_id, body: String::from_utf8_lossy(&text).into_owned() }
    }
}
