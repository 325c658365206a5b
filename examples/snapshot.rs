//! `cargo run --example snapshot -- FILE SOURCE DATE > src/gateway/known/models.json`: makes the facts of well-known models
//! anew out of a LiteLLM price file. Which models those are stands in `src/gateway/known/names.txt`.

use tollgate::domain::price_list::{Format, Snapshot};

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, source, date] = &arguments[..] else {
        return Err("say which file, where it is from, and of which day it is".to_owned());
    };
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let names: Vec<&str> = include_str!("../src/gateway/known/names.txt").lines().collect();
    print!("{}", Snapshot::distilled(Format::Litellm, &text, &names, source, date)?.written());
    Ok(())
}
