//! Go's `json.Unmarshal` into structs, driven by tables of their fields.
//!
//! What makes Go's decoder particular is kept: names match without regard to case (Unicode simple folding),
//! the last of several members wins field by field, null leaves scalars alone, an element of a list is decoded
//! into what was there before, the first error of a type is reported at the end and names the path, an error
//! of a type's own decoder is reported at once.

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::go::{Place, Reader};
use super::{Checked, JsonError, charge_scan};
use crate::budget::{Budget, Fault};
use crate::value::base64::{self, Alphabet};
use crate::value::{MapBuilder, Object, ObjectRow, ObjectType, Value};

mod fold;

pub use fold::folds_to;

/// A Go struct that JSON is decoded into.
#[derive(Debug)]
pub struct Struct {
    /// The name without package, as errors name the owner of a field; empty for an anonymous struct.
    pub name: &'static str,
    /// The type as errors print it: `mcp.CallToolParams`.
    pub go: &'static str,
    /// The object type that its values have; none if they are taken apart at once.
    pub object: Option<&'static ObjectRow>,
    /// The fields.
    pub fields: &'static [Field],
}

/// A field of a Go struct.
#[derive(Debug)]
pub struct Field {
    /// The JSON name.
    pub name: &'static str,
    /// The name of the embedded struct that it belongs to; empty if it is the struct's own.
    pub embedded: &'static str,
    /// Its index in the object type.
    pub at: usize,
    /// What it holds.
    pub shape: Shape,
}

