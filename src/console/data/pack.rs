//! Writes a value for a page, one field after the other: numbers end with `;`, texts and lists begin with their length,
//! and each struct ends with a seal made of the names of its fields, by which another version's is known.

use super::unpack::Odd;
use serde::ser::{self, Serialize, Serializer};

impl ser::Error for Odd {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Odd
    }
}

/// Names of fields, in 16 bits.
pub struct Seal(u32);

impl Seal {
    pub fn new() -> Self {
        Self(0x811c_9dc5)
    }

    /// FNV-1a.
    pub fn add(&mut self, name: &str) {
        for byte in name.bytes().chain([0]) {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    pub fn value(&self) -> u64 {
        u64::from(self.0 >> 16)
    }
}

#[derive(Default)]
pub struct Writer {
    pub text: String,
}

impl Writer {
    #[inline(never)]
    fn count(&mut self, count: u64) -> Result<(), Odd> {
        self.text.push_str(&count.to_string());
        self.text.push(';');
        Ok(())
    }

    #[inline(never)]
    fn number(&mut self, number: i64) -> Result<(), Odd> {
        self.text.push_str(&number.to_string());
        self.text.push(';');
        Ok(())
    }

    #[inline(never)]
    fn text(&mut self, text: &str) -> Result<(), Odd> {
        self.count(text.len() as u64)?;
        self.text.push_str(text);
        Ok(())
    }
}

macro_rules! write {
    ($($name:ident($kind:ty) => $write:ident;)*) => {
        $(fn $name(self, value: $kind) -> Result<(), Odd> {
            self.$write(value.into())
        })*
    };
}

impl<'w> Serializer for &'w mut Writer {
    type Ok = ();
    type Error = Odd;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = ser::Impossible<(), Odd>;
    type SerializeStruct = Fields<'w>;
    type SerializeStructVariant = Fields<'w>;

    write! {
        serialize_bool(bool) => count;
        serialize_u8(u8) => count;
        serialize_u16(u16) => count;
        serialize_u32(u32) => count;
        serialize_u64(u64) => count;
        serialize_i8(i8) => number;
        serialize_i16(i16) => number;
        serialize_i32(i32) => number;
        serialize_i64(i64) => number;
    }

    fn serialize_f32(self, _: f32) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_char(self, _: char) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_str(self, text: &str) -> Result<(), Odd> {
        self.text(text)
    }

    fn serialize_none(self) -> Result<(), Odd> {
        self.count(0)
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Odd> {
        self.count(1)?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Odd> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Odd> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Odd> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), Odd> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Odd> {
        self.text(variant)?;
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self, Odd> {
        self.count(length.ok_or(Odd)? as u64)?;
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Odd> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Odd> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Self, Odd> {
        self.text(variant)?;
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Odd> {
        Err(Odd)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields<'w>, Odd> {
        Ok(Fields { writer: self, seal: Seal::new() })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Fields<'w>, Odd> {
        self.text(variant)?;
        Ok(Fields { writer: self, seal: Seal::new() })
    }
}

macro_rules! items {
    ($($kind:ident $each:ident;)*) => {
        $(impl ser::$kind for &mut Writer {
            type Ok = ();
            type Error = Odd;

            fn $each<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Odd> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Odd> {
                Ok(())
            }
        })*
    };
}

items! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

pub struct Fields<'w> {
    writer: &'w mut Writer,
    seal: Seal,
}

macro_rules! fields {
    ($($kind:ident)*) => {
        $(impl ser::$kind for Fields<'_> {
            type Ok = ();
            type Error = Odd;

            fn serialize_field<T: ?Sized + Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), Odd> {
                self.seal.add(name);
                value.serialize(&mut *self.writer)
            }

            /// Every field is read, so none may be left out.
            fn skip_field(&mut self, _: &'static str) -> Result<(), Odd> {
                Err(Odd)
            }

            fn end(self) -> Result<(), Odd> {
                self.writer.count(self.seal.value())
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }
