//! The script, as short as it may be: no comments, no blanks, short names. What it does stays as it is written.

use anyhow::{Result, anyhow};
use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_minifier::{CompressOptions, MangleOptions, Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;

/// Shortens a module. Names that it exports, and names of properties, stay.
pub fn short(module: &str) -> Result<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, module, SourceType::mjs()).parse();
    if let Some(wrong) = parsed.diagnostics.first() {
        return Err(anyhow!("the script cannot be read: {wrong}"));
    }
    let mut program = parsed.program;
    let options = MinifierOptions {
        mangle: Some(MangleOptions::default()),
        compress: Some(CompressOptions::default()),
        mangle_properties: None,
    };
    let named = Minifier::new(options).minify(&allocator, &mut program);
    let code = Codegen::new().with_options(CodegenOptions::minify()).with_scoping(named.scoping).build(&program).code;
    Ok(code)
}

/// As [`short`], for the script of pages: Chromium compiles all of it while it comes, and not each function when it is first
/// called, such as when a page is made anew. See <https://v8.dev/blog/explicit-compile-hints>.
pub fn short_and_compiled(module: &str) -> Result<String> {
    Ok(format!("//# allFunctionsCalledOnLoad\n{}", short(module)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_module_exports_and_reads_by_name_stays() {
        let module = "/** Adds. */\nexport function added(first, second) {\n    return first.amount + second;\n}\n\
            const pages = { __wasm_split_load_tokens: \"./tokens.wasm\" };\nexport default pages;\n";
        let short = short(module).unwrap();
        assert!(short.len() < module.len() - 40, "{short}");
        for kept in ["added", ".amount", "__wasm_split_load_tokens", "./tokens.wasm", "default"] {
            assert!(short.contains(kept), "{kept}: {short}");
        }
        assert!(super::short("export {").is_err());
    }
}
