//! The WASM in parts: one that every page needs, and one for each page that no other needs.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use walrus::ir::Value;
use walrus::passes::gc;
use walrus::{ConstExpr, DataKind, Module};
use wasm_split_cli_support::{Options, transform};
use wasmparser::{Parser, Payload};

/// Code that this many pages need belongs to the part that all load: a page then loads two parts and not twenty, and one
/// part packs better than twenty.
const SHARED_BY: usize = 2;

/// Begins the names by which shared functions are held in the main part. No such export is in what is built.
const HELD: &str = "tollgate shared ";

/// The module that the main part imports the loaders of pages from.
const LINK: &str = "./__wasm_split.js";

/// The WASM in parts, before wasm-bindgen has seen the main one.
pub struct Split {
    pub main: PathBuf,
    /// The name that leptos gives a page -> the stems of the files beside the main one that the page needs.
    pub pages: BTreeMap<String, Vec<String>>,
    /// Constants that only the main part has room for.
    data: Vec<PathBuf>,
    /// In builds with assertions, parts check by a name that they belong together.
    canary: Option<String>,
}

/// Splits what the compiler made, which must have been linked with `--emit-relocs`.
pub fn split(whole: &[u8], out: &Path) -> Result<Split> {
    let first = out.join("first");
    let (_, pages) = parts(whole, &first)?;
    let shared = shared_functions(&first, &pages)?;
    fs::remove_dir_all(&first)?;
    let whole = exporting(whole, &shared)?;
    let (main, mut pages) = parts(&whole, out)?;

    // What is left of shared parts is constants, since all their functions are in the main one.
    let mut data = Vec::new();
    for stem in stems(&pages) {
        let path = out.join(format!("{stem}.wasm"));
        let mut part = Module::from_file(&path)?;
        gc::run(&mut part);
        if part.funcs.iter_local().next().is_none() {
            data.push(path);
            pages.values_mut().for_each(|parts| parts.retain(|part| *part != stem));
        }
    }
    // Shorter names, for people who look what a browser loads.
    let named: HashMap<String, String> = stems(&pages).into_iter().map(|stem| (stem.clone(), short(&stem))).collect();
    for (stem, name) in &named {
        fs::rename(out.join(format!("{stem}.wasm")), out.join(format!("{name}.wasm")))?;
    }
    pages.values_mut().flatten().for_each(|stem| *stem = named[stem].clone());
    let link = fs::read_to_string(out.join(LINK))?;
    let canary = link.split_once(": ~0xdead").and_then(|(before, _)| before.rsplit(' ').next()).map(str::to_owned);
    fs::remove_file(out.join(LINK))?;
    Ok(Split { main, pages, data, canary })
}

impl Split {
    /// The main part as wasm-bindgen left it, with the constants of parts that are no more, and without the names that
    /// held its functions.
    pub fn finish(&self, main: &[u8]) -> Result<Vec<u8>> {
        let mut module = Module::from_buffer(main)?;
        let held = module.exports.iter().filter(|export| export.name.starts_with(HELD)).map(|export| export.id());
        held.collect::<Vec<_>>().into_iter().for_each(|export| module.exports.delete(export));
        let memory = module.memories.iter().next().context("the WASM has no memory")?.id();
        for path in &self.data {
            for data in Module::from_file(path)?.data.iter() {
                let DataKind::Active { offset: ConstExpr::Value(Value::I32(offset)), .. } = data.kind else {
                    bail!("{} holds data whose place is not known", path.display());
                };
                if !data.value.is_empty() {
                    let offset = ConstExpr::Value(Value::I32(offset));
                    module.data.add(DataKind::Active { memory, offset }, data.value.clone());
                }
            }
            fs::remove_file(path)?;
        }
        Ok(module.emit_wasm())
    }

    /// The glue, with what loads the parts written after it instead of standing in a file of its own. The largest stand
    /// first: they are loaded ahead first, since links would wait longest for them.
    pub fn glue(&self, js: &str) -> Result<String> {
        let import = |line: &&str| line.starts_with("import ") && line.contains(LINK);
        let mut glue: String = js.lines().filter(|line| !import(line)).flat_map(|line| [line, "\n"]).collect();
        let shared = self.canary.as_ref().map_or("wasm".into(), |canary| format!("{{ ...wasm, {canary}: ~0xdead }}"));
        glue.push_str(&include_str!("parts.js").replace("SHARED", &shared));
        let size = |stem: &String| Ok(fs::metadata(self.main.with_file_name(format!("{stem}.wasm")))?.len());
        let mut pages = Vec::new();
        for (page, files) in &self.pages {
            pages.push((files.iter().map(size).sum::<Result<u64>>()?, page, files));
        }
        pages.sort_unstable_by_key(|(size, ..)| Reverse(*size));
        glue.push_str("const pages = {\n");
        for (_, page, files) in pages {
            let files: Vec<_> = files.iter().map(|stem| format!("\"./{stem}.wasm\"")).collect();
            glue.push_str(&format!("    __wasm_split_load_{page}: page({}),\n", files.join(", ")));
        }
        glue.push_str("};\n");
        for name in js.lines().filter(import).filter_map(|line| line.split(' ').nth(3)) {
            glue.push_str(&format!("const {name} = pages;\n"));
        }
        Ok(glue)
    }
}

