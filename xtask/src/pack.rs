//! Hashes in names, and each file's compressed twins, kept from one run to the next.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use sha2::{Digest, Sha256};

/// Compresses bytes, once for each content.
pub struct Packer {
    pub cache: PathBuf,
    pub dev: bool,
}

/// One file, packed: what a browser gets that takes brotli or gzip.
pub struct Packed {
    pub br: Vec<u8>,
    pub gz: Vec<u8>,
}

/// 16 hex digits of the content: enough to tell two builds apart.
pub fn hash(content: &[u8]) -> String {
    Sha256::digest(content)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether compressing files of this name is worth the while.
pub fn is_compressible(path: &str) -> bool {
    let ending = path.rsplit('.').next().unwrap_or_default();
    ["js", "wasm", "css", "svg", "json", "webmanifest", "txt", "html", "xml", "ico"].contains(&ending)
}

impl Packer {
    pub fn pack(&self, content: &[u8]) -> Result<Packed> {
        let (quality, level) = if self.dev { (3, 3) } else { (11, 9) };
        let key = hash(content);
        let (br, gz) = std::thread::scope(|threads| {
            let br = threads.spawn(|| self.kept(&format!("{key}.{quality}.br"), || brotli(content, quality)));
            let gz = self.kept(&format!("{key}.{level}.gz"), || gzip(content, level));
            (br.join().expect("the packing thread does not panic"), gz)
        });
        Ok(Packed { br: br?, gz: gz? })
    }

    fn kept(&self, name: &str, make: impl FnOnce() -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let path = self.cache.join(name);
        if let Ok(bytes) = fs::read(&path) {
            return Ok(bytes);
        }
        let bytes = make()?;
        write_whole(&path, &bytes)?;
        Ok(bytes)
    }

    /// Forgets what this run did not ask for, so that the cache does not grow with every build.
    pub fn forget_others(&self, kept: &[String]) -> Result<()> {
        for entry in fs::read_dir(&self.cache)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !kept.iter().any(|key| name.starts_with(key.as_str())) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

/// A half-written file must never be taken for a whole one.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = path.with_added_extension("part");
    fs::write(&part, bytes)?;
    fs::rename(&part, path)?;
    Ok(())
}

fn brotli(content: &[u8], quality: i32) -> Result<Vec<u8>> {
    let params =
        brotli::enc::BrotliEncoderParams { quality, lgwin: 22, size_hint: content.len(), ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut packed, &params)?;
    Ok(packed)
}

fn gzip(content: &[u8], level: u32) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}
