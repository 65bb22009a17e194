//! The order in which Go's `sort.Slice` leaves its elements.
//!
//! That sort is not stable: beyond twelve elements, equal ones end up where its pattern-defeating quicksort puts
//! them, and with a comparison that is no order (NaN) everything depends on which pairs it asks for. What
//! `sortBy` answers is thus defined by that algorithm, and this follows its steps, comparison by comparison.

use std::ops::ControlFlow;

/// Up to this many elements are sorted by insertion.
const MAX_INSERTION: usize = 12;
/// From this many on, a pivot is the median of three medians, and short repairs of sorted runs are tried.
const LONG: usize = 50;
/// The out-of-order pairs that the attempt to repair a sorted run moves before it gives up.
const MAX_REPAIRS: usize = 5;
/// The exchanges that choosing a pivot makes in a run that is in reverse order.
const MAX_SWAPS: usize = 12;

/// Sorts `items` by `less`, which may fail; then the order is unspecified.
///
/// # Errors
/// That of `less`.
pub(super) fn sort<T: Copy, E>(
    items: &mut [T],
    less: &mut impl FnMut(T, T) -> Result<bool, E>,
) -> Result<(), E> {
    let length = items.len();
    let limit = usize::BITS.saturating_sub(length.leading_zeros());
    let mut run = Run { items, less };
    run.quicksort(0, length, limit)
}

/// What a look at some elements says about the order of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hint {
    Unknown,
    Increasing,
    Decreasing,
}

/// The elements under sort. Ranges are half open; an index out of bounds compares as not less and swaps nothing.
struct Run<'i, 'l, T, L> {
    items: &'i mut [T],
    less: &'l mut L,
}

impl<T: Copy, E, L: FnMut(T, T) -> Result<bool, E>> Run<'_, '_, T, L> {
    fn less(&mut self, a: usize, b: usize) -> Result<bool, E> {
        match (self.items.get(a), self.items.get(b)) {
            (Some(a), Some(b)) => (self.less)(*a, *b),
            _ => Ok(false),
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        if a.max(b) < self.items.len() {
            self.items.swap(a, b);
        }
    }

    /// Sorts `start..end`; `limit` unbalanced partitions are followed, then heapsort takes over. The smaller half
    /// is sorted by recursion, so the depth is logarithmic.
    fn quicksort(&mut self, mut start: usize, mut end: usize, mut limit: u32) -> Result<(), E> {
        let (mut balanced, mut partitioned) = (true, true);
        loop {
            let length = end.saturating_sub(start);
            if length <= MAX_INSERTION {
                return self.insertion_sort(start, end);
            }
            if limit == 0 {
                return self.heapsort(start, end);
            }
            if !balanced {
                self.break_patterns(start, end);
                limit = limit.saturating_sub(1);
            }
            let (mut pivot, mut hint) = self.choose_pivot(start, end)?;
            if hint == Hint::Decreasing {
                if let Some(run) = self.items.get_mut(start..end) {
                    run.reverse();
                }
                pivot = end.saturating_sub(1).saturating_sub(pivot.saturating_sub(start));
                hint = Hint::Increasing;
            }
            if balanced && partitioned && hint == Hint::Increasing && self.repair(start, end)? {
                return Ok(());
            }
            // The element before the run is not less than the pivot: the run starts with equal ones.
            if let Some(before) = start.checked_sub(1)
                && !self.less(before, pivot)?
            {
                start = self.partition_equal(start, end, pivot)?;
                continue;
            }
            let (middle, already) = self.partition(start, end, pivot)?;
            partitioned = already;
            let (left, right) = (middle.saturating_sub(start), end.saturating_sub(middle));
            balanced = left.min(right) >= length / 8;
            if left < right {
                self.quicksort(start, middle, limit)?;
                start = middle.saturating_add(1);
            } else {
                self.quicksort(middle.saturating_add(1), end, limit)?;
                end = middle;
            }
        }
    }

    fn insertion_sort(&mut self, start: usize, end: usize) -> Result<(), E> {
        for next in start.saturating_add(1)..end {
            self.sink(next, start)?;
        }
        Ok(())
    }

    /// Moves the element at `from` to the left while it is less than its neighbour, not beyond `lowest`.
    fn sink(&mut self, from: usize, lowest: usize) -> Result<(), E> {
        let mut at = from;
        while at > lowest {
            let left = at.saturating_sub(1);
            if !self.less(at, left)? {
                break;
            }
            self.swap(at, left);
            at = left;
        }
        Ok(())
    }

    fn heapsort(&mut self, start: usize, end: usize) -> Result<(), E> {
        let length = end.saturating_sub(start);
        for root in (0..=length.saturating_sub(1) / 2).rev() {
            self.sift_down(start, root, length)?;
        }
        for last in (0..length).rev() {
            self.swap(start, start.saturating_add(last));
            self.sift_down(start, 0, last)?;
        }
        Ok(())
    }

    fn sift_down(&mut self, start: usize, mut root: usize, length: usize) -> Result<(), E> {
        loop {
            let mut child = root.saturating_mul(2).saturating_add(1);
            if child >= length {
                return Ok(());
            }
            let sibling = child.saturating_add(1);
            if sibling < length && self.less(start.saturating_add(child), start.saturating_add(sibling))? {
                child = sibling;
            }
            if !self.less(start.saturating_add(root), start.saturating_add(child))? {
                return Ok(());
            }
            self.swap(start.saturating_add(root), start.saturating_add(child));
            root = child;
        }
    }

    /// Exchanges three elements near the middle with ones at places that look random but follow from the length.
    fn break_patterns(&mut self, start: usize, end: usize) {
        let length = end.saturating_sub(start);
        let Ok(mut state) = u64::try_from(length) else { return };
        let mask = length.checked_add(1).map_or(usize::MAX, |n| n.next_power_of_two().saturating_sub(1));
        let middle = start.saturating_add((length / 4).saturating_mul(2));
        for at in middle.saturating_sub(1)..=middle.saturating_add(1) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut other = usize::try_from(state).unwrap_or(0) & mask;
            if other >= length {
                other = other.saturating_sub(length);
            }
            self.swap(at, start.saturating_add(other));
        }
    }

