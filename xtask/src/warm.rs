//! A way for browsers that compile a function only when it is first called to have that done before, beside the page: a
//! worker (`warm.js`) calls the functions that pages call first, each of which stops at once.

use std::collections::HashSet;

use anyhow::{Context, Result, anyhow};
use rustc_demangle::demangle;
use walrus::ir::Value;
use walrus::{ConstExpr, ElementItems, ElementKind, FunctionBuilder, ModuleConfig, RefType, ValType};
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{BlockType, CodeSection, ElementSection, Elements, Instruction, Module};
use wasmparser::{CodeSectionReader, ElementItems as Items, ElementKind as Kind, Parser, Payload, TypeRef};

use crate::pack::hash;

/// What `end2end/profile` found: the keys of functions that some page calls while it loads, an empty line, and those of
/// functions that another calls when a link leads to it. One that is not in it is compiled when it is called; a key that
/// nothing has any more is of no use, and does no harm.
const PROFILE: &str = include_str!("../profile.txt");

/// Exported by a module: the function that fills the list and from which on the others stop, and the list.
const BEGIN: &str = "$warm";
const FIRST: &str = "$first";

/// Letters that a key has.
const KEY: usize = 8;

/// By which a function is known from one build to the next: its name, without what only this build has.
fn key(name: &str) -> String {
    let name = format!("{:#}", demangle(name));
    // Shown already, and with a hash.
    let plain = name.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16).map_or(name.as_str(), |(name, _)| name);
    hash(plain.as_bytes())[..KEY].to_owned()
}

/// The module with a list of its functions that pages call first. `named` leaves it the keys of all as their names.
pub fn listed(wasm: &[u8], named: bool) -> Result<Vec<u8>> {
    listed_by(PROFILE, wasm, named)
}

fn listed_by(profile: &str, wasm: &[u8], named: bool) -> Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(named).generate_producers_section(false);
    let mut module = config.parse(wasm).context("the WASM cannot be read")?;
    let (loading, crossing) = profile.split_once("\n\n").unwrap_or((profile, ""));
    let [loading, crossing] = [loading, crossing].map(|keys| keys.lines().collect::<HashSet<_>>());
    let mut lists = [Vec::new(), Vec::new()];
    let names: Vec<_> = module.funcs.iter_local().map(|(id, _)| (id, module.funcs.get(id).name.clone())).collect();
    for (id, name) in names {
        let key = name.as_deref().map(key);
        let is_in = |keys: &HashSet<&str>| key.as_deref().is_some_and(|key| keys.contains(key));
        if is_in(&loading) {
            lists[0].push(id);
        } else if is_in(&crossing) {
            lists[1].push(id);
        }
        module.funcs.get_mut(id).name = key.filter(|_| named);
    }

    let is_warming = module.globals.add_local(ValType::I32, true, false, ConstExpr::Value(Value::I32(0)));
    let table = module.tables.add_local(false, 0, None, RefType::FUNCREF);
    let count = lists.iter().map(Vec::len).sum::<usize>();
    let mut begin = FunctionBuilder::new(&mut module.types, &[], &[]);
    begin.func_body().ref_null(RefType::FUNCREF).i32_const(count as i32).table_grow(table).drop();
    let mut at = 0;
    for list in lists {
        let count = list.len() as i32;
        let list = module.elements.add(ElementKind::Passive, ElementItems::Functions(list));
        begin.func_body().i32_const(at).i32_const(0).i32_const(count).table_init(table, list);
        at += count;
    }
    begin.func_body().i32_const(1).global_set(is_warming);
    let begin = begin.finish(Vec::new(), &mut module.funcs);
    module.exports.add(BEGIN, begin);
    module.exports.add(FIRST, table);
    Ok(module.emit_wasm())
}

/// The module whose listed functions stop while it is being warmed, and their lists in the order of the functions, which
/// packs best. Nothing follows that would order them anew.
pub fn stopping(wasm: &[u8]) -> Result<Vec<u8>> {
    let (mut globals, mut functions) = (0, 0);
    let mut listed = HashSet::new();
    for part in Parser::new(0).parse_all(wasm) {
        match part? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    match import?.ty {
                        TypeRef::Global(_) => globals += 1,
                        TypeRef::Func(_) => functions += 1,
                        _ => {}
                    }
                }
            }
            Payload::GlobalSection(own) => globals += own.count(),
            Payload::ElementSection(elements) => {
                for element in elements {
                    let element = element?;
                    if let (Kind::Passive, Items::Functions(all)) = (element.kind, element.items) {
                        listed.extend(all.into_iter().collect::<wasmparser::Result<Vec<_>>>()?);
                    }
                }
            }
            _ => {}
        }
    }
    let is_warming = globals.checked_sub(1).context("the WASM has no mark by which functions stop")?;
    eprintln!("    {} functions of those that pages call first", listed.len());
    let mut module = Module::new();
    Stop { imported: functions, is_warming, listed }
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow!("the WASM cannot be made to stop: {error}"))?;
    Ok(module.finish())
}

