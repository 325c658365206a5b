//! The stylesheets, made one: every `@import` in its layer, minified, and nothing that these browsers know lowered.

use std::path::Path;
use std::sync::{Arc, RwLock};

use anyhow::{Result, anyhow, bail};
use lightningcss::bundler::{Bundler, FileProvider};
use lightningcss::printer::PrinterOptions;
use lightningcss::stylesheet::{MinifyOptions, ParserOptions};
use lightningcss::targets::{Browsers, Targets};

/// The oldest browsers we write for; `browserquery` in Cargo.toml says the same to cargo-leptos.
fn targets() -> Targets {
    let version = |major: u32, minor: u32| Some((major << 16) | (minor << 8));
    Targets::from(Browsers {
        chrome: version(123, 0),
        firefox: version(128, 0),
        safari: version(17, 5),
        ios_saf: version(17, 5),
        ..Browsers::default()
    })
}

/// Bundles and minifies the stylesheet at `entry`.
pub fn bundle(entry: &Path) -> Result<String> {
    if !entry.exists() {
        bail!("{} is missing", entry.display());
    }
    let files = FileProvider::new();
    let warnings = Arc::new(RwLock::new(Vec::new()));
    let options = ParserOptions { warnings: Some(warnings.clone()), ..ParserOptions::default() };
    let mut sheet = Bundler::new(&files, None, options).bundle(entry).map_err(|error| anyhow!("{error}"))?;
    let minify = MinifyOptions { targets: targets(), ..MinifyOptions::default() };
    sheet.minify(minify).map_err(|error| anyhow!("{error}"))?;
    let print = PrinterOptions { minify: true, targets: targets(), ..PrinterOptions::default() };
    let css = sheet.to_css(print).map_err(|error| anyhow!("{error}"))?.code;
    for warning in warnings.read().expect("nobody panicked while parsing").iter() {
        eprintln!("  css warning: {warning}");
    }
    Ok(css)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::bundle;

    #[test]
    fn layers_are_bundled_and_modern_colours_stay() {
        let dir = std::env::temp_dir().join(format!("tollgate-css-{}", std::process::id()));
        fs::create_dir_all(dir.join("components")).unwrap();
        fs::write(
            dir.join("layers.css"),
            "@layer tokens, components;\n@import url(\"components/button.css\") layer(components);\n\
             @import url(\"tokens.css\") layer(tokens);",
        )
        .unwrap();
        fs::write(
            dir.join("tokens.css"),
            ":root { color-scheme: light dark; --ink: light-dark(oklch(20% .01 250), oklch(95% .01 250)); }\n\
             html { -webkit-text-size-adjust: none; text-size-adjust: none; }\n\
             body { color: light-dark(oklch(20% 0.01 250), #fff); }",
        )
        .unwrap();
        fs::write(
            dir.join("components/button.css"),
            ".button { inset-inline-start: 4px; &:hover { color: var(--ink) } }",
        )
        .unwrap();
        let css = bundle(&dir.join("layers.css")).unwrap();
        fs::remove_dir_all(&dir).unwrap();

        // The bundler keeps the order that the first line asks for, whatever the order of the imports.
        assert!(css.starts_with("@layer tokens{"), "{css}");
        assert!(css.contains("@layer components{.button{inset-inline-start:4px;&:hover{"), "{css}");
        assert_eq!(css.matches("light-dark(oklch(").count(), 2, "{css}");
        assert!(css.contains("-webkit-text-size-adjust:none"), "iPhones need the prefix: {css}");
        assert!(!css.contains("--lightningcss") && !css.contains("lab("), "{css}");
    }
}
