//! Every setting and every command: flag, variable, default, check. A flag beats a variable, a variable beats the file.

use crate::gateway::PrivateUpstreams;
use crate::gateway::seal::MasterKey;
use crate::store::Durability;
use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A self-hosted AI API gateway whose books are exact, with an admin console.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, args_override_self = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway and its console (the default). The first start creates the data folder, the database and the
    /// master key, and prints the link where the first admin signs up.
    Serve(Box<Serve>),
    /// Accounts, for scripts.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Permissions to use the management API.
    #[command(subcommand)]
    ManagementToken(ManagementTokenCommand),
    /// Recount every rollup, balance and shared meter from the rows, beside a running server or without one; exits 1
    /// and names each difference.
    #[command(args_override_self = true)]
    Audit {
        #[command(flatten)]
        place: Place,
    },
    /// Print the management API's OpenAPI document.
    Openapi,
}

#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Make an account.
    #[command(args_override_self = true)]
    Create {
        #[arg(long)]
        email: String,
        #[arg(long, value_enum, default_value_t = RoleName::User)]
        role: RoleName,
        /// Read the password from standard input; one trailing newline is not part of it.
        #[arg(long, required = true)]
        password_stdin: bool,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Subcommand)]
pub enum ManagementTokenCommand {
    /// Make a management token and print it, once.
    #[command(args_override_self = true)]
    Create {
        /// The account in whose name it manages.
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleName {
    Admin,
    User,
}

/// Where the books are.
#[derive(Clone, Debug, Args)]
pub struct Place {
    /// Folder of the embedded database and the master key.
    #[arg(long, env = "TOLLGATE_DATA_DIR", default_value = "./data", value_name = "DIR")]
    pub data_dir: PathBuf,
    /// `sqlite://PATH`, or `postgres://…` for one or more nodes [default: sqlite://<data-dir>/tollgate.db]
    #[arg(long, env = "TOLLGATE_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// File of the master key, which encrypts provider credentials and peppers key hashes; made with mode 0600 on the
    /// first start. The key itself, 64 hex digits, may stand in TOLLGATE_MASTER_KEY instead
    /// [default: <data-dir>/master.key]
    #[arg(long, env = "TOLLGATE_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,
    #[arg(long, env = "TOLLGATE_MASTER_KEY", hide = true, hide_env_values = true)]
    pub master_key: Option<String>,
    /// `process` survives a killed process, `strict` a power cut too.
    #[arg(long, env = "TOLLGATE_DURABILITY", value_enum, default_value_t = DurabilityName::Process)]
    pub durability: DurabilityName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DurabilityName {
    Process,
    Strict,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PrivateName {
    Allow,
    Deny,
}

#[derive(Clone, Debug, Args)]
#[command(args_override_self = true)]
pub struct Serve {
    #[command(flatten)]
    pub place: Place,
    /// Address to listen on.
    #[arg(long, env = "TOLLGATE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// Where people reach this gateway: the origin for cookies and links.
    #[arg(long, env = "TOLLGATE_PUBLIC_URL", default_value = "http://localhost:8080", value_name = "URL")]
    pub public_url: String,
    /// Whether providers may live on loopback and private addresses. Link-local and cloud metadata addresses are
    /// always refused.
    #[arg(long, env = "TOLLGATE_PRIVATE_UPSTREAMS", value_enum, default_value_t = PrivateName::Allow)]
    pub private_upstreams: PrivateName,
    /// Largest request body of a model call, in bytes.
    #[arg(long, env = "TOLLGATE_MAX_BODY_BYTES", default_value_t = 32 << 20, value_name = "BYTES")]
    pub max_body_bytes: usize,
    /// Output tokens held for a call that does not say how many it wants.
    #[arg(long, env = "TOLLGATE_DEFAULT_MAX_OUTPUT", default_value_t = 4_096, value_name = "TOKENS")]
    pub default_max_output: u64,
    /// How often a call is tried again where every way has failed it before it began to answer.
    #[arg(long, env = "TOLLGATE_UPSTREAM_RETRIES", default_value_t = 2, value_name = "TIMES")]
    pub upstream_retries: u32,
    /// Believe `X-Forwarded-For` from these addresses; may be given several times, or as a list with commas.
    #[arg(long, env = "TOLLGATE_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',', action = clap::ArgAction::Append)]
    pub trusted_proxy: Vec<IpNet>,
    /// How long streams may go on after SIGTERM, in seconds.
    #[arg(long, env = "TOLLGATE_DRAIN_TIMEOUT", default_value_t = 60, value_name = "SECONDS")]
    pub drain_timeout: u64,
    /// Settings file: the names of these flags without dashes in front, as TOML [default: tollgate.toml, if there is one]
    #[arg(long, env = "TOLLGATE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl Cli {
    /// Reads the command line, the environment and the settings file.
    ///
    /// # Errors
    /// When the file cannot be read or holds what no setting takes. A wrong flag ends the process with its message.
    pub fn read() -> anyhow::Result<Self> {
        let mut words: Vec<OsString> = std::env::args_os().collect();
        let is_command = |word: &OsString| {
            let known =
                ["serve", "account", "management-token", "audit", "openapi", "help", "-h", "--help", "-V", "--version"];
            known.iter().any(|name| word == name)
        };
        if !words.get(1).is_some_and(is_command) {
            words.insert(1, "serve".into());
        }
        if words[1] == "serve" {
            // The file's settings come first, so that flags override them; those that a variable sets are left out.
            let from_file = file_settings(&words)?;
            words.splice(2..2, from_file);
        }
        Ok(Cli::parse_from(words))
    }
}

/// The settings file as flags.
fn file_settings(words: &[OsString]) -> anyhow::Result<Vec<OsString>> {
    let after_flag = words.iter().position(|word| word == "--config").and_then(|place| words.get(place + 1).cloned());
    let joined = words.iter().find_map(|word| word.to_str()?.strip_prefix("--config=").map(OsString::from));
    let named = after_flag.or(joined).or_else(|| std::env::var_os("TOLLGATE_CONFIG"));
    let path = match &named {
        Some(path) => PathBuf::from(path),
        None if Path::new("tollgate.toml").exists() => PathBuf::from("tollgate.toml"),
        None => return Ok(Vec::new()),
    };
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let table: toml::Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    let mut flags = Vec::new();
    for (name, value) in table {
        let name = name.replace('_', "-");
        let variable = format!("TOLLGATE_{}", name.replace('-', "_").to_uppercase());
        if std::env::var_os(&variable).is_some() {
            continue;
        }
        let values = match value {
            toml::Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                other => bail!("{}: {name} = {other} is neither a text nor a number", path.display()),
            };
            flags.push(format!("--{name}={text}").into());
        }
    }
    Ok(flags)
}

impl Place {
    /// The address of the database.
    pub fn database_url(&self) -> String {
        match &self.database_url {
            Some(url) => url.clone(),
            None => format!("sqlite://{}", self.data_dir.join("tollgate.db").display()),
        }
    }

    pub fn durability(&self) -> Durability {
        match self.durability {
            DurabilityName::Process => Durability::Process,
            DurabilityName::Strict => Durability::Strict,
        }
    }

    /// The embedded database's file; `None` on PostgreSQL.
    pub fn database_file(&self) -> Option<PathBuf> {
        let url = self.database_url();
        let path = url.strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
    }

    /// The master key: the one given, the one in its file, or a new one in a new file.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds no key.
    pub fn master_key(&self) -> anyhow::Result<MasterKey> {
        if let Some(text) = &self.master_key {
            return MasterKey::parse(text).context("TOLLGATE_MASTER_KEY must hold 64 hex digits");
        }
        let path = self.master_key_file.clone().unwrap_or_else(|| self.data_dir.join("master.key"));
        match std::fs::read_to_string(&path) {
            Ok(text) => MasterKey::parse(&text).with_context(|| format!("{} must hold 64 hex digits", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let known = self.database_file().is_some_and(|file| file.exists());
                if known {
                    bail!(
                        "{} is missing, and the database was made with it. Put it back, or give the key in TOLLGATE_MASTER_KEY",
                        path.display()
                    );
                }
                let key = MasterKey::random();
                write_secret(&path, &key.to_hex()).with_context(|| format!("cannot write {}", path.display()))?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

/// A file that its owner alone may read.
fn write_secret(path: &Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

impl Serve {
    /// # Errors
    /// When the public URL is not an origin.
    pub fn check(&self) -> anyhow::Result<()> {
        let uri: http::Uri = self.public_url.parse().context("--public-url is not a URL")?;
        let origin = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.path() == "/";
        if !origin || uri.query().is_some() {
            bail!("--public-url must be an origin such as https://gate.example.com, not {:?}", self.public_url);
        }
        Ok(())
    }

    pub fn private_upstreams(&self) -> PrivateUpstreams {
        match self.private_upstreams {
            PrivateName::Allow => PrivateUpstreams::Allow,
            PrivateName::Deny => PrivateUpstreams::Deny,
        }
    }

    /// The public URL without a slash at its end.
    pub fn origin(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }
}
