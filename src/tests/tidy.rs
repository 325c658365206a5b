//! What must never be: read off the sources, so that a wall stands from the first day.

use std::fs;
use std::path::{Path, PathBuf};

struct Source {
    /// Below `src/`, such as `domain/key.rs`.
    name: String,
    text: String,
}

impl Source {
    fn lies_in(&self, room: &str) -> bool {
        self.name == format!("{room}.rs") || self.name.starts_with(&format!("{room}/"))
    }

    /// The text without its tests, which may reach anywhere.
    fn code(&self) -> &str {
        self.text.split("\n#[cfg(test)]").next().unwrap_or_default()
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn gather(folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            gather(&entry, sources);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let name = entry.strip_prefix(root().join("src")).expect("below src").to_string_lossy().into_owned();
            sources.push(Source { name, text: fs::read_to_string(&entry).expect("a source") });
        }
    }
}

/// The product's sources; `tests` are not part of it.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    gather(&root().join("src"), &mut sources);
    sources.retain(|source| !source.lies_in("tests"));
    assert!(sources.len() > 50, "the sources were found");
    sources
}

/// Files of a room in whose code one of the words stands.
fn offenders(room: &str, words: &[&str]) -> Vec<String> {
    let rooms = sources();
    let inside = rooms.iter().filter(|source| source.lies_in(room));
    inside
        .flat_map(|source| {
            let found = words.iter().filter(|word| source.code().contains(*word));
            found.map(|word| format!("{} says {word}", source.name)).collect::<Vec<_>>()
        })
        .collect()
}

#[track_caller]
fn never(room: &str, words: &[&str]) {
    let found = offenders(room, words);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_domain_imports_nothing_of_ours_awaits_nothing_and_reads_no_clock() {
    let rooms = ["store", "gateway", "proxy", "api", "console", "auth", "jobs", "server", "config", "clock"];
    let imports: Vec<String> = rooms.iter().map(|room| format!("crate::{room}")).collect();
    let mut words: Vec<&str> = imports.iter().map(String::as_str).collect();
    words.extend(["async ", ".await", "tracing", "println!", "SystemTime", "Instant::now", "::now()", "getrandom"]);
    never("domain", &words);
}

#[test]
fn the_store_knows_no_http_no_leptos_and_no_settings() {
    never(
        "store",
        &["axum", "leptos", "http::", "hyper", "crate::config", "crate::gateway", "crate::auth", "crate::console"],
    );
}

#[test]
fn the_gateway_names_neither_axum_nor_leptos_nor_a_door() {
    let doors = ["crate::proxy", "crate::api", "crate::console", "crate::auth", "crate::jobs", "crate::server"];
    never("gateway", &[["axum", "leptos"].as_slice(), &doors].concat());
}

#[test]
fn the_doors_do_not_see_each_other() {
    never("proxy", &["crate::api", "crate::console", "crate::auth", "leptos"]);
    never("api", &["crate::proxy", "crate::console", "leptos"]);
    never("console", &["crate::proxy", "crate::api"]);
}

#[test]
fn sql_is_in_the_store_alone() {
    let queries = ["sqlx::query", "insert into ", "delete from ", "select * from"];
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| !source.lies_in("store"))
        .filter(|source| queries.iter().any(|query| source.code().contains(query)))
        .map(|source| source.name.clone())
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn features_are_switched_in_lib_and_main_alone() {
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| source.name != "lib.rs" && source.name != "main.rs")
        .filter(|source| source.text.contains("cfg(feature") || source.text.contains("cfg!(feature"))
        .map(|source| source.name.clone())
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_module_says_what_it_is_and_no_file_is_too_long_to_hold_in_mind() {
    let mut all = Vec::new();
    gather(&root().join("src"), &mut all);
    for source in &all {
        assert!(source.text.starts_with("//! "), "{} does not open with a sentence", source.name);
        let lines = source.text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines", source.name);
        let stem = Path::new(&source.name).file_stem().expect("a name").to_string_lossy().into_owned();
        let vague = ["utils", "util", "helpers", "common", "misc", "mod"];
        assert!(!vague.contains(&stem.as_str()), "{} says nothing by its name", source.name);
    }
}

/// The first statement of the function whose signature begins at `start`.
fn first_statement(text: &str, start: usize) -> &str {
    let body = text[start..].find(" {\n").map_or(text.len(), |brace| start + brace + 3);
    text[body..].split([';', '}']).next().unwrap_or_default().trim()
}

/// Server functions that anyone may call: they are how one becomes someone, or say nothing of anybody.
const OPEN_FUNCTIONS: [&str; 5] = ["sign_in", "sign_out", "set_up", "set_preferences", "fetch_viewer"];

#[test]
fn every_server_function_begins_by_asking_who_is_there() {
    for source in sources().iter().filter(|source| source.lies_in("console")) {
        for (place, _) in source.text.match_indices("#[server(prefix") {
            let signature = source.text[place..].find("async fn ").map(|found| place + found + 9);
            let signature = signature.unwrap_or_else(|| panic!("{}: a server function has a signature", source.name));
            let name = source.text[signature..].split(['(', '<']).next().unwrap_or_default();
            if OPEN_FUNCTIONS.contains(&name) {
                continue;
            }
            let first = first_statement(&source.text, signature);
            let asks = first.contains("auth::signed_in()") || first.contains("auth::admin()");
            assert!(asks, "{}: {name} begins with {first:?}", source.name);
        }
    }
}

#[test]
fn what_pages_read_is_read_by_the_one_client() {
    let mut read = 0;
    for source in sources().iter().filter(|source| source.lies_in("console")) {
        for (place, _) in source.text.match_indices("#[server(prefix") {
            let (attribute, rest) = source.text[place..].split_once(']').unwrap_or_default();
            let head = rest.split('{').next().unwrap_or_default();
            if head.contains("-> Result<Wire, Problem>") {
                assert!(attribute.contains("protocol = Reading"), "{}: {attribute}", source.name);
                read += 1;
            }
        }
    }
    assert!(read > 30, "{read}");
}

#[test]
fn every_management_handler_asks_who_is_there_by_its_signature() {
    for source in sources().iter().filter(|source| source.lies_in("api")) {
        for (place, _) in source.text.match_indices("#[utoipa::path(") {
            let signature = &source.text[place..];
            let start =
                signature.find("async fn ").unwrap_or_else(|| panic!("{}: a handler has a signature", source.name));
            let arguments = signature[start..].split(')').next().unwrap_or_default();
            let open = signature[start..].starts_with("async fn openapi");
            assert!(open || arguments.contains("Caller("), "{}: {arguments}", source.name);
        }
    }
}

#[test]
fn the_two_files_of_leptos_options_agree() {
    let options = |file: &str| {
        let text = fs::read_to_string(root().join(file)).expect("a file");
        let table: toml::Table = text.parse().expect("TOML");
        table["package"]["metadata"]["leptos"].as_table().expect("options").clone()
    };
    let build = options("Cargo.toml");
    for (name, value) in options("Leptos.toml") {
        assert_eq!(Some(&value), build.get(&name), "{name}");
    }
}
