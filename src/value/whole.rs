//! Between whole numbers and doubles: the double that is nearest to one, and the one that a double is.

/// The nearest double, as Go's conversion.
pub fn i64_as_f64(i: i64) -> f64 {
    i as f64
}

/// The nearest double, as Go's conversion.
pub fn u64_as_f64(u: u64) -> f64 {
    u as f64
}

/// The int that a double is, if it is one. cel-go takes the smallest int for an overflow.
pub(crate) fn double_to_int(d: f64) -> Option<i64> {
    let fits = d > i64_as_f64(i64::MIN) && d < i64_as_f64(i64::MAX);
    (fits && i64_as_f64(d as i64) == d).then_some(d as i64)
}

/// The uint that a double is, if it is one.
pub(crate) fn double_to_uint(d: f64) -> Option<u64> {
    let fits = d >= 0.0 && d < u64_as_f64(u64::MAX);
    (fits && u64_as_f64(d as u64) == d).then_some(d as u64)
}