/// One round of the splitter: the main part, and which others each page needs.
fn parts(whole: &[u8], out: &Path) -> Result<(PathBuf, BTreeMap<String, Vec<String>>)> {
    let main = out.join("main.wasm");
    let mut options = Options::new(whole);
    options.output_dir = out;
    options.main_out_path = &main;
    options.link_name = LINK;
    let split = transform(options).map_err(|error| anyhow!("the WASM cannot be split: {error:#}"))?;
    Ok((main, split.prefetch_map.into_iter().collect()))
}

fn stems(pages: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let all: HashSet<_> = pages.values().flatten().cloned().collect();
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort();
    all
}

/// The names of the functions in parts that several pages need.
fn shared_functions(folder: &Path, pages: &BTreeMap<String, Vec<String>>) -> Result<HashSet<String>> {
    let mut names = HashSet::new();
    for stem in stems(pages) {
        if pages.values().filter(|parts| parts.contains(&stem)).count() >= SHARED_BY {
            let module = Module::from_file(folder.join(format!("{stem}.wasm")))?;
            names.extend(module.funcs.iter_local().filter_map(|(id, _)| module.funcs.get(id).name.clone()));
        }
    }
    Ok(names)
}

/// The module with these functions exported, which keeps them in the main part. Byte by byte: the relocations, by which it
/// is to be split, would not survive a library.
fn exporting(whole: &[u8], names: &HashSet<String>) -> Result<Vec<u8>> {
    let module = Module::from_buffer(whole)?;
    let mut exports = Vec::new();
    let mut count = 0;
    for (index, function) in module.funcs.iter().enumerate() {
        if function.name.as_ref().is_some_and(|name| names.contains(name)) {
            let name = format!("{HELD}{index}");
            leb128(name.len(), &mut exports);
            exports.extend(name.as_bytes());
            exports.push(0);
            leb128(index, &mut exports);
            count += 1;
        }
    }
    for part in Parser::new(0).parse_all(whole) {
        if let Payload::ExportSection(section) = part? {
            let old = section.range();
            // The section begins with how many there are.
            let entries = old.start + leb128(section.count() as usize, &mut Vec::new());
            let mut new = Vec::new();
            leb128(section.count() as usize + count, &mut new);
            new.extend(&whole[entries..old.end]);
            new.extend(exports);
            // And before it stands its length, after the byte that says what it is.
            let length = leb128(old.len(), &mut Vec::new());
            let mut wasm = whole[..old.start - length].to_vec();
            leb128(new.len(), &mut wasm);
            wasm.extend(new);
            wasm.extend(&whole[old.end..]);
            return Ok(wasm);
        }
    }
    bail!("the WASM exports nothing")
}

/// Writes a number as WASM does, and says in how many bytes.
fn leb128(mut number: usize, to: &mut Vec<u8>) -> usize {
    let before = to.len();
    while number >= 0x80 {
        to.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
    to.len() - before
}

/// `__sign_in_view_123`, as leptos names a lazy view, -> `SignIn`, as it is named in the code.
pub fn page_name(view: &str) -> String {
    let name = view.trim_start_matches('_').rsplit_once("_view_").map_or(view, |(name, _)| name);
    let words = name.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect::<String>()
    });
    words.collect()
}

/// `split___sign_in_view_123` -> `sign_in`; any other name stays.
fn short(stem: &str) -> String {
    let name = stem.strip_prefix("split___").and_then(|rest| rest.rsplit_once("_view_"));
    name.map_or(stem, |(name, _)| name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_wasm_reads_them() {
        for (number, bytes) in
            [(0, vec![0]), (127, vec![0x7f]), (128, vec![0x80, 1]), (624_485, vec![0xe5, 0x8e, 0x26])]
        {
            let mut written = Vec::new();
            assert_eq!(leb128(number, &mut written), bytes.len());
            assert_eq!(written, bytes);
        }
    }

    #[test]
    fn files_and_pages_are_called_as_in_the_code() {
        assert_eq!(page_name("__sign_in_view_113637"), "SignIn");
        assert_eq!(short("split___sign_in_view_113637"), "sign_in");
        assert_eq!(short("chunk_8"), "chunk_8");
    }
}
