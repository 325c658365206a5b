//! What a form says, gathered as it arrives.

use super::scanner::{Found, Part, Scanner};
use super::unreadable;
use crate::domain::refusal::{Code, Refusal};
use bytes::Bytes;
use std::ops::Range;

/// The fields of a form come to no more than this, in bytes: the longest prompt for an image has 32,000 characters.
const LONGEST_FIELDS: usize = 256 << 10;
const MOST_PARTS: usize = 200;
/// A file's format is known by its first bytes: the sound in a WAV begins within so many.
const BEGINNING: usize = 4 << 10;

/// What is known of a file.
#[derive(Clone, Debug, Default)]
pub(in crate::proxy) struct FileSeen {
    pub file_name: String,
    /// Its first bytes.
    pub begins: Vec<u8>,
    /// So many have been read.
    pub length: u64,
    is_complete: bool,
}

/// A form that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    scanner: Scanner,
    pub fields: Vec<(String, String)>,
    pub files: Vec<FileSeen>,
    /// Where the model's name stands.
    pub model_at: Option<Range<u64>>,
    /// The field that is being read.
    field: Option<(Part, Vec<u8>)>,
    /// Bytes of fields so far.
    size: usize,
}

impl Reading {
    pub(super) fn new(boundary: &str) -> Self {
        Self {
            scanner: Scanner::new(boundary),
            fields: Vec::new(),
            files: Vec::new(),
            model_at: None,
            field: None,
            size: 0,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.scanner.is_over()
    }

    /// Whether it has named its model, and its first file is known for what it is.
    pub(super) fn can_be_judged(&self) -> bool {
        let is_known = |file: &FileSeen| file.is_complete || file.begins.len() >= BEGINNING;
        self.model_at.is_some() && self.files.first().is_some_and(is_known)
    }

    /// Takes in what has arrived.
    ///
    /// # Errors
    /// 400 for what cannot be read, and for what must not be said so late.
    pub(super) fn read(&mut self, piece: &Bytes) -> Result<(), Refusal> {
        self.scanner.push(piece);
        while let Some(found) = self.scanner.next_found().map_err(unreadable)? {
            match found {
                Found::Part(part) => self.begin(part)?,
                Found::Data(data) => self.data(&data)?,
                Found::End => self.end()?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, part: Part) -> Result<(), Refusal> {
        if self.fields.len() + self.files.len() >= MOST_PARTS {
            return Err(unreadable("it has too many parts"));
        }
        match &part.file_name {
            Some(_) if part.name == "model" => Err(unreadable("its model is a file")),
            Some(file_name) => {
                self.files.push(FileSeen { file_name: file_name.clone(), ..FileSeen::default() });
                Ok(())
            }
            None if part.name == "model" && self.model_at.is_some() => Err(unreadable("it names two models")),
            None => {
                self.field = Some((part, Vec::new()));
                Ok(())
            }
        }
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Refusal> {
        match (&mut self.field, self.files.last_mut()) {
            (Some((_, value)), _) => {
                self.size += data.len();
                if self.size > LONGEST_FIELDS {
                    return Err(unreadable("its fields are too long"));
                }
                value.extend_from_slice(data);
            }
            (None, Some(file)) => {
                file.length += data.len() as u64;
                let room = BEGINNING.saturating_sub(file.begins.len()).min(data.len());
                file.begins.extend_from_slice(&data[..room]);
            }
            (None, None) => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Refusal> {
        let Some((part, value)) = self.field.take() else {
            if let Some(file) = self.files.last_mut() {
                file.is_complete = true;
            }
            return Ok(());
        };
        let length = value.len() as u64;
        let text = String::from_utf8(value).map_err(|_| {
            let message = format!("The field {:?} of the form is no text.", part.name);
            Refusal::new(Code::InvalidBody, message).about(&part.name)
        })?;
        if part.name == "model" {
            self.model_at = Some(part.at..part.at + length);
        }
        self.fields.push((part.name, text));
        Ok(())
    }
}
