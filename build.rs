//! Compiles the server again when `cargo xtask assets` has made something new to embed.

use std::env;
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The browser's half embeds nothing, and must not be compiled again because of itself.
    if env::var_os("CARGO_FEATURE_SSR").is_none() {
        return;
    }
    let assets = Path::new("target/assets");
    println!("cargo::rerun-if-changed={}", assets.display());
    // A fresh clone has none yet. Cargo would take a missing folder, or one younger than this run, for a change.
    if !assets.exists() && fs::create_dir_all(assets).is_ok() {
        let _ = File::open(assets).and_then(|folder| folder.set_modified(SystemTime::UNIX_EPOCH));
    }
}
