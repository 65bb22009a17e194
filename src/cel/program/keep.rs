//! Values that must be dropped, which an arena of plain memory does not do: each stays where it is put, for as long
//! as the [`Keep`] lives.

use std::cell::{Cell, OnceCell};

/// The number of rows: with the last of them full there are 2³² - 1 values.
const ROWS: usize = 32;

/// Values with fixed places. Row `n` has room for 2ⁿ of them and is never moved.
pub(in crate::cel) struct Keep<T> {
    rows: [OnceCell<Box<[OnceCell<T>]>>; ROWS],
    len: Cell<u32>,
}

impl<T> Default for Keep<T> {
    fn default() -> Self {
        Keep { rows: [const { OnceCell::new() }; ROWS], len: Cell::new(0) }
    }
}

impl<T> Keep<T> {
    /// Keeps `value`; gives it back if there is no room, which takes four billion values.
    pub(in crate::cel) fn keep(&self, value: T) -> Result<&T, T> {
        let Some(next) = self.len.get().checked_add(1) else { return Err(value) };
        let row = next.ilog2();
        let width = 1_usize.checked_shl(row).unwrap_or_default();
        let column = usize::try_from(next).unwrap_or_default().saturating_sub(width);
        let place = self.rows.get(usize::try_from(row).unwrap_or(ROWS)).and_then(|cells| {
            let cells = cells.get_or_init(|| (0..width).map(|_| OnceCell::new()).collect());
            cells.get(column).filter(|cell| cell.get().is_none())
        });
        let Some(place) = place else { return Err(value) };
        self.len.set(next);
        Ok(place.get_or_init(|| value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn values_stay_in_their_places_and_are_dropped_with_the_keep() {
        let shared = Rc::new(());
        let keep = Keep::default();
        let places: Vec<&(usize, Rc<()>)> =
            (0..100).map(|number| keep.keep((number, Rc::clone(&shared))).unwrap()).collect();
        for (number, place) in places.iter().enumerate() {
            assert_eq!(place.0, number);
        }
        assert_eq!(Rc::strong_count(&shared), 101);
        drop(keep);
        assert_eq!(Rc::strong_count(&shared), 1);
    }
}
