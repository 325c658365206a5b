//! The console's WASM and the JavaScript that loads it.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::split::split;
use crate::uncalled::Uncalled;
use crate::{Build, cargo, glue, order, step, twins, warm};

const TARGET: &str = "wasm32-unknown-unknown";

/// The folder of the parts that pages bring, and the list of which page needs which.
pub const PAGES: &str = "pages";
pub const PARTS: &str = "pages.json";

/// Compiles the library for the browser and writes its glue. Returns the folder that holds `tollgate.js`,
/// `tollgate_bg.wasm`, the parts of pages and, where a crate brings JavaScript of its own, `snippets/`.
pub fn build(build: &Build) -> Result<PathBuf> {
    target_is_installed()?;
    let (profile, folder) = if build.dev { ("dev", "debug") } else { ("wasm-release", "wasm-release") };
    step("wasm", || {
        let mut args = vec!["rustc", "--lib", "--crate-type", "cdylib", "--package", "tollgate", "--target", TARGET];
        args.extend(["--no-default-features", "--features", "hydrate", "--profile", profile]);
        // By the relocations one sees what needs what, and so how to split it.
        args.extend(["--", "-Clink-args=--emit-relocs"]);
        cargo(build, &args)
    })?;

    let compiled = build.target.join(TARGET).join(folder).join("tollgate.wasm");
    let glued = build.target.join("xtask").join(folder);
    let stamp = glued.join("made-from");
    let made_from = identity(&compiled, build.named)?;
    if fs::read_to_string(&stamp).is_ok_and(|was| was == made_from) {
        return Ok(glued);
    }
    step("split, wasm-bindgen", || join(&compiled, &glued, build))?;
    fs::write(&stamp, made_from)?;
    Ok(glued)
}

fn join(compiled: &Path, out: &Path, build: &Build) -> Result<()> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    let pages = out.join(PAGES);
    fs::create_dir_all(&pages)?;
    let split = split(&fs::read(compiled)?, &pages)?;
    Bindgen::new()
        .input_path(&split.main)
        .out_name("tollgate")
        .web(true)?
        .typescript(false)
        // Parts call each other through the table, which the linker exports.
        .keep_lld_exports(true)
        .keep_debug(false)
        // By the names one sees what is never called.
        .remove_name_section(false)
        .remove_producers_section(!build.dev)
        // The shell says where the WASM is, since its name carries a hash that the glue cannot know.
        .omit_default_module_path(true)
        .generate(out)
        .context("wasm-bindgen refused the WASM; are `wasm-bindgen` and `wasm-bindgen-cli-support` of one version?")?;
    fs::remove_file(&split.main)?;
    let main = out.join("tollgate_bg.wasm");
    fs::write(&main, split.finish(&fs::read(&main)?)?)?;
    let js = out.join("tollgate.js");
    fs::write(&js, split.glue(&fs::read_to_string(&js)?)?)?;
    fs::write(out.join(PARTS), serde_json::to_vec(&split.pages)?)?;
    if !build.dev {
        let paths = fs::read_dir(&pages)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        let parts = paths.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
        let (script, wasm) = glue::lean(&fs::read_to_string(&js)?, &fs::read(&main)?, &parts)?;
        fs::write(&js, script)?;
        let mut uncalled = Uncalled::default();
        for (path, part) in paths.iter().chain([&main]).zip(parts.into_iter().chain([wasm])) {
            let listed = warm::listed(&twins::merged(uncalled.emptied(&part)?)?, build.named)?;
            fs::write(path, warm::stopping(&order::alike(&listed)?)?)?;
        }
        uncalled.check()?;
    }
    Ok(())
}

/// Cargo leaves files alone when nothing changed, so their time and length tell whether the WASM is the same and would be
/// glued in the same way.
fn identity(compiled: &Path, named: bool) -> Result<String> {
    let about = |path: &Path| -> Result<String> {
        let about = fs::metadata(path).with_context(|| format!("{} was not made", path.display()))?;
        let modified = about.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
        Ok(format!("{} bytes, {modified}", about.len()))
    };
    Ok(format!("{}; {}{}", about(compiled)?, about(&env::current_exe()?)?, if named { "; named" } else { "" }))
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
