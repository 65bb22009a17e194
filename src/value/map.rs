//! Maps: entries sorted by key, so that a lookup is a binary search and iteration has one fixed order.
//!
//! cel-go's order is Go's map order, that is random; any fixed order is one that Kyverno could have taken.

use std::cmp::Ordering;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::Value;
use super::whole::{double_to_int, double_to_uint};
use crate::budget::{Budget, Fault};

/// In maps up to this many entries a string is looked for one by one.
const FEW: usize = 12;

/// A map. Keys are null, booleans, numbers and strings; a literal may have others.
#[derive(Clone, Copy, Debug)]
pub struct Map<'a> {
    // INVARIANT: sorted by `order`, no two keys the `same`.
    entries: &'a [(Value<'a>, Value<'a>)],
}

/// Collects the entries of a map.
#[derive(Debug)]
pub struct MapBuilder<'a> {
    entries: BumpVec<'a, (Value<'a>, Value<'a>)>,
    sorted: bool,
}

/// A total order of keys: first by type, then by value. Numbers of different types are different keys.
fn order(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Uint(a), Value::Uint(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Double(a), Value::Double(b)) if a == b => Ordering::Equal,
        (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// Whether two keys that [`order`] does not tell apart are one key: as Go compares interface values. NaN is no key that
/// can be found again; lists, maps and objects are pointers in Go, so only the very same one is equal; a time
/// holds a pointer to its zone.
fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Timestamp(a), Value::Timestamp(b)) => {
            // Go has one zone for each whole hour.
            let shared =
                a.offset.checked_rem(3_600) == Some(0) && (-12..=14).contains(&a.offset.div_euclid(3_600));
            a.instant() == b.instant() && a.offset == b.offset && shared
        }
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::Optional(None), Value::Optional(None)) => true,
        (Value::Optional(Some(a)), Value::Optional(Some(b))) => std::ptr::eq(*a, *b),
        (Value::List(a), Value::List(b)) => !a.is_empty() && std::ptr::eq(*a, *b),
        (Value::Map(a), Value::Map(b)) => !a.is_empty() && std::ptr::eq(a.entries, b.entries),
        (Value::Object(a), Value::Object(b)) => std::ptr::eq(*a, *b),
        (Value::Opaque(_), Value::Opaque(_)) => false,
        (Value::Extension(a), Value::Extension(b)) => a.is_same_key(b),
        _ => order(a, b).is_eq() && rank(a) < EXOTIC && rank(a) == rank(b),
    }
}

/// Whether two keys are one by where they are, or are nowhere. Kyverno wraps parts of a request anew for each use, and what an
/// expression makes it keeps, so that it may be one key for it or two.
fn unsure(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => a.is_empty() && b.is_empty() || std::ptr::eq(*a, *b),
        (Value::Map(a), Value::Map(b)) => a.is_empty() && b.is_empty() || std::ptr::eq(a.entries, b.entries),
        (Value::Optional(Some(_)), Value::Optional(Some(_))) | (Value::Object(_), Value::Object(_)) => {
            same(a, b)
        }
        _ => false,
    }
}

/// True for a key that may be another by where it is.
fn has_place(key: &Value<'_>) -> bool {
    matches!(key, Value::List(_) | Value::Map(_) | Value::Optional(Some(_)) | Value::Object(_))
}

/// What is said of such keys.
const UNSURE: Fault = Fault::Unlike("a list, a map, an object or an optional that is a key twice");

/// A fault if [`unsure`] of one of the keys. Keys of this kind come last.
fn sure_of(entries: &[(Value<'_>, Value<'_>)], key: &Value<'_>) -> Result<(), Fault> {
    if !has_place(key) {
        return Ok(());
    }
    let mut exotic = entries.iter().rev().take_while(|(known, _)| rank(known) == EXOTIC);
    match exotic.any(|(known, _)| unsure(known, key)) {
        true => Err(UNSURE),
        false => Ok(()),
    }
}

/// The rank of keys that only literals have, which no index expression can look up.
const EXOTIC: u8 = 6;

fn rank(key: &Value<'_>) -> u8 {
    match key {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Int(_) => 2,
        Value::Uint(_) => 3,
        Value::Double(_) => 4,
        Value::String(_) => 5,
        _ => EXOTIC,
    }
}

