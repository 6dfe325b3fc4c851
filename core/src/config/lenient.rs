//! Passing over unknown keys, with a report, where structs would refuse them.
//!
//! Everything a type asks of the YAML reader goes through [`Lenient`]. It knows the path to each value, and drops those keys of a struct that
//! the struct does not name before the struct sees them.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, IntoDeserializer as _, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// A key that was passed over.
pub(super) struct Passed {
    /// Where it stands: `services.eth`, or nothing at the top.
    pub(super) place: String,
    /// The key.
    pub(super) key: String,
    /// What could stand there.
    pub(super) known: &'static [&'static str],
}

/// Where we are, and what was passed over so far.
#[derive(Default)]
pub(super) struct Trail {
    path: RefCell<Vec<String>>,
    passed: RefCell<Vec<Passed>>,
}

impl Trail {
    pub(super) fn into_passed(self) -> Vec<Passed> {
        self.passed.into_inner()
    }

    fn pass(&self, key: String, known: &'static [&'static str]) {
        let place = self.path.borrow().join(".");
        self.passed.borrow_mut().push(Passed { place, key, known });
    }

    fn inside<T>(&self, step: String, read: impl FnOnce() -> T) -> T {
        self.path.borrow_mut().push(step);
        let value = read();
        self.path.borrow_mut().pop();
        value
    }
}

/// Hands on to `inner` whatever it is asked, or tells a visitor what `inner` says.
pub(super) struct Lenient<'t, T> {
    inner: T,
    trail: &'t Trail,
    /// The keys of the struct that is being read; `None` for anything else.
    fields: Option<&'static [&'static str]>,
}

impl<'t, T> Lenient<'t, T> {
    pub(super) fn new(inner: T, trail: &'t Trail) -> Self {
        Self { inner, trail, fields: None }
    }

    fn with<U>(&self, inner: U) -> Lenient<'t, U> {
        Lenient { inner, trail: self.trail, fields: None }
    }
}

macro_rules! ask {
    ($($method:ident($($name:ident: $kind:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.with(visitor);
            self.inner.$method($($name,)* visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<'_, D> {
    type Error = D::Error;

    ask! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64()
        deserialize_i128() deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_option() deserialize_unit() deserialize_seq()
        deserialize_map() deserialize_identifier() deserialize_ignored_any()
        deserialize_unit_struct(name: &'static str) deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(length: usize) deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Lenient { fields: Some(fields), ..self.with(visitor) };
        self.inner.deserialize_struct(name, fields, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! tell {
    ($($method:ident: $kind:ty,)*) => {
        $(fn $method<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Lenient<'_, V> {
    type Value = V::Value;

    tell! {
        visit_bool: bool, visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
        visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128,
        visit_f32: f32, visit_f64: f64, visit_char: char, visit_str: &str, visit_borrowed_str: &'de str,
        visit_string: String, visit_bytes: &[u8], visit_borrowed_bytes: &'de [u8], visit_byte_buf: Vec<u8>,
    }

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(formatter)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_some(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.visit_newtype_struct(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = Items { access: self.with(access), number: 0 };
        self.inner.visit_seq(access)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = Entries { access: Lenient { fields: self.fields, ..self.with(access) }, key: String::new() };
        self.inner.visit_map(access)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let access = self.with(access);
        self.inner.visit_enum(access)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Lenient<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let deserializer = self.with(deserializer);
        self.inner.deserialize(deserializer)
    }
}

/// The items of a sequence.
struct Items<'t, A> {
    access: Lenient<'t, A>,
    number: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Items<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let step = format!("[{}]", self.number);
        self.number += 1;
        let (seed, trail) = (self.access.with(seed), self.access.trail);
        trail.inside(step, || self.access.inner.next_element_seed(seed))
    }
}

/// The entries of a struct or a map.
struct Entries<'t, A> {
    access: Lenient<'t, A>,
    key: String,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        loop {
            let Some(key) = self.access.inner.next_key::<String>()? else { return Ok(None) };
            match self.access.fields {
                Some(known) if !known.contains(&key.as_str()) => {
                    self.access.inner.next_value::<IgnoredAny>()?;
                    self.access.trail.pass(key, known);
                }
                _ => {
                    self.key.clone_from(&key);
                    let key: StringDeserializer<A::Error> = key.into_deserializer();
                    return seed.deserialize(key).map(Some);
                }
            }
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let (seed, trail) = (self.access.with(seed), self.access.trail);
        trail.inside(std::mem::take(&mut self.key), || self.access.inner.next_value_seed(seed))
    }
}

impl<'de, 't, A: EnumAccess<'de>> EnumAccess<'de> for Lenient<'t, A> {
    type Error = A::Error;
    type Variant = Lenient<'t, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let trail = self.trail;
        let (value, variant) = self.inner.variant_seed(seed)?;
        Ok((value, Lenient::new(variant, trail)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Lenient<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.with(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.with(visitor);
        self.inner.tuple_variant(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = Lenient { fields: Some(fields), ..self.with(visitor) };
        self.inner.struct_variant(fields, visitor)
    }
}