    /// A pivot, and how sorted the run looks from the exchanges that finding it took.
    fn choose_pivot(&mut self, start: usize, end: usize) -> Result<(usize, Hint), E> {
        let length = end.saturating_sub(start);
        let quarter = length / 4;
        let places: [usize; 3] = [1, 2, 3].map(|n: usize| start.saturating_add(quarter.saturating_mul(n)));
        let mut swaps = 0;
        let places = if length >= LONG {
            let mut medians = places;
            for (median, place) in medians.iter_mut().zip(places) {
                *median =
                    self.median([place.saturating_sub(1), place, place.saturating_add(1)], &mut swaps)?;
            }
            medians
        } else {
            places
        };
        let pivot = self.median(places, &mut swaps)?;
        Ok(match swaps {
            0 => (pivot, Hint::Increasing),
            MAX_SWAPS => (pivot, Hint::Decreasing),
            _ => (pivot, Hint::Unknown),
        })
    }

    fn median(&mut self, [a, b, c]: [usize; 3], swaps: &mut usize) -> Result<usize, E> {
        let (a, b) = self.in_order(a, b, swaps)?;
        let (b, _) = self.in_order(b, c, swaps)?;
        let (_, b) = self.in_order(a, b, swaps)?;
        Ok(b)
    }

    fn in_order(&mut self, a: usize, b: usize, swaps: &mut usize) -> Result<(usize, usize), E> {
        if self.less(b, a)? {
            *swaps = swaps.saturating_add(1);
            return Ok((b, a));
        }
        Ok((a, b))
    }

    /// Tries to finish a run that is almost sorted; true if it is sorted then.
    fn repair(&mut self, start: usize, end: usize) -> Result<bool, E> {
        let mut at = start.saturating_add(1);
        for _ in 0..MAX_REPAIRS {
            while at < end && !self.less(at, at.saturating_sub(1))? {
                at = at.saturating_add(1);
            }
            if at == end {
                return Ok(true);
            }
            if end.saturating_sub(start) < LONG {
                return Ok(false);
            }
            let left = at.saturating_sub(1);
            self.swap(at, left);
            if at.saturating_sub(start) >= 2 {
                // Down to the first element of all, not of the run: what lies before the run is not greater.
                self.sink(left, 0)?;
            }
            if end.saturating_sub(at) >= 2 {
                self.rise(at, end)?;
            }
        }
        Ok(false)
    }

    /// Moves the element at `from` to the right while its neighbour is less.
    fn rise(&mut self, from: usize, end: usize) -> Result<(), E> {
        for at in from.saturating_add(1)..end {
            if !self.less(at, at.saturating_sub(1))? {
                break;
            }
            self.swap(at, at.saturating_sub(1));
        }
        Ok(())
    }

    /// Parts the run into what is less than the pivot and what is not; answers the pivot's new place and whether
    /// nothing had to move.
    fn partition(&mut self, start: usize, end: usize, pivot: usize) -> Result<(usize, bool), E> {
        self.swap(start, pivot);
        let (mut low, mut high) = (start.saturating_add(1), end.saturating_sub(1));
        let mut already = true;
        while self.approach(&mut low, &mut high, |run, at| run.less(at, start))?.is_continue() {
            already = false;
        }
        self.swap(high, start);
        Ok((high, already))
    }

    /// Parts the run into what is equal to the pivot and what is greater; answers where the second part starts.
    fn partition_equal(&mut self, start: usize, end: usize, pivot: usize) -> Result<usize, E> {
        self.swap(start, pivot);
        let (mut low, mut high) = (start.saturating_add(1), end.saturating_sub(1));
        while self.approach(&mut low, &mut high, |run, at| Ok(!run.less(start, at)?))?.is_continue() {}
        Ok(low)
    }

    /// Moves `low` up over elements that belong to the left and `high` down over those that do not, then exchanges
    /// the two that stand wrong; breaks when the two have passed each other.
    fn approach(
        &mut self,
        low: &mut usize,
        high: &mut usize,
        is_left: impl Fn(&mut Self, usize) -> Result<bool, E>,
    ) -> Result<ControlFlow<()>, E> {
        while *low <= *high && is_left(self, *low)? {
            *low = low.saturating_add(1);
        }
        while *low <= *high && !is_left(self, *high)? {
            *high = high.saturating_sub(1);
        }
        if *low > *high {
            return Ok(ControlFlow::Break(()));
        }
        self.swap(*low, *high);
        *low = low.saturating_add(1);
        *high = high.saturating_sub(1);
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests;