struct Stop {
    /// How many functions are imported. They come first.
    imported: u32,
    /// The global that was added last.
    is_warming: u32,
    listed: HashSet<u32>,
}

type Done = std::result::Result<(), Error<std::convert::Infallible>>;

impl Reencode for Stop {
    type Error = std::convert::Infallible;

    fn parse_code_section(&mut self, code: &mut CodeSection, old: CodeSectionReader<'_>) -> Done {
        for (at, body) in (self.imported..).zip(old) {
            let body = body?;
            let mut function = self.new_function_with_parsed_locals(&body)?;
            if self.listed.contains(&at) {
                function.instruction(&Instruction::GlobalGet(self.is_warming));
                function.instruction(&Instruction::If(BlockType::Empty));
                function.instruction(&Instruction::Unreachable);
                function.instruction(&Instruction::End);
            }
            let mut reader = body.get_operators_reader()?;
            while !reader.eof() {
                function.instruction(&self.parse_instruction(&mut reader)?);
            }
            code.function(&function);
        }
        Ok(())
    }

    fn parse_element(&mut self, elements: &mut ElementSection, element: wasmparser::Element<'_>) -> Done {
        match (element.kind.clone(), element.items.clone()) {
            (Kind::Passive, Items::Functions(all)) => {
                let mut all = all.into_iter().collect::<wasmparser::Result<Vec<_>>>()?;
                all.sort_unstable();
                elements.passive(Elements::Functions(all.into()));
                Ok(())
            }
            _ => utils::parse_element(self, elements, element),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Two functions, each of which gives a number.
    fn module() -> Vec<u8> {
        let mut module = walrus::Module::default();
        for (name, number) in [("_ZN5pages4load17h0123456789abcdefE", 1), ("pages::click::h0123456789abcdef", 2)] {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
            function.func_body().i32_const(number);
            let id = function.finish(Vec::new(), &mut module.funcs);
            module.funcs.get_mut(id).name = Some(name.to_owned());
            module.exports.add(&number.to_string(), id);
        }
        module.emit_wasm()
    }

    /// The bodies, by the names under which they are exported.
    fn bodies(wasm: &[u8]) -> HashMap<String, Vec<u8>> {
        let (mut names, mut bodies) = (HashMap::new(), Vec::new());
        for part in Parser::new(0).parse_all(wasm) {
            match part.unwrap() {
                Payload::ExportSection(exports) => {
                    names.extend(exports.into_iter().map(Result::unwrap).map(|it| (it.name.to_owned(), it.index)));
                }
                Payload::CodeSectionEntry(body) => bodies.push(wasm[body.range()].to_vec()),
                _ => {}
            }
        }
        names.remove(FIRST);
        names.into_iter().map(|(name, index)| (name, bodies[index as usize].clone())).collect()
    }

    #[test]
    fn a_function_is_known_by_its_name_whichever_build_it_is_of() {
        let loads = key("_ZN5pages4load17h0123456789abcdefE");
        assert_eq!(loads, key("pages::load::hfedcba9876543210"));
        assert_eq!(loads.len(), KEY);
        assert_ne!(loads, key("pages::hydrate::h0123456789abcdef"));
    }

    #[test]
    fn what_pages_call_first_is_listed_and_stops_while_it_is_warmed_and_nothing_else() {
        let wasm = module();
        let before = bodies(&wasm);
        for profile in [key("pages::load"), format!("{}\n\n{}", key("nothing"), key("pages::load"))] {
            let after = stopping(&listed_by(&profile, &wasm, false).unwrap()).unwrap();
            wasmparser::Validator::new().validate_all(&after).unwrap();
            let after = bodies(&after);
            let (no_locals, global_get, the_first, branch, nothing, unreachable, end) =
                (0, 0x23, 0, 0x04, 0x40, 0x00, 0x0b);
            let stops = [no_locals, global_get, the_first, branch, nothing, unreachable, end];
            assert_eq!(after["1"], [&stops, &before["1"][1..]].concat());
            assert_eq!(after["2"], before["2"]);
            assert!(after.contains_key(BEGIN));
        }
    }

    #[test]
    fn the_profile_is_keys_in_two_lists() {
        let (loading, crossing) = PROFILE.split_once("\n\n").unwrap();
        for keys in [loading, crossing] {
            assert!(keys.lines().count() > 100);
            assert!(keys.lines().all(|key| key.len() == KEY && key.bytes().all(|it| it.is_ascii_hexdigit())));
        }
    }
}