impl<'a> Map<'a> {
    /// `{}`
    pub const EMPTY: Map<'static> = Map { entries: &[] };

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True for `{}`.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, in the map's fixed order.
    pub fn entries(&self) -> &'a [(Value<'a>, Value<'a>)] {
        self.entries
    }

    /// The value under exactly the string `key`.
    pub fn get_str(&self, key: &str) -> Option<Value<'a>> {
        if self.entries.len() > FEW {
            return self.get_exact(&Value::String(key));
        }
        // Strings of other lengths are unequal at once, but an order has to look into them.
        let same = |entry: &&(Value<'a>, Value<'a>)| matches!(entry.0, Value::String(name) if name == key);
        self.entries.iter().find(same).map(|(_, value)| *value)
    }

    /// The value that CEL finds under `key`: the key itself, else a number of another type that is equal to it
    /// without loss, looked up as cel-go does (a double finds int and uint keys, an int finds uint keys and
    /// the other way round; nothing but a double finds a double key).
    pub fn get(&self, key: &Value<'_>) -> Option<Value<'a>> {
        find(self.entries, key)
    }

    fn get_exact(&self, key: &Value<'_>) -> Option<Value<'a>> {
        find_exact(self.entries, key)
    }

    /// Makes sure that looking for `key` finds what Kyverno finds.
    ///
    /// # Errors
    /// That hangs on where the key is.
    pub fn sure_of(&self, key: &Value<'_>) -> Result<(), Fault> {
        sure_of(self.entries, key)
    }

    /// The steps of looking for `key`: a binary search looks into it so many times, sixteen bytes for a step; in a map that
    /// no cache holds, each time waits for memory.
    pub fn steps_of_lookup(&self, key: &Value<'_>) -> u64 {
        let count = self.entries.len();
        let rounds = u64::from(usize::BITS.saturating_sub(count.leading_zeros()));
        let waits = match count {
            0..8 => 0,
            8..64 => 1,
            64..1_024 => rounds,
            _ => rounds.saturating_mul(4),
        };
        match key {
            Value::String(text) => u64::try_from(text.len() >> 4)
                .unwrap_or(u64::MAX)
                .saturating_mul(rounds)
                .saturating_add(waits),
            _ => waits,
        }
    }
}

/// [`Map::get`] in entries that are in order.
fn find<'a>(entries: &[(Value<'a>, Value<'a>)], key: &Value<'_>) -> Option<Value<'a>> {
    if let Some(found) = find_exact(entries, key) {
        return Some(found);
    }
    match *key {
        Value::Int(i) => find_exact(entries, &Value::Uint(u64::try_from(i).ok()?)),
        Value::Uint(u) => find_exact(entries, &Value::Int(i64::try_from(u).ok()?)),
        Value::Double(d) => {
            let int = double_to_int(d).and_then(|i| find_exact(entries, &Value::Int(i)));
            int.or_else(|| double_to_uint(d).and_then(|u| find_exact(entries, &Value::Uint(u))))
        }
        _ => None,
    }
}

fn find_exact<'a>(entries: &[(Value<'a>, Value<'a>)], key: &Value<'_>) -> Option<Value<'a>> {
    let at = entries.binary_search_by(|(k, _)| order(k, key)).ok()?;
    let (found, value) = entries.get(at)?;
    if same(found, key) {
        return Some(*value);
    }
    // Keys that no index can look up: they have no order among themselves.
    entries.iter().find(|(k, _)| same(k, key)).map(|(_, value)| *value)
}

impl<'a> MapBuilder<'a> {
    /// A builder with room for `capacity` entries in `arena`.
    pub fn with_capacity(arena: &'a Bump, capacity: usize) -> Self {
        MapBuilder { entries: BumpVec::with_capacity_in(capacity, arena), sorted: true }
    }

    /// Adds an entry; of equal keys the last one wins.
    pub fn insert(&mut self, key: Value<'a>, value: Value<'a>) {
        if let Some((last, slot)) = self.entries.last_mut() {
            match order(last, &key) {
                Ordering::Less => {}
                Ordering::Equal if same(last, &key) => {
                    // Of the two zeros, Go keeps the later one.
                    *last = key;
                    *slot = value;
                    return;
                }
                // There may be an equal key further back.
                Ordering::Equal => self.sorted = false,
                Ordering::Greater => self.sorted = false,
            }
        }
        self.entries.push((key, value));
    }

