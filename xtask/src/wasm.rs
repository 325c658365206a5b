//! The console's WASM and the JavaScript that loads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{Build, cargo, step, twins};

const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles the library for the browser and writes its glue. Returns the folder that holds `tollgate.js`,
/// `tollgate_bg.wasm` and, where a crate brings JavaScript of its own, `snippets/`.
pub fn build(build: &Build) -> Result<PathBuf> {
    target_is_installed()?;
    let (profile, folder) = if build.dev { ("dev", "debug") } else { ("wasm-release", "wasm-release") };
    step("wasm", || {
        let mut args = vec!["build", "--lib", "--package", "tollgate", "--target", TARGET];
        args.extend(["--no-default-features", "--features", "hydrate", "--profile", profile]);
        cargo(build, &args)
    })?;

    let compiled = build.target.join(TARGET).join(folder).join("tollgate.wasm");
    let glued = build.target.join("xtask").join(folder);
    let stamp = glued.join("made-from");
    let made_from = identity(&compiled)?;
    if fs::read_to_string(&stamp).is_ok_and(|was| was == made_from) {
        return Ok(glued);
    }
    step("wasm-bindgen", || glue(&compiled, &glued, build.dev))?;
    fs::write(&stamp, made_from)?;
    Ok(glued)
}

fn glue(compiled: &Path, out: &Path, dev: bool) -> Result<()> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    Bindgen::new()
        .input_path(compiled)
        .out_name("tollgate")
        .web(true)?
        .typescript(false)
        .keep_debug(false)
        .remove_name_section(!dev)
        .remove_producers_section(!dev)
        // The shell says where the WASM is, since its name carries a hash that the glue cannot know.
        .omit_default_module_path(true)
        .generate(out)
        .context("wasm-bindgen refused the WASM; are `wasm-bindgen` and `wasm-bindgen-cli-support` of one version?")?;
    if !dev {
        let path = out.join("tollgate_bg.wasm");
        fs::write(&path, twins::merged(fs::read(&path)?)?)?;
    }
    Ok(())
}

/// Cargo leaves the file alone when nothing changed, so its time and length tell whether it is the same.
fn identity(compiled: &Path) -> Result<String> {
    let about = fs::metadata(compiled).with_context(|| format!("{} was not made", compiled.display()))?;
    let modified = about.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
    Ok(format!("{} bytes, {modified}, {}", about.len(), bindgen_version()))
}

fn bindgen_version() -> &'static str {
    include_str!("../Cargo.toml").lines().find(|line| line.starts_with("wasm-bindgen-cli-support")).unwrap_or_default()
}

fn target_is_installed() -> Result<()> {
    let told = Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
    let told = told.context("rustc was not found: install Rust with rustup, and put ~/.cargo/bin on PATH")?;
    let libraries = String::from_utf8_lossy(&told.stdout);
    if !Path::new(libraries.trim()).is_dir() {
        bail!("Rust cannot compile for the browser yet. Run:  rustup target add {TARGET}");
    }
    Ok(())
}
