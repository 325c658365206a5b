//! The build steps that cargo has no word for: `cargo xtask assets` and `cargo xtask build`.

mod assets;
mod css;
mod glue;
mod order;
mod pack;
mod script;
mod split;
mod twins;
mod uncalled;
mod warm;
mod wasm;

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
cargo xtask assets [--dev | --named]   the console's browser half -> target/assets, ready to be embedded
cargo xtask build [--dev]              the same, then the server with it inside -> target/release/tollgate

--dev     quick to build, large to download: for work, not for users
--named   functions of the WASM are called by their keys in xtask/profile.txt: for `end2end/profile`";

/// Where things are and how carefully to make them.
pub struct Build {
    pub root: PathBuf,
    /// Cargo's target folder, which `CARGO_TARGET_DIR` may move. `target/assets` never moves.
    pub target: PathBuf,
    pub dev: bool,
    /// The WASM keeps the keys of its functions.
    pub named: bool,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args[..] {
        ["assets"] => assets(false, false),
        ["assets", "--dev"] => assets(true, false),
        ["assets", "--named"] => assets(false, true),
        ["build"] => build(false),
        ["build", "--dev"] => build(true),
        ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(anyhow::anyhow!("No such task. There are:\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn assets(dev: bool, named: bool) -> Result<()> {
    assets::build(&Build { named, ..Build::here(dev)? })
}

fn build(dev: bool) -> Result<()> {
    let build = Build::here(dev)?;
    assets::build(&build)?;
    step("server", || {
        let mut args = vec!["build", "--bin", "tollgate"];
        if !dev {
            args.push("--release");
        }
        cargo(&build, &args)
    })
}

impl Build {
    fn here(dev: bool) -> Result<Self> {
        let xtask = env::var_os("CARGO_MANIFEST_DIR").context("Start me with `cargo xtask`.")?;
        let root = PathBuf::from(xtask).parent().context("xtask/ has no parent folder")?.to_owned();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir));
        Ok(Self { root, target, dev, named: false })
    }
}

/// Runs one named step and says how long it took.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    eprintln!("  {name} …");
    let value = work()?;
    eprintln!("  {name}: {:.1} s", began.elapsed().as_secs_f32());
    Ok(value)
}

/// Runs cargo again, without the variables by which it described xtask itself: some build scripts (ring's) watch
/// them and would start over each time.
pub fn cargo(build: &Build, args: &[&str]) -> Result<()> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&build.root).args(args);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|own| name.starts_with(own)) {
            command.env_remove(&*name);
        }
    }
    let status = command.status().context("cargo could not be started")?;
    if !status.success() {
        bail!("`cargo {}` failed; what it said is above.", args.join(" "));
    }
    Ok(())
}
