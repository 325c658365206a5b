//! What the compiler must leave in the WASM, since its address is taken, though the console never calls it.

use std::collections::HashSet;

use anyhow::{Context, Result, ensure};
use rustc_demangle::demangle;
use walrus::ir::{Call, Visitor, dfs_in_order};
use walrus::{FunctionBuilder, FunctionId, FunctionKind, Module};

/// Whose bodies are taken out, and why nothing calls them. Should something do so after all, it stops right there, and so
/// does the browser test that came by.
const UNCALLED: [&str; 2] = [
    // `hydrate` in `src/lib.rs` loads what a page needs first, and wakes it in one go.
    "tachys::view::any_view::IntoAny>::into_any::hydrate_async",
    // The server alone asks which addresses there are.
    "any_nested_route::IntoAnyNestedRoute>::into_any_nested_route::generate_routes",
];

/// How many functions of each kind were found in all parts.
#[derive(Default)]
pub struct Uncalled([usize; UNCALLED.len()]);

impl Uncalled {
    /// The module with nothing in those functions. What only they called goes with the next collection.
    pub fn emptied(&mut self, wasm: &[u8]) -> Result<Vec<u8>> {
        let mut module = Module::from_buffer(wasm).context("the WASM cannot be read")?;
        let names = module.funcs.iter_local().filter_map(|(id, _)| Some((id, module.funcs.get(id).name.clone()?)));
        let mut emptied = HashSet::new();
        for (id, name) in names.collect::<Vec<_>>() {
            if let Some(kind) = kind(&name) {
                self.0[kind] += 1;
                empty(&mut module, id);
                emptied.insert(id);
            }
        }
        // Now only others can still call one, as where the compiler gave two equal functions one body.
        for (_, function) in module.funcs.iter_local() {
            let mut calls = Calls { to: &emptied, found: false };
            dfs_in_order(&mut calls, function, function.entry_block());
            ensure!(!calls.found, "a function is called that was taken for one that never is (xtask/src/uncalled.rs)");
        }
        Ok(module.emit_wasm())
    }

    /// Fails where a name is no more what it was, which would cost bytes and never be seen.
    pub fn check(&self) -> Result<()> {
        for (name, found) in UNCALLED.iter().zip(self.0) {
            ensure!(
                found > 0,
                "no function is called {name:?} any more: look what became of it (xtask/src/uncalled.rs)"
            );
        }
        eprintln!("    {} functions that are never called", self.0.iter().sum::<usize>());
        Ok(())
    }
}

struct Calls<'a> {
    to: &'a HashSet<FunctionId>,
    found: bool,
}

impl<'instr> Visitor<'instr> for Calls<'_> {
    fn visit_call(&mut self, call: &Call) {
        self.found |= self.to.contains(&call.func);
    }
}

/// Which of the above a function is, or what is written inside it. What drops their values has a name that holds
/// theirs, and stays: it may be the same code as another's.
fn kind(name: &str) -> Option<usize> {
    let name = format!("{:#}", demangle(name));
    if name.starts_with("core::ptr::drop_in_place") {
        return None;
    }
    UNCALLED.iter().position(|uncalled| name.contains(uncalled))
}

fn empty(module: &mut Module, id: FunctionId) {
    let ty = module.types.get(module.funcs.get(id).ty());
    let (params, results) = (ty.params().to_vec(), ty.results().to_vec());
    let arguments = params.iter().map(|&ty| module.locals.add(ty)).collect();
    let mut body = FunctionBuilder::new(&mut module.types, &params, &results);
    body.func_body().unreachable();
    module.funcs.get_mut(id).kind = FunctionKind::Local(body.local_func(arguments));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_known_by_either_form_of_their_names_and_what_drops_them_is_not() {
        let inside = "_ZN53_$LT$T$u20$as$u20$tachys..view..any_view..IntoAny$GT$8into_any13hydrate_async28_$u7b$$u7b$closure\
                      $u7d$$u7d$17hb53a143aff9b04b6E";
        assert_eq!(kind(inside), Some(0));
        let shown = "<T as tachys::view::any_view::IntoAny>::into_any::hydrate_async::h264b227c1cbf6c8a";
        assert_eq!(kind(shown), Some(0));
        assert_eq!(kind("<T as tachys::view::any_view::IntoAny>::into_any::hydrate_from_server::h26"), None);
        let drops = "core::ptr::drop_in_place<<T as tachys::view::any_view::IntoAny>::into_any::hydrate_async<()>::{{closure}}>";
        assert_eq!(kind(drops), None);
    }
}
