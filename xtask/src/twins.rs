//! What the compiler leaves in the WASM more than once: equal functions, one for each type they were made for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::{Context, Result, ensure};
use walrus::ir::{VisitorMut, dfs_pre_order_mut};
use walrus::passes::gc;
use walrus::{ConstExpr, ElementItems, ExportItem, FunctionId, Module, ModuleConfig};
use wasmparser::{Parser, Payload};

/// The module with each of several equal functions but once. The compiler makes one for each type they are for; after one
/// round their callers may be equal too.
pub fn merged(mut wasm: Vec<u8>) -> Result<Vec<u8>> {
    let mut gone = 0;
    let mut config = ModuleConfig::new();
    config.generate_producers_section(false);
    // A handful of rounds finds nearly all.
    for _ in 0..8 {
        let mut module = config.parse(&wasm).context("the WASM cannot be read")?;
        let twins = twins(&module, &wasm)?;
        let is_done = twins.is_empty();
        gone += twins.len();
        let mut instead = Instead(twins);
        for (_, function) in module.funcs.iter_local_mut() {
            let entry = function.entry_block();
            dfs_pre_order_mut(&mut instead, function, entry);
        }
        for element in module.elements.iter_mut() {
            match &mut element.items {
                ElementItems::Functions(ids) => ids.iter_mut().for_each(|id| instead.visit_function_id_mut(id)),
                ElementItems::Expressions(_, items) => {
                    for item in items {
                        if let ConstExpr::RefFunc(id) = item {
                            instead.visit_function_id_mut(id);
                        }
                    }
                }
            }
        }
        // What remains to be said of the module is said to linkers.
        module.customs.remove_raw("target_features");
        gc::run(&mut module);
        wasm = module.emit_wasm();
        if is_done {
            break;
        }
    }
    if gone > 0 {
        eprintln!("    {gone} functions that others are equal to");
    }
    Ok(wasm)
}

/// Functions of one type and with one body: each, and the first of them.
fn twins(module: &Module, wasm: &[u8]) -> Result<HashMap<FunctionId, FunctionId>> {
    let mut bodies = Vec::new();
    for part in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = part? {
            bodies.push(&wasm[body.range()]);
        }
    }
    // Functions are in the order of the file.
    let ids: Vec<_> = module.funcs.iter_local().map(|(id, _)| id).collect();
    ensure!(ids.len() == bodies.len(), "{} functions have {} bodies", ids.len(), bodies.len());
    let exported: Vec<_> = module.exports.iter().map(|export| export.item).collect();
    let mut first = HashMap::new();
    let mut twins = HashMap::new();
    for (id, body) in ids.into_iter().zip(bodies) {
        match first.entry((module.funcs.get(id).ty(), body)) {
            Entry::Vacant(free) => _ = free.insert(id),
            Entry::Occupied(_) if exported.iter().any(|item| matches!(item, ExportItem::Function(it) if *it == id)) => {
            }
            Entry::Occupied(known) => _ = twins.insert(id, *known.get()),
        }
    }
    Ok(twins)
}

struct Instead(HashMap<FunctionId, FunctionId>);

impl VisitorMut for Instead {
    fn visit_function_id_mut(&mut self, id: &mut FunctionId) {
        if let Some(first) = self.0.get(id) {
            *id = *first;
        }
    }
}
