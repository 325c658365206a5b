//! An object of a request taken apart field by field. What nobody has taken at the end is refused by its name: nothing
//! that a caller asks for is dropped in silence.

use super::neutral::Said;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::HashSet;

/// Why a request cannot be carried over, and which of its fields is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its path, such as `messages[2].content[0].type`.
    pub field: String,
    pub message: String,
}

/// A field of the wrong shape.
pub fn wrong(field: &str, what: &str) -> Fault {
    Fault { field: field.to_owned(), message: format!("{field:?} must be {what}.") }
}

/// A field that says something which the other side has no word for.
pub fn uncarried(field: &str) -> Fault {
    let message = format!(
        "{field:?} cannot be carried over: the provider of this model speaks another API, which has nothing that means \
         the same. Leave it out, or ask for a model whose provider speaks the API that you speak."
    );
    Fault { field: field.to_owned(), message }
}

/// The fields of an object in their order, each as often as it is there.
pub struct Ordered<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Ordered<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        from.deserialize_map(Object).map(Ordered)
    }
}

/// The fields that are still to be taken.
pub struct Fields<'a> {
    at: String,
    left: Vec<(String, &'a RawValue)>,
    /// Names are read as protocol buffers read them: `top_k` is `topK`.
    is_proto: bool,
}

impl<'a> Fields<'a> {
    /// # Errors
    /// Where it is not an object, or a field is there twice.
    pub fn read(at: String, raw: &'a RawValue) -> Result<Self, Fault> {
        Self::of(at, raw, false)
    }

    /// The same for an object whose fields may be written in either case.
    ///
    /// # Errors
    /// As above.
    pub fn read_proto(at: String, raw: &'a RawValue) -> Result<Self, Fault> {
        Self::of(at, raw, true)
    }

    fn of(at: String, raw: &'a RawValue, is_proto: bool) -> Result<Self, Fault> {
        let Ok(Ordered(mut left)) = serde_json::from_str(raw.get()) else {
            return Err(wrong(if at.is_empty() { "body" } else { &at }, "an object"));
        };
        left.retain(|(_, value)| value.get() != "null");
        if is_proto {
            left.iter_mut().for_each(|(name, _)| *name = camel(name));
        }
        let mut seen = HashSet::with_capacity(left.len());
        if let Some((name, _)) = left.iter().find(|(name, _)| !seen.insert(name.as_str())) {
            let field = join(&at, name);
            let message = format!("{field:?} is there twice.");
            return Err(Fault { field, message });
        }
        Ok(Self { at, left, is_proto })
    }

    /// Where this object stands.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Where a field of it stands.
    pub fn place(&self, name: &str) -> String {
        join(&self.at, name)
    }

    /// A field's value as it stands; `None` where it is absent or null.
    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let found = self.left.iter().position(|(other, _)| other == name)?;
        Some(self.left.remove(found).1)
    }

    /// # Errors
    /// Where it is not `what`.
    pub fn get<T: Deserialize<'a>>(&mut self, name: &str, what: &str) -> Result<Option<Said<T>>, Fault> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        let at = self.place(name);
        match serde_json::from_str(raw.get()) {
            Ok(value) => Ok(Some(Said { at, value })),
            Err(_) => Err(wrong(&at, what)),
        }
    }

    /// # Errors
    /// Where it is absent, or no text.
    pub fn text(&mut self, name: &str) -> Result<String, Fault> {
        let missing = wrong(&self.place(name), "a text");
        Ok(self.get::<String>(name, "a text")?.ok_or(missing)?.value)
    }

    /// # Errors
    /// Where it is not an object.
    pub fn object(&mut self, name: &str) -> Result<Option<Fields<'a>>, Fault> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        Self::of(self.place(name), raw, self.is_proto).map(Some)
    }

    /// # Errors
    /// Where it is not a list of objects. Absent is empty.
    pub fn objects(&mut self, name: &str) -> Result<Vec<Fields<'a>>, Fault> {
        let Some(raw) = self.take(name) else { return Ok(Vec::new()) };
        let at = self.place(name);
        let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&at, "a list"))?;
        let each = |(number, raw): (usize, &'a RawValue)| Self::of(format!("{at}[{number}]"), raw, self.is_proto);
        list.into_iter().enumerate().map(each).collect()
    }

    /// A field that may be there as long as it says nothing but this.
    ///
    /// # Errors
    /// Where it says something else.
    pub fn only(&mut self, name: &str, harmless: &[&str]) -> Result<(), Fault> {
        match self.take(name) {
            Some(raw) if !harmless.contains(&raw.get()) => Err(uncarried(&self.place(name))),
            _ => Ok(()),
        }
    }

    /// A field that changes no answer: it may be left out, and is noted.
    pub fn hint(&mut self, name: &str, left_out: &mut Vec<String>) {
        if self.take(name).is_some() {
            left_out.push(self.place(name));
        }
    }

    /// # Errors
    /// Names the first field that nobody has taken.
    pub fn done(self) -> Result<(), Fault> {
        match self.left.first() {
            Some((name, _)) => Err(uncarried(&join(&self.at, name))),
            None => Ok(()),
        }
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut written, word| {
        let mut letters = word.chars();
        written.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        written.push_str(letters.as_str());
        written
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &'static str) -> Result<Fields<'static>, Fault> {
        Fields::read_proto(String::new(), serde_json::from_str(text).expect("JSON"))
    }

    #[test]
    fn what_nobody_takes_is_refused_by_its_path() {
        let mut top =
            fields(r#"{"top_k":3,"nothing":null,"outer":{"inner":1},"list":[{},{"x":1}]}"#).expect("an object");
        assert_eq!(top.get::<u64>("topK", "a number").expect("a number").map(|said| said.value), Some(3));
        let outer = top.object("outer").expect("an object").expect("there");
        assert_eq!(outer.done().map_err(|fault| fault.field), Err("outer.inner".to_owned()));
        let list = top.objects("list").expect("a list");
        let faults: Vec<_> = list.into_iter().filter_map(|each| each.done().err()).collect();
        assert_eq!(faults[0].field, "list[1].x");
        assert_eq!(top.done(), Ok(()));
        assert_eq!(fields(r#"{"a":1,"a":2}"#).err().map(|fault| fault.field).as_deref(), Some("a"));
        assert_eq!(fields("[]").err().map(|fault| fault.field).as_deref(), Some("body"));
    }
}