    /// Adds an entry whose key the map must not have yet, as [`Map::get`] finds it; false if it has it. Entries that
    /// come in order are cheap, others are charged for those that have to make room.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn insert_new(
        &mut self,
        key: Value<'a>,
        value: Value<'a>,
        budget: &mut Budget,
    ) -> Result<bool, Fault> {
        // INVARIANT: a builder that is filled by this alone is in order.
        let count = self.entries.len();
        let looked_at = match &key {
            Value::String(key) => {
                (key.len() >> 5).saturating_mul(usize::BITS.saturating_sub(count.leading_zeros()) as usize)
            }
            // These are compared with one another, one by one.
            key if rank(key) == EXOTIC => count,
            _ => 0,
        };
        budget.charge(u64::try_from(looked_at).unwrap_or(u64::MAX))?;
        sure_of(&self.entries, &key)?;
        if find(&self.entries, &key).is_some() {
            return Ok(false);
        }
        let size = size_of::<(Value<'_>, Value<'_>)>();
        if count == self.entries.capacity() {
            // A bump arena does not take back the old buffer, so growing costs the new one whole.
            let capacity = count.saturating_mul(2).max(4);
            budget.charge_bytes(capacity.saturating_mul(size))?;
            self.entries.reserve_exact(capacity.saturating_sub(count));
        }
        let at = self.entries.partition_point(|(known, _)| order(known, &key).is_le());
        let moved = count.saturating_sub(at).saturating_mul(size);
        budget.charge(u64::try_from(moved >> 8).unwrap_or(u64::MAX))?;
        self.entries.insert(at, (key, value));
        Ok(true)
    }

    /// As [`Map::sure_of`], of the entries so far, which come in any order.
    ///
    /// # Errors
    /// Kyverno may have one of them under `key`, or another; the budget is spent.
    pub fn sure_of(&self, key: &Value<'_>, budget: &mut Budget) -> Result<(), Fault> {
        if !has_place(key) {
            return Ok(());
        }
        budget.charge(u64::try_from(self.entries.len()).unwrap_or(u64::MAX))?;
        match self.entries.iter().any(|(known, _)| unsure(known, key)) {
            true => Err(UNSURE),
            false => Ok(()),
        }
    }

    /// Takes an entry out again: what an absent optional value does to an earlier entry of the same key.
    pub fn remove(&mut self, key: &Value<'a>) {
        self.entries.retain(|(k, _)| !same(k, key));
    }

    /// The finished map, of entries whose order and number a caller chooses: charged for sorting them, which takes
    /// more for long keys.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn finish_within(self, budget: &mut Budget) -> Result<Map<'a>, Fault> {
        if !self.sorted {
            let count = self.entries.len();
            let rounds = usize::BITS.saturating_sub(count.leading_zeros()) as usize;
            let lengths = self.entries.iter().map(|(key, _)| match key {
                Value::String(key) => key.len(),
                _ => 0,
            });
            let bytes = lengths.fold(0_usize, usize::saturating_add) >> 5;
            let steps = (count >> 2).saturating_add(bytes).saturating_mul(rounds);
            budget.charge(u64::try_from(steps).unwrap_or(u64::MAX))?;
        }
        Ok(self.finish())
    }

    /// The finished map, of entries in order or few.
    pub fn finish(mut self) -> Map<'a> {
        if !self.sorted {
            self.entries =
                if self.entries.len() <= FEW { inserted(&self.entries) } else { sorted(&self.entries) };
        }
        Map { entries: self.entries.into_bump_slice() }
    }
}

/// The entries in order, each put where it belongs among those before it.
fn inserted<'a>(entries: &BumpVec<'a, (Value<'a>, Value<'a>)>) -> BumpVec<'a, (Value<'a>, Value<'a>)> {
    let mut sorted: BumpVec<'a, (Value<'a>, Value<'a>)> =
        BumpVec::with_capacity_in(entries.len(), entries.bump());
    for entry in entries {
        let at = sorted.partition_point(|known| order(&known.0, &entry.0).is_le());
        if !replaced(sorted.get_mut(..at).unwrap_or_default(), entry) {
            sorted.insert(at, *entry);
        }
    }
    sorted
}

/// The same for many.
fn sorted<'a>(entries: &BumpVec<'a, (Value<'a>, Value<'a>)>) -> BumpVec<'a, (Value<'a>, Value<'a>)> {
    // Sorting indices keeps the order of insertion among equal keys without a stable sort's heap buffer.
    let mut indices = BumpVec::with_capacity_in(entries.len(), entries.bump());
    indices.extend(0..entries.len());
    indices.sort_unstable_by(|a, b| match (entries.get(*a), entries.get(*b)) {
        (Some(x), Some(y)) => order(&x.0, &y.0).then(a.cmp(b)),
        _ => a.cmp(b),
    });
    let mut sorted: BumpVec<'a, (Value<'a>, Value<'a>)> =
        BumpVec::with_capacity_in(entries.len(), entries.bump());
    for entry in indices.iter().filter_map(|i| entries.get(*i)) {
        if !replaced(&mut sorted, entry) {
            sorted.push(*entry);
        }
    }
    sorted
}

