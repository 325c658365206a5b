//! What wasm-bindgen writes for any program, cut down to what this one needs.

use std::collections::{HashMap, HashSet};

use anyhow::{Result, bail, ensure};
use walrus::passes::gc;
use walrus::{ImportKind, Module};

/// The script and the main part of the WASM, once all that imports from that part is known.
pub fn lean(js: &str, main: &[u8], parts: &[Vec<u8>]) -> Result<(String, Vec<u8>)> {
    let mut module = Module::from_buffer(main)?;
    let js = without_classes(&js.replace("export { initSync, ", "export { "))?;
    let used: HashSet<&str> = words(&js).collect();
    let mut shared = HashSet::new();
    for part in parts {
        shared.extend(Module::from_buffer(part)?.imports.iter().map(|import| import.name.clone()));
    }
    let is_wanted = |name: &str| used.contains(name) || shared.contains(name);
    let unwanted = module.exports.iter().filter(|export| !is_wanted(&export.name)).map(|export| export.id());
    unwanted.collect::<Vec<_>>().into_iter().for_each(|export| module.exports.delete(export));
    gc::run(&mut module);

    let mut short = HashMap::new();
    for import in module.imports.iter_mut().filter(|import| matches!(import.kind, ImportKind::Function(_))) {
        import.name = shorter(&mut short, &import.name);
    }
    for export in module.exports.iter_mut() {
        // Those of closures. The others have names that people know, or that parts ask for.
        if export.name.starts_with("wasm_bindgen__") && !shared.contains(&export.name) {
            export.name = shorter(&mut short, &export.name);
        }
    }
    ensure!(!used.iter().any(|word| word.starts_with('$') && *word != "$"), "the script has names with a $ of its own");
    Ok((renamed(&js, &short), module.emit_wasm()))
}

/// `__wbg_preventDefault_cfb06b02e7406899` -> `$1a`.
fn shorter(known: &mut HashMap<String, String>, name: &str) -> String {
    let count = known.len();
    known.entry(name.to_owned()).or_insert_with(|| format!("${count:x}")).clone()
}

fn renamed(js: &str, names: &HashMap<String, String>) -> String {
    let mut renamed = String::with_capacity(js.len());
    let mut done = 0;
    for word in words(js) {
        if let Some(name) = names.get(word) {
            let at = word.as_ptr() as usize - js.as_ptr() as usize;
            renamed.push_str(&js[done..at]);
            renamed.push_str(name);
            done = at + word.len();
        }
    }
    renamed.push_str(&js[done..]);
    renamed
}

fn words(js: &str) -> impl Iterator<Item = &str> {
    js.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_' && letter != '$')
}

/// The script without the classes that crates export to other scripts: the console has none. They would hold the functions
/// behind them, and what those need.
fn without_classes(js: &str) -> Result<String> {
    let names: Vec<&str> =
        js.lines().filter_map(|line| line.strip_prefix("export class ")?.strip_suffix(" {")).collect();
    let begins = |line: &str| {
        names.iter().any(|name| {
            line == format!("export class {name} {{")
                || line.starts_with(&format!("if (Symbol.dispose) {name}."))
                || line.starts_with(&format!("const {name}Finalization = "))
        })
    };
    let mut lean = String::with_capacity(js.len());
    let mut lines = js.lines();
    while let Some(line) = lines.next() {
        if !begins(line) {
            lean.push_str(line);
            lean.push('\n');
        } else if !line.ends_with(';') {
            // To the end of the statement, which is the first line that is not further in and closes it.
            let closes = |line: &&str| *line == "}" || line.starts_with("    :") && line.ends_with(';');
            lines.find(closes);
        }
    }
    if let Some(name) = words(&lean).find(|word| names.contains(word)) {
        bail!("the script still needs {name}, a class that was to go");
    }
    Ok(lean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_go_and_what_stands_around_them_stays() {
        let js = "let wasm;\nexport class Sink {\n    free() {\n        SinkFinalization.unregister(this);\n    }\n}\n\
                  if (Symbol.dispose) Sink.prototype[Symbol.dispose] = Sink.prototype.free;\n\
                  export function hydrate() {\n    wasm.hydrate();\n}\n\
                  const SinkFinalization = (typeof FinalizationRegistry === 'undefined')\n    ? { register: () => {} }\n    \
                  : new FinalizationRegistry(ptr => wasm.__wbg_sink_free(ptr, 1));\nconst last = 1;\n";
        assert!(without_classes(&format!("{js}new Sink();\n")).is_err());
        let lean = "let wasm;\nexport function hydrate() {\n    wasm.hydrate();\n}\nconst last = 1;\n";
        assert_eq!(without_classes(js).unwrap(), lean);
    }

    #[test]
    fn names_are_replaced_where_they_stand_alone() {
        let names = HashMap::from([("__wbg_now".to_owned(), "$0".to_owned())]);
        assert_eq!(renamed("{ __wbg_now: 1, __wbg_now_2: 2 }.__wbg_now", &names), "{ $0: 1, __wbg_now_2: 2 }.$0");
    }
}
