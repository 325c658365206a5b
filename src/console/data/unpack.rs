//! Reads what `pack` wrote. As little code as can be for each type that is read: all of it goes to the browser.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess, Visitor};
use std::fmt;

/// What is written is not what is read. There is nothing more to say: server and browser are of two versions.
#[derive(Debug)]
pub struct Odd;

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("written by another version")
    }
}

impl std::error::Error for Odd {}

/// None of these says what was wrong, so that no code is there to word it.
impl de::Error for Odd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Odd
    }

    fn invalid_type(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Odd
    }

    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Odd
    }

    fn invalid_length(_: usize, _: &dyn de::Expected) -> Self {
        Odd
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Odd
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Odd
    }

    fn missing_field(_: &'static str) -> Self {
        Odd
    }

    fn duplicate_field(_: &'static str) -> Self {
        Odd
    }
}

pub struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str) -> Self {
        Self { rest: text }
    }

    /// # Errors
    /// Where something is left over.
    pub fn end(self) -> Result<(), Odd> {
        if self.rest.is_empty() { Ok(()) } else { Err(Odd) }
    }

    /// What stands before the next `;`.
    #[inline(never)]
    fn part(&mut self) -> Result<&'t str, Odd> {
        let (part, rest) = self.rest.split_once(';').ok_or(Odd)?;
        self.rest = rest;
        Ok(part)
    }

    #[inline(never)]
    fn count(&mut self) -> Result<u64, Odd> {
        self.part()?.parse().map_err(|_| Odd)
    }

    #[inline(never)]
    fn number(&mut self) -> Result<i64, Odd> {
        self.part()?.parse().map_err(|_| Odd)
    }

    #[inline(never)]
    fn length(&mut self) -> Result<usize, Odd> {
        usize::try_from(self.count()?).map_err(|_| Odd)
    }

    #[inline(never)]
    fn text(&mut self) -> Result<&'t str, Odd> {
        let length = self.length()?;
        let (text, rest) = self.rest.split_at_checked(length).ok_or(Odd)?;
        self.rest = rest;
        Ok(text)
    }

    #[inline(never)]
    fn seal(&mut self, fields: &[&str]) -> Result<(), Odd> {
        let mut seal = super::pack::Seal::new();
        for field in fields {
            seal.add(field);
        }
        if self.count()? == seal.value() { Ok(()) } else { Err(Odd) }
    }
}

macro_rules! read {
    ($($name:ident => $visit:ident, $read:ident;)*) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
            visitor.$visit(self.$read()?)
        })*
    };
}

macro_rules! never {
    ($($name:ident)*) => {
        $(fn $name<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Odd> {
            Err(Odd)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Odd;

    read! {
        deserialize_u8 => visit_u64, count;
        deserialize_u16 => visit_u64, count;
        deserialize_u32 => visit_u64, count;
        deserialize_u64 => visit_u64, count;
        deserialize_i8 => visit_i64, number;
        deserialize_i16 => visit_i64, number;
        deserialize_i32 => visit_i64, number;
        deserialize_i64 => visit_i64, number;
        deserialize_str => visit_str, text;
        deserialize_string => visit_str, text;
        deserialize_identifier => visit_str, text;
    }

    never! {
        deserialize_any deserialize_f32 deserialize_f64 deserialize_char deserialize_bytes deserialize_byte_buf
        deserialize_map deserialize_ignored_any
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_bool(self.count()? > 0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        if self.count()? > 0 { visitor.visit_some(self) } else { visitor.visit_none() }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Odd> {
        let left = self.length()?;
        visitor.visit_seq(Items { reader: self, left })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_seq(Items { reader: self, left })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Odd> {
        visitor.visit_seq(Items { reader: self, left })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Odd> {
        let value = visitor.visit_seq(Items { reader: self, left: fields.len() })?;
        self.seal(fields)?;
        Ok(value)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Odd> {
        visitor.visit_enum(self)
    }
}

struct Items<'r, 't> {
    reader: &'r mut Reader<'t>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Odd;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Odd> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut Reader<'de> {
    type Error = Odd;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Odd> {
        let name: StrDeserializer<'_, Odd> = self.text()?.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Reader<'de> {
    type Error = Odd;

    fn unit_variant(self) -> Result<(), Odd> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Odd> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Odd> {
        visitor.visit_seq(Items { reader: self, left })
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Odd> {
        self.deserialize_struct("", fields, visitor)
    }
}