/// Puts `entry` in the place of the one with the same key, if one of those at the end of `sorted` has it.
fn replaced<'a>(sorted: &mut [(Value<'a>, Value<'a>)], entry: &(Value<'a>, Value<'a>)) -> bool {
    let mut ties = sorted.iter_mut().rev().take_while(|known| order(&known.0, &entry.0).is_eq());
    let same = ties.find(|known| same(&known.0, &entry.0));
    if let Some(known) = same {
        *known = *entry;
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map<'a>(arena: &'a Bump, entries: &[(Value<'a>, Value<'a>)]) -> Map<'a> {
        let mut builder = MapBuilder::with_capacity(arena, entries.len());
        for (key, value) in entries {
            builder.insert(*key, *value);
        }
        builder.finish()
    }

    #[test]
    fn the_last_of_equal_keys_wins_in_any_order_of_insertion() {
        let arena = Bump::new();
        let keys = ["b", "a", "c", "a", "b", "b"];
        let entries: Vec<_> = keys.iter().zip(0..).map(|(k, i)| (Value::String(k), Value::Int(i))).collect();
        let map = map(&arena, &entries);
        assert_eq!(map.len(), 3);
        for (key, expected) in [("a", 3), ("b", 5), ("c", 2)] {
            assert!(matches!(map.get_str(key), Some(Value::Int(i)) if i == expected), "{key}");
        }
    }

    #[test]
    fn sorting_what_a_caller_chose_is_charged_before_it_is_done() {
        let arena = Bump::new();
        let long = "a".repeat(10_000);
        let left = |keys: &[&'static str], prefix: &str, steps: u64| {
            let mut builder = MapBuilder::with_capacity(&arena, keys.len());
            for key in keys {
                builder.insert(Value::String(arena.alloc_str(&format!("{prefix}{key}"))), Value::Null);
            }
            let mut budget = Budget { steps, bytes: 0 };
            builder.finish_within(&mut budget).map(|map| (map.len(), budget.steps))
        };
        // In order already: nothing is sorted.
        assert_eq!(left(&["a", "b", "c", "d"], "", 10), Ok((4, 10)));
        assert_eq!(left(&["d", "c", "b", "a"], "", 10), Ok((4, 7)));
        assert_eq!(left(&["d", "c", "b", "a"], "", 2), Err(Fault::Steps));
        assert_eq!(left(&["d", "c", "b", "a"], &long, 1_000), Err(Fault::Steps));
    }

    #[test]
    fn an_entry_is_new_unless_an_index_would_find_its_key() {
        let arena = Bump::new();
        let mut builder = MapBuilder::with_capacity(&arena, 0);
        let mut budget = Budget { steps: 1_000, bytes: 1_000_000 };
        let list = [Value::Int(1)];
        let keys = [
            (Value::String("b"), true),
            (Value::String("a"), true),
            (Value::String("b"), false),
            (Value::Int(1), true),
            (Value::Uint(1), false),
            (Value::Double(1.0), false),
            (Value::Double(1.5), true),
            (Value::List(&list), true),
            (Value::Null, true),
        ];
        for (at, (key, is_new)) in keys.iter().enumerate() {
            assert_eq!(builder.insert_new(*key, Value::Null, &mut budget), Ok(*is_new), "{at}");
        }
        assert_eq!(builder.insert_new(Value::List(&list), Value::Null, &mut budget), Err(UNSURE));
        let map = builder.finish();
        assert_eq!(map.len(), 6);
        for key in ["a", "b"] {
            assert!(map.get_str(key).is_some(), "{key}");
        }
        assert!(map.get(&Value::Uint(1)).is_some() && map.get(&Value::Null).is_some());
    }

    #[test]
    fn making_room_in_a_map_is_charged() {
        let arena = Bump::new();
        let spent = |order: &[i64]| {
            let mut builder = MapBuilder::with_capacity(&arena, 0);
            let mut budget = Budget { steps: 1_000_000, bytes: 10_000_000 };
            for key in order {
                assert_eq!(builder.insert_new(Value::Int(*key), Value::Null, &mut budget), Ok(true));
            }
            1_000_000 - budget.steps
        };
        let ascending: Vec<i64> = (0..1_000).collect();
        let descending: Vec<i64> = ascending.iter().rev().copied().collect();
        assert_eq!(spent(&ascending), 0);
        assert!(spent(&descending) > 10_000);
    }

    #[test]
    fn numbers_find_equal_keys_of_other_types_as_in_cel_go() {
        let arena = Bump::new();
        let one = map(&arena, &[(Value::Int(1), Value::Null)]);
        assert!(one.get(&Value::Uint(1)).is_some());
        assert!(one.get(&Value::Double(1.0)).is_some());
        assert!(one.get(&Value::Double(1.5)).is_none());
        let double = map(&arena, &[(Value::Double(1.0), Value::Null)]);
        assert!(double.get(&Value::Int(1)).is_none());
    }
}
