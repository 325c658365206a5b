//! The command line. `serve` = read the settings, open the store, migrate, spawn the jobs, serve.

use anyhow::{Context, bail};
use clap::CommandFactory;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tollgate::clock::Clock;
use tollgate::config::{AccountCommand, Cli, Command, ManagementTokenCommand, Place, RoleName, Serve};
use tollgate::domain::account::Role;
use tollgate::gateway::{Gateway, Terms};
use tollgate::server::Doors;
use tollgate::store::Store;
use tollgate::store::audit::{Audit, Counted};
use tollgate::{api, auth, jobs, server};
use tracing_subscriber::EnvFilter;

/// How long the books may take to be closed when the time for streams is over.
const CLOSING: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tollgate: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    match Cli::read()?.command {
        Command::Serve(settings) => serve(&settings).await,
        Command::Account(AccountCommand::Create { email, role, place, .. }) => {
            let role = match role {
                RoleName::Admin => Role::Admin,
                RoleName::User => Role::User,
            };
            let gateway = beside(&place).await?;
            let account = auth::password::create_account(&gateway, &email, role, &password()?).await?;
            println!("{} is an {}.", account.email, if account.is_admin() { "admin" } else { "account" });
            Ok(())
        }
        Command::ManagementToken(ManagementTokenCommand::Create { email, name, place }) => {
            let gateway = beside(&place).await?;
            let known = gateway.account_by_email(&email).await?;
            let (account, _) = known.with_context(|| format!("--email: there is no account {email:?}"))?;
            println!("{}", gateway.create_management_token(&account, &name).await?);
            Ok(())
        }
        Command::Audit { place } => audit(&place).await,
        Command::Openapi => {
            println!("{}", api::openapi().to_pretty_json()?);
            Ok(())
        }
    }
}

async fn serve(settings: &Serve) -> anyhow::Result<()> {
    settings.check()?;
    start_log();
    let place = &settings.place;
    let alone = claim(place)?;
    let master = place.master_key()?;
    let store = open(place).await?;
    let terms =
        Terms { default_max_output: settings.default_max_output, private_upstreams: settings.private_upstreams() };
    let gateway = Gateway::open(store.clone(), Clock::System, master, terms).await?;
    gateway.take_up_books().await?;
    let stop = CancellationToken::new();
    let closed = CancellationToken::new();
    let jobs = jobs::spawn(&gateway, &stop, &closed);
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("--listen: cannot listen on {}", settings.listen))?;
    greet(settings, &gateway, listener.local_addr()?).await?;
    let doors = Doors::new(settings, stop.clone());
    tokio::spawn(on_signal(stop.clone()));
    let over = doors.proxy.cut.clone();
    tokio::spawn(drain(gateway.clone(), stop.clone(), over.clone(), Duration::from_secs(settings.drain_timeout)));
    let closed = async {
        server::serve(listener, server::router(&gateway, &doors), stop, over.clone()).await?;
        closed.cancel();
        jobs.wait().await;
        // Whatever is still in flight is settled before the database closes.
        while gateway.calls_in_flight() > 0 && gateway.settled().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        gateway.stamp_keys().await?;
        gateway.settled().await?;
        gateway.leave().await?;
        drop(alone);
        store.close().await;
        anyhow::Ok(())
    };
    // A database that takes nothing any more must not keep the process: what is not settled then is charged as after a
    // crash, by the next start or by another process.
    let late = async {
        over.cancelled().await;
        tokio::time::sleep(CLOSING).await;
    };
    tokio::select! {
        closed = closed => closed?,
        () = late => bail!("the books could not be closed in time; {} calls are not settled", gateway.calls_in_flight()),
    }
    tracing::info!("stopped; the books are closed");
    Ok(())
}

/// Gives calls their time to end after `stop`, and then tells those that have not that it is `over`.
async fn drain(gateway: Gateway, stop: CancellationToken, over: CancellationToken, time: Duration) {
    stop.cancelled().await;
    tokio::time::sleep(time).await;
    let calls = gateway.calls_in_flight();
    if calls > 0 {
        tracing::warn!(calls, seconds = time.as_secs(), "the drain time is over; calls in flight are cut");
    }
    over.cancel();
}

/// Proves from the rows that the books balance.
async fn audit(place: &Place) -> anyhow::Result<()> {
    let store = open(place).await?;
    let Audit { differences, counted, meters } = store.audit(&Clock::System).await?;
    for one in &differences {
        println!("{one}");
    }
    if !differences.is_empty() {
        bail!("the books do not balance: {} differences, over {} calls", differences.len(), counted.calls);
    }
    let Counted { calls, pending } = counted;
    let shared = if meters > 0 { format!(", {meters} shared meters") } else { String::new() };
    println!("The books balance: {calls} calls, {pending} of them in flight{shared}.");
    Ok(())
}

/// The gateway as the other commands use it, beside a running server or without one.
async fn beside(place: &Place) -> anyhow::Result<Gateway> {
    let master = place.master_key()?;
    Ok(Gateway::open(open(place).await?, Clock::System, master, Terms::default()).await?)
}

async fn open(place: &Place) -> anyhow::Result<Store> {
    if let Some(folder) = place.database_file().as_deref().and_then(std::path::Path::parent) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let store = Store::open(&place.database_url(), place.durability()).await.context("--database-url")?;
    store.migrate().await.context("the database could not be brought to this version")?;
    Ok(store)
}

/// Keeps a second `serve` off the same embedded database: two would each count on their own.
fn claim(place: &Place) -> anyhow::Result<Option<File>> {
    let Some(file) = place.database_file() else { return Ok(None) };
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let lock = file.with_extension("lock");
    let claim = File::create(&lock).with_context(|| format!("cannot write {}", lock.display()))?;
    if claim.try_lock().is_err() {
        bail!("another tollgate serves {}. Stop it first, or give this one a --data-dir of its own", file.display());
    }
    Ok(Some(claim))
}

async fn greet(settings: &Serve, gateway: &Gateway, listening: std::net::SocketAddr) -> anyhow::Result<()> {
    let origin = settings.origin();
    let mut out = std::io::stdout().lock();
    match gateway.new_setup_token().await? {
        Some(token) => writeln!(out, "Welcome. Make the first admin here, once:\n\n  {origin}/setup?token={token}\n")?,
        None => writeln!(out, "The console is at {origin}/")?,
    }
    writeln!(out, "Programs call {origin}/v1 with a key made there. Listening on {listening}.")?;
    out.flush()?;
    Ok(())
}

/// SIGTERM, as service managers send it, or Ctrl-C.
async fn on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be heard; only a kill will stop this process");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no new calls, streams may finish");
    stop.cancel();
}

fn start_log() {
    let filter = EnvFilter::try_from_env("TOLLGATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal).init();
}

/// The password on standard input, without the newline that ends it.
fn password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("the password on standard input is not text")?;
    let text = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(&text);
    if text.is_empty() {
        bail!("--password-stdin: nothing came on standard input. {}", Cli::command().render_usage());
    }
    Ok(text.to_owned())
}
