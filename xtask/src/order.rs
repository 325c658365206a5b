//! Functions side by side with those that are like them, which brotli packs better than any other order.

use std::collections::HashMap;

use anyhow::{Result, anyhow};
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, FunctionSection};
use wasmparser::{CodeSectionReader, FunctionSectionReader, Parser, Payload, TypeRef};

/// Functions are alike that have many runs of this many bytes in common.
const RUN: usize = 4;

/// A run that so many functions have tells nothing of any.
const COMMON: usize = 2000;

/// The same module with its functions in that order. Nothing follows that would order them anew. Names, where a
/// build has them, go along.
pub fn alike(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    for part in Parser::new(0).parse_all(wasm) {
        match part? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(&wasm[body.range()]),
            _ => {}
        }
    }
    let order = order(&bodies);
    let mut place = vec![0; order.len()];
    for (new, &old) in (imported..).zip(&order) {
        place[old] = new;
    }
    let mut module = wasm_encoder::Module::new();
    let mut reorder = Reorder { imported, place, order };
    reorder
        .parse_core_module(&mut module, Parser::new(0), wasm)
        .map_err(|error| anyhow!("the WASM cannot be put in order: {error}"))?;
    Ok(module.finish())
}

/// From each function to the one of those left that is most like it.
fn order(bodies: &[&[u8]]) -> Vec<usize> {
    let runs: Vec<Vec<[u8; RUN]>> = bodies.iter().map(|body| runs(body)).collect();
    let mut who: HashMap<[u8; RUN], Vec<usize>> = HashMap::new();
    for (at, runs) in runs.iter().enumerate() {
        runs.iter().for_each(|run| who.entry(*run).or_default().push(at));
    }
    let mut order = Vec::with_capacity(bodies.len());
    let mut is_left = vec![true; bodies.len()];
    let mut common = vec![0_u32; bodies.len()];
    let mut next = 0;
    loop {
        // Where nothing is like the last, or at the start: the first that is left.
        let Some(mut here) = (next..bodies.len()).find(|&at| is_left[at]) else { return order };
        next = here;
        loop {
            order.push(here);
            is_left[here] = false;
            let mut touched = Vec::new();
            for others in runs[here].iter().map(|run| &who[run]).filter(|others| others.len() <= COMMON) {
                for &other in others.iter().filter(|&&other| is_left[other]) {
                    if common[other] == 0 {
                        touched.push(other);
                    }
                    common[other] += 1;
                }
            }
            let likeness = |at: usize| f64::from(common[at]) / (runs[at].len() as f64).sqrt();
            // Of equals the first, so that every build has the same order.
            let best = touched.iter().copied().max_by(|&a, &b| likeness(a).total_cmp(&likeness(b)).then(b.cmp(&a)));
            touched.iter().for_each(|&at| common[at] = 0);
            let Some(best) = best else { break };
            here = best;
        }
    }
}

fn runs(body: &[u8]) -> Vec<[u8; RUN]> {
    let mut runs: Vec<[u8; RUN]> = body.array_windows().copied().collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

struct Reorder {
    /// How many functions are imported. They come first and stay.
    imported: u32,
    /// The old number of a function, less those -> its new number.
    place: Vec<u32>,
    order: Vec<usize>,
}

type Done = std::result::Result<(), Error<std::convert::Infallible>>;

impl Reencode for Reorder {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, old: u32) -> std::result::Result<u32, Error<Self::Error>> {
        Ok(old.checked_sub(self.imported).map_or(old, |local| self.place[local as usize]))
    }

    fn parse_function_section(&mut self, functions: &mut FunctionSection, old: FunctionSectionReader<'_>) -> Done {
        let types = old.into_iter().collect::<wasmparser::Result<Vec<_>>>()?;
        for &at in &self.order {
            functions.function(types[at]);
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, old: CodeSectionReader<'_>) -> Done {
        let bodies = old.into_iter().collect::<wasmparser::Result<Vec<_>>>()?;
        for at in self.order.clone() {
            self.parse_function_body(code, bodies[at].clone())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{ExportKind, ExportSection, Function, Instruction, Module, TypeSection, ValType};
    use wasmparser::Validator;

    /// Two that are alike with another between them, and one that calls the second of the two.
    fn module() -> Vec<u8> {
        let sums = |of: &[i32]| {
            let mut function = Function::new([]);
            function.instruction(&Instruction::I32Const(0));
            for &number in of {
                function.instruction(&Instruction::I32Const(number)).instruction(&Instruction::I32Add);
            }
            function.instruction(&Instruction::End);
            function
        };
        let mut calls = Function::new([]);
        calls.instruction(&Instruction::Call(2)).instruction(&Instruction::End);
        let (mut types, mut functions) = (TypeSection::new(), FunctionSection::new());
        types.ty().function([], [ValType::I32]);
        (0..4).for_each(|_| _ = functions.function(0));
        let mut exports = ExportSection::new();
        exports.export("like the first", ExportKind::Func, 2).export("caller", ExportKind::Func, 3);
        let mut code = CodeSection::new();
        code.function(&sums(&[1, 2, 3, 4])).function(&sums(&[70_000, 80_000])).function(&sums(&[1, 2, 3, 5]));
        code.function(&calls);
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&exports).section(&code);
        module.finish()
    }

    /// The number of the function that is exported under this name, and all bodies.
    fn read<'a>(wasm: &'a [u8], name: &str) -> (usize, Vec<&'a [u8]>) {
        let (mut exported, mut bodies) = (None, Vec::new());
        for part in Parser::new(0).parse_all(wasm) {
            match part.unwrap() {
                Payload::ExportSection(exports) => {
                    let mut exports = exports.into_iter().map(Result::unwrap);
                    exported = exports.find(|export| export.name == name).map(|export| export.index as usize);
                }
                Payload::CodeSectionEntry(body) => bodies.push(&wasm[body.range()]),
                _ => {}
            }
        }
        (exported.unwrap(), bodies)
    }

    #[test]
    fn functions_move_beside_those_like_them_and_are_still_found() {
        let before = module();
        let after = alike(&before).unwrap();
        Validator::new().validate_all(&after).unwrap();
        let (was, old) = read(&before, "like the first");
        let (is, new) = read(&after, "like the first");
        assert_eq!((was, is), (2, 1));
        assert_eq!(old[was], new[is]);
        let (caller, _) = read(&after, "caller");
        let (no_locals, call, end) = (0, 0x10, 0x0b);
        assert_eq!(new[caller], [no_locals, call, 1, end]);
        assert_eq!(alike(&before).unwrap(), after, "every build has the same order");
    }
}