/// What Go type a JSON value is decoded into.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A string; the Go type's name (`string`, `mcp.Cursor`).
    String(&'static str),
    /// An integer of 64 bits; the Go type's name (`int64`, `int`).
    Int(&'static str),
    /// `float64`
    Double,
    /// `bool`
    Bool,
    /// `any`
    Any,
    /// `any` whose value nobody reads: only its errors count.
    Ignored,
    /// `[]byte`
    Bytes,
    /// A map with string keys; the Go type's name and what the values are.
    Map(&'static str, &'static Shape),
    /// A slice; the Go type's name and what the elements are.
    List(&'static str, &'static Shape),
    /// A struct.
    Struct(&'static Struct),
    /// A pointer, which null resets and everything else allocates.
    Pointer(&'static Shape),
    /// A type with a decoder of its own.
    Custom(Custom),
}

/// A type's own decoder (Go's `UnmarshalJSON`): reads the value that comes next.
pub type Custom =
    for<'b, 'a, 'p> fn(&mut Decoder<'b, 'a>, At<'p>) -> Result<Option<Value<'a>>, JsonError<'a>>;

/// Where a value is read: opaque to decoders, which hand it on.
#[derive(Clone, Copy, Debug)]
pub struct At<'p>(Option<&'p Place<'p>>);

/// A value under construction.
#[derive(Debug)]
enum Slot<'a> {
    Unset,
    Value(Value<'a>),
    Struct(BumpVec<'a, Slot<'a>>),
    /// The elements that were ever decoded, and how many of them count: Go's slices keep the others.
    List(BumpVec<'a, Slot<'a>>, usize),
    Map(BumpVec<'a, (&'a str, Slot<'a>)>),
}

/// Decodes one text.
#[derive(Debug)]
pub struct Decoder<'b, 'a> {
    reader: Reader<'b, 'a>,
}

/// The fields of `input` as the struct `of`, in the order of its table.
///
/// # Errors
/// Go's text for a value of the wrong type; a fault if the budget is spent or values nest too deep.
pub fn fields<'a>(
    input: Checked<'a>,
    of: &'static Struct,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<&'a [Option<Value<'a>>], JsonError<'a>> {
    let mut decoder = Decoder { reader: Reader::new(input, arena, budget) };
    let mut slot = Slot::Unset;
    decoder.decode(&mut slot, &Shape::Struct(of), None)?;
    decoder.reader.end(())?;
    let mut out = BumpVec::with_capacity_in(of.fields.len(), arena);
    let mut slots = if let Slot::Struct(slots) = slot { slots } else { BumpVec::new_in(arena) };
    for (index, field) in of.fields.iter().enumerate() {
        let slot = slots.get_mut(index).map_or(Slot::Unset, |slot| std::mem::replace(slot, Slot::Unset));
        out.push(decoder.finish(slot, &field.shape)?);
    }
    Ok(out.into_bump_slice())
}

/// `input` as an object of the struct `of`.
///
/// # Errors
/// As [`fields`].
pub fn object<'a>(
    input: Checked<'a>,
    of: &'static Struct,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Value<'a>, JsonError<'a>> {
    let mut decoder = Decoder { reader: Reader::new(input, arena, budget) };
    let mut slot = decoder.new_struct(of)?;
    decoder.decode(&mut slot, &Shape::Struct(of), None)?;
    decoder.reader.end(())?;
    let value = decoder.finish(slot, &Shape::Struct(of))?;
    value.ok_or(JsonError::Fault(Fault::Internal("a Go struct without a value")))
}

impl<'a> Decoder<'_, 'a> {
    /// The arena of the values.
    pub fn arena(&self) -> &'a Bump {
        self.reader.arena
    }

    /// The budget of the decision.
    pub fn budget(&mut self) -> &mut Budget {
        self.reader.budget
    }

    /// The text of the value that comes next, and its value if it is null, a boolean, a string or a number
    /// within the range of a double.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn scalar(&mut self, at: At<'_>) -> Result<(&'a [u8], Option<Value<'a>>), JsonError<'a>> {
        if matches!(self.reader.token()?, b'{' | b'[') {
            return Ok((self.reader.skip()?, None));
        }
        let outer = self.reader.saved.take();
        let start = self.reader.position();
        let value = self.reader.untyped(at.0)?;
        let failed = self.reader.saved.is_some();
        self.reader.saved = outer;
        Ok((self.reader.since(start), (!failed).then_some(value)))
    }

    /// An error that ends decoding at once.
    pub fn fail(&mut self, text: std::fmt::Arguments<'_>) -> JsonError<'a> {
        match super::format_in(self.reader.arena, self.reader.budget, text) {
            Ok(text) => JsonError::Text(text),
            Err(fault) => fault.into(),
        }
    }

    /// The value that comes next as `map[string]any`, by a decoder of its own: its first error ends all.
    ///
    /// # Errors
    /// As [`fields`].
    pub fn any_map(&mut self, at: At<'_>) -> Result<Value<'a>, JsonError<'a>> {
        let outer = self.reader.saved.take();
        let value = match self.reader.token()? {
            b'{' => self.reader.untyped(at.0)?,
            _ => {
                self.mismatch(at.0, "map[string]interface {}")?;
                Value::Null
            }
        };
        self.reader.end(())?;
        self.reader.saved = outer;
        Ok(value)
    }

    fn decode(
        &mut self,
        slot: &mut Slot<'a>,
        shape: &Shape,
        place: Option<&Place<'_>>,
    ) -> Result<(), JsonError<'a>> {
        self.reader.budget.charge(1)?;
        let first = self.reader.token()?;
        match shape {
            Shape::Pointer(_) if first == b'n' => {
                self.reader.word();
                *slot = Slot::Unset;
            }
            Shape::Pointer(inner) => {
                self.decode(slot, inner, place)?;
                // A pointer is set even if nothing was stored in what it points to.
                if let (Slot::Unset, Shape::Struct(of)) = (&slot, inner) {
                    *slot = self.new_struct(of)?;
                }
            }
            Shape::Custom(decode) => {
                *slot = decode(self, At(place))?.map_or(Slot::Unset, Slot::Value);
            }
            Shape::Any => match self.reader.untyped(place)? {
                Value::Null => *slot = Slot::Unset,
                value => *slot = Slot::Value(value),
            },
            Shape::Ignored if self.reader.is_wild() => {
                self.reader.untyped(place)?;
            }
            Shape::Ignored => {
                self.reader.skip()?;
            }
            Shape::Struct(of) if first == b'{' => self.decode_struct(slot, of, place)?,
            Shape::Map(_, values) if first == b'{' => self.decode_map(slot, values, place)?,
            Shape::List(_, elements) if first == b'[' => self.decode_list(slot, elements, place)?,
            Shape::Bytes if first == b'[' => self.decode_bytes(slot, place)?,
            _ if first == b'{' || first == b'[' => {
                self.mismatch(place, go_name(shape))?;
            }
            _ => self.decode_scalar(slot, shape, place, first)?,
        }
        Ok(())
    }

    /// Saves the error for the value that comes next, and passes over it.
    fn mismatch(&mut self, place: Option<&Place<'_>>, ty: &str) -> Result<(), JsonError<'a>> {
        let what = match self.reader.token()? {
            b'{' => "object",
            b'[' => "array",
            b'"' => "string",
            b't' | b'f' => "bool",
            _ => "number",
        };
        self.reader.mismatch(place, format_args!("{what}"), ty)?;
        self.reader.skip()?;
        Ok(())
    }

    fn decode_scalar(
        &mut self,
        slot: &mut Slot<'a>,
        shape: &Shape,
        place: Option<&Place<'_>>,
        first: u8,
    ) -> Result<(), JsonError<'a>> {
        match (first, shape) {
            (b'n', Shape::Map(..) | Shape::List(..) | Shape::Bytes) => {
                self.reader.word();
                *slot = Slot::Unset;
            }
            (b'n', _) => {
                self.reader.word();
            }
            (b'"', Shape::String(_)) => *slot = Slot::Value(Value::String(self.reader.string()?)),
            (b'"', Shape::Bytes) => {
                let text = self.reader.string()?;
                charge_scan(self.reader.budget, text.len())?;
                self.reader.budget.charge_bytes(text.len())?;
                let mut bytes = BumpVec::with_capacity_in(text.len(), self.reader.arena);
                match base64::decode(text.as_bytes(), Alphabet::Standard, true, &mut bytes) {
                    Ok(()) => *slot = Slot::Value(Value::Bytes(bytes.into_bump_slice())),
                    Err(at) => {
                        let error = self.fail(format_args!("illegal base64 data at input byte {at}"));
                        let JsonError::Text(text) = error else { return Err(error) };
                        self.reader.saved = self.reader.saved.or(Some(text));
                    }
                }
            }
            (b't' | b'f', Shape::Bool) => *slot = Slot::Value(Value::Bool(self.reader.word() == "true")),
            (b'-' | b'0'..=b'9', Shape::Int(ty)) => {
                let number = self.reader.word();
                match number.parse::<i64>() {
                    Ok(int) => *slot = Slot::Value(Value::Int(int)),
                    Err(_) => self.reader.mismatch(place, format_args!("number {number}"), ty)?,
                }
            }
            (b'-' | b'0'..=b'9', Shape::Double) => {
                let number = self.reader.word();
                match number.parse::<f64>() {
                    Ok(double) if double.is_finite() => *slot = Slot::Value(Value::Double(double)),
                    _ => self.reader.mismatch(place, format_args!("number {number}"), "float64")?,
                }
            }
            _ => self.mismatch(place, go_name(shape))?,
        }
        Ok(())
    }

    fn new_struct(&mut self, of: &'static Struct) -> Result<Slot<'a>, JsonError<'a>> {
        self.reader.budget.charge_bytes(of.fields.len().saturating_mul(size_of::<Slot<'_>>()))?;
        let mut slots = BumpVec::with_capacity_in(of.fields.len(), self.reader.arena);
        slots.extend(of.fields.iter().map(|_| Slot::Unset));
        Ok(Slot::Struct(slots))
    }

    fn decode_struct(
        &mut self,
        slot: &mut Slot<'a>,
        of: &'static Struct,
        place: Option<&Place<'_>>,
    ) -> Result<(), JsonError<'a>> {
        if !matches!(slot, Slot::Struct(_)) {
            *slot = self.new_struct(of)?;
        }
        let mut first = true;
        while self.reader.next(&mut first, b'}')? {
            let name = self.reader.name()?;
            let exact = of.fields.iter().position(|field| field.name == name);
            let index = exact.or_else(|| of.fields.iter().position(|field| folds_to(field.name, name)));
            let target = if let Slot::Struct(slots) = &mut *slot {
                index.and_then(|index| Some((slots.get_mut(index)?, of.fields.get(index)?)))
            } else {
                None
            };
            let Some((target, field)) = target else {
                self.reader.skip()?;
                continue;
            };
            let inner = Place { object: of.name, embedded: field.embedded, name: field.name, up: place };
            self.decode(target, &field.shape, Some(&inner))?;
        }
        Ok(())
    }

    fn decode_map(
        &mut self,
        slot: &mut Slot<'a>,
        values: &Shape,
        place: Option<&Place<'_>>,
    ) -> Result<(), JsonError<'a>> {
        if !matches!(slot, Slot::Map(_)) {
            *slot = Slot::Map(BumpVec::new_in(self.reader.arena));
        }
        let mut first = true;
        while self.reader.next(&mut first, b'}')? {
            let name = self.reader.name()?;
            let mut value = Slot::Unset;
            self.decode(&mut value, values, place)?;
            // The entry, what growing wastes, and the finished map's.
            self.reader.budget.charge_bytes(size_of::<(&str, Slot<'_>)>().saturating_mul(4))?;
            if let Slot::Map(entries) = slot {
                entries.push((name, value));
            }
        }
        Ok(())
    }

    fn decode_list(
        &mut self,
        slot: &mut Slot<'a>,
        elements: &Shape,
        place: Option<&Place<'_>>,
    ) -> Result<(), JsonError<'a>> {
        if !matches!(slot, Slot::List(..)) {
            *slot = Slot::List(BumpVec::new_in(self.reader.arena), 0);
        }
        let Slot::List(items, len) = slot else { return Ok(()) };
        *len = 0;
        let mut first = true;
        while self.reader.next(&mut first, b']')? {
            if *len >= items.len() {
                self.reader.budget.charge_bytes(size_of::<Slot<'_>>().saturating_mul(3))?;
                items.push(Slot::Unset);
            }
            if let Some(item) = items.get_mut(*len) {
                self.decode(item, elements, place)?;
            }
            *len = len.saturating_add(1);
        }
        if *len == 0 {
            // Go makes a new slice for an empty one; nothing of the old elements comes back.
            items.clear();
        }
        Ok(())
    }

    fn decode_bytes(&mut self, slot: &mut Slot<'a>, place: Option<&Place<'_>>) -> Result<(), JsonError<'a>> {
        let old: &[u8] = if let Slot::Value(Value::Bytes(old)) = slot { old } else { &[] };
        let mut bytes = BumpVec::new_in(self.reader.arena);
        let mut first = true;
        while self.reader.next(&mut first, b']')? {
            self.reader.budget.charge(1)?;
            self.reader.budget.charge_bytes(2)?;
            let mut byte = old.get(bytes.len()).copied().unwrap_or_default();
            match self.reader.token()? {
                b'n' => {
                    self.reader.word();
                }
                b'-' | b'0'..=b'9' => {
                    let number = self.reader.word();
                    match number.parse::<u8>() {
                        Ok(number) => byte = number,
                        Err(_) => self.reader.mismatch(place, format_args!("number {number}"), "uint8")?,
                    }
                }
                _ => self.mismatch(place, "uint8")?,
            }
            bytes.push(byte);
        }
        *slot = Slot::Value(Value::Bytes(bytes.into_bump_slice()));
        Ok(())
    }

    /// The finished value; none for what is nil or was never stored.
    fn finish(&mut self, slot: Slot<'a>, shape: &Shape) -> Result<Option<Value<'a>>, JsonError<'a>> {
        let arena = self.reader.arena;
        Ok(match (slot, shape) {
            (slot, Shape::Pointer(inner)) => self.finish(slot, inner)?,
            (Slot::Value(value), _) => Some(value),
            (Slot::Struct(slots), Shape::Struct(of)) => Some(self.finish_struct(slots, of)?),
            (Slot::List(items, len), Shape::List(_, of)) => {
                let mut list = BumpVec::with_capacity_in(len, arena);
                for item in items.into_iter().take(len) {
                    list.push(self.element(item, of)?);
                }
                Some(Value::List(list.into_bump_slice()))
            }
            (Slot::Map(entries), Shape::Map(_, of)) => {
                let mut map = MapBuilder::with_capacity(arena, entries.len());
                for (name, value) in entries {
                    map.insert(Value::String(name), self.element(value, of)?);
                }
                Some(Value::Map(map.finish_within(self.reader.budget)?))
            }
            _ => None,
        })
    }

    /// An element of a list or map, which has a value even if it is the zero value.
    fn element(&mut self, slot: Slot<'a>, shape: &Shape) -> Result<Value<'a>, JsonError<'a>> {
        Ok(self.finish(slot, shape)?.unwrap_or(match shape {
            Shape::String(_) => Value::String(""),
            Shape::Int(_) => Value::Int(0),
            Shape::Double => Value::Double(0.0),
            Shape::Bool => Value::Bool(false),
            Shape::Bytes => Value::Bytes(&[]),
            Shape::List(..) => Value::List(&[]),
            Shape::Struct(of) | Shape::Pointer(Shape::Struct(of)) => {
                of.object.map_or(Value::Null, |row| Value::Object(row.unset(false)))
            }
            _ => Value::Null,
        }))
    }

    fn finish_struct(
        &mut self,
        slots: BumpVec<'a, Slot<'a>>,
        of: &'static Struct,
    ) -> Result<Value<'a>, JsonError<'a>> {
        let ty: &ObjectType = of.object.ok_or(Fault::Internal("a Go struct without an object type"))?;
        let bytes = ty.fields.len().saturating_mul(size_of::<Option<Value<'_>>>());
        self.reader.budget.charge_bytes(bytes.saturating_add(size_of::<Object<'_>>()))?;
        let fields = self.reader.arena.alloc_slice_fill_copy(ty.fields.len(), None);
        for (slot, field) in slots.into_iter().zip(of.fields) {
            let value = self.finish(slot, &field.shape)?;
            if let Some(target) = fields.get_mut(field.at) {
                *target = value;
            }
        }
        Ok(Value::Object(self.reader.arena.alloc(Object { ty, fields, tagged: false })))
    }
}

/// The name of a shape's Go type.
fn go_name(shape: &Shape) -> &'static str {
    match shape {
        Shape::String(name) | Shape::Map(name, _) | Shape::List(name, _) => name,
        Shape::Int(name) => name,
        Shape::Double => "float64",
        Shape::Bool => "bool",
        Shape::Bytes => "[]uint8",
        Shape::Struct(of) => of.go,
        Shape::Pointer(inner) => go_name(inner),
        Shape::Any | Shape::Ignored | Shape::Custom(_) => "interface {}",
    }
}
