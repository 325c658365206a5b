//! Everything that the browser downloads, gathered in `target/assets` under names that carry their content's hash.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::pack::{Packer, hash, is_compressible, write_whole};
use crate::split::page_name;
use crate::{Build, css, script, step, wasm};

/// Path below `target/assets` (and so the URL) -> content.
type Files = BTreeMap<String, Vec<u8>>;

pub fn build(build: &Build) -> Result<()> {
    eprintln!("Assets for the browser{}", if build.dev { ", quickly made" } else { "" });
    // The style first: its mistakes show in a blink, those of the WASM after minutes.
    let css = step("css", || css::bundle(&build.root.join("style/layers.css")))?;
    let glued = wasm::build(build)?;
    let (plain, manifest) = gather(build, css, &glued)?;
    let packer = Packer { cache: build.target.join("xtask/packed"), dev: build.dev };
    let mut files = step("compress", || pack(&packer, plain))?;
    files.insert("manifest.json".into(), manifest);
    let changed = sync(&build.root.join("target/assets"), &files)?;
    eprintln!("  target/assets: {} files, {changed} changed", files.len());
    Ok(())
}

/// The files as they are, before compression, and the list by which the server knows their hashed names.
fn gather(build: &Build, css: String, glued: &Path) -> Result<(Files, Vec<u8>)> {
    let mut files = Files::new();
    let wasm = fs::read(glued.join("tollgate_bg.wasm"))?;
    let mut js = fs::read_to_string(glued.join("tollgate.js"))?;

    // Some crates bring JavaScript in files of their own. Their folder's name takes a hash, as all names here do.
    let mut snippets = Files::new();
    read_tree(&glued.join("snippets"), "", &mut snippets)?;
    if !snippets.is_empty() {
        let all: Vec<u8> = snippets.iter().flat_map(|(path, text)| [path.as_bytes(), text].concat()).collect();
        let folder = format!("snippets.{}", hash(&all));
        js = js.replace("./snippets/", &format!("./{folder}/"));
        files.extend(snippets.into_iter().map(|(path, text)| (format!("pkg/{folder}/{path}"), text)));
    }

    // The glue loads parts by their names, and the server names in a page's head those that it needs.
    let mut parts = Files::new();
    read_tree(&glued.join(wasm::PAGES), "", &mut parts)?;
    let mut urls = BTreeMap::new();
    for (path, content) in parts {
        let stem = path.trim_end_matches(".wasm");
        let hashed = format!("{stem}.{}.wasm", hash(&content));
        js = js.replace(&format!("\"./{path}\""), &format!("\"./{hashed}\""));
        urls.insert(stem.to_owned(), format!("/pkg/{hashed}"));
        files.insert(format!("pkg/{hashed}"), content);
    }
    let needs: BTreeMap<String, Vec<String>> = serde_json::from_slice(&fs::read(glued.join(wasm::PARTS))?)?;
    let pages: BTreeMap<_, Vec<_>> = needs
        .into_iter()
        .map(|(view, parts)| (page_name(&view), parts.iter().map(|part| &urls[part]).collect()))
        .collect();

    let js = if build.dev { js } else { script::short_and_compiled(&js)? }.into_bytes();
    let mut names = serde_json::Map::new();
    for (kind, content) in [("js", js), ("wasm", wasm), ("css", css.into_bytes())] {
        let path = format!("pkg/tollgate.{}.{kind}", hash(&content));
        names.insert(kind.into(), format!("/{path}").into());
        files.insert(path, content);
    }
    // It stands in the page itself: a file would come too late.
    let worker = if build.dev { String::new() } else { script::short(include_str!("warm.js"))? };
    names.insert("worker".into(), worker.into());
    names.insert("pages".into(), serde_json::to_value(&pages)?);
    read_tree(&build.root.join("public"), "", &mut files)?;
    Ok((files, serde_json::to_vec_pretty(&names)?))
}

/// Adds `.br` and `.gz` where they are smaller, and prints what a browser will download.
fn pack(packer: &Packer, plain: Files) -> Result<Files> {
    fs::create_dir_all(&packer.cache)?;
    let mut files = Files::new();
    let mut kept = Vec::new();
    for (path, content) in plain {
        if is_compressible(&path) {
            kept.push(hash(&content));
            let packed = packer.pack(&content)?;
            if path.starts_with("pkg/") {
                let kb = |bytes: usize| bytes as f64 / 1000.0;
                eprintln!("    {path:<40} {:>8.1} KB, brotli {:>7.1} KB", kb(content.len()), kb(packed.br.len()));
            }
            for (ending, twin) in [("br", packed.br), ("gz", packed.gz)] {
                if twin.len() < content.len() {
                    files.insert(format!("{path}.{ending}"), twin);
                }
            }
        }
        files.insert(path, content);
    }
    packer.forget_others(&kept)?;
    Ok(files)
}

/// Makes the folder hold exactly these files. What is already right is not touched: the server is compiled again
/// when anything here is newer than it.
fn sync(folder: &Path, files: &Files) -> Result<usize> {
    let mut changed = 0;
    let mut present = Files::new();
    read_tree(folder, "", &mut present)?;
    for stray in present.keys().filter(|path| !files.contains_key(*path)) {
        fs::remove_file(folder.join(stray))?;
        changed += 1;
    }
    for (path, content) in files.iter().filter(|(path, content)| present.get(*path) != Some(*content)) {
        write_whole(&folder.join(path), content)?;
        changed += 1;
    }
    Ok(changed)
}

fn read_tree(folder: &Path, prefix: &str, files: &mut Files) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            read_tree(&path, &format!("{prefix}{name}/"), files)?;
        } else if !name.starts_with('.') && !name.ends_with(".part") {
            files.insert(format!("{prefix}{name}"), fs::read(&path)?);
        }
    }
    Ok(())
}
