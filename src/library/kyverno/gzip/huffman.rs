//! Huffman codes of limited length for writing, as Go's `compress/flate` makes them: of all codes that are as short, the
//! same one.

use super::bits::Code;

/// The longest code of all, one more.
const LEVELS: usize = 16;
const NEVER: i64 = i32::MAX as i64;

/// A symbol and how often it comes.
#[derive(Clone, Copy, Debug)]
struct Leaf {
    symbol: usize,
    count: i64,
}

/// The code with which symbols that come so often take the fewest bits, none more than `most`.
pub(super) fn codes(counts: &[i64], most: usize) -> Vec<Code> {
    let mut codes = vec![Code::default(); counts.len()];
    let used = counts.iter().enumerate().filter(|(_, count)| **count != 0);
    let mut leaves: Vec<Leaf> = used.map(|(symbol, count)| Leaf { symbol, count: *count }).collect();
    if leaves.len() <= 2 {
        for (bits, leaf) in (0..).zip(leaves) {
            set(&mut codes, leaf.symbol, Code { bits, length: 1 });
        }
        return codes;
    }
    leaves.sort_unstable_by_key(|leaf| (leaf.count, leaf.symbol));
    let mut code = 0_u16;
    let mut end = leaves.len();
    for (length, count) in (0..).zip(lengths(&leaves, most)) {
        code = code.wrapping_shl(1);
        let from = end.saturating_sub(count);
        let mut chunk: Vec<usize> =
            leaves.get(from..end).unwrap_or_default().iter().map(|leaf| leaf.symbol).collect();
        chunk.sort_unstable();
        for symbol in chunk {
            let bits = code.reverse_bits().wrapping_shr(16_u32.saturating_sub(length));
            set(&mut codes, symbol, Code { bits, length });
            code = code.wrapping_add(1);
        }
        end = from;
    }
    codes
}

fn set<T>(slots: &mut [T], at: usize, value: T) {
    if let Some(slot) = slots.get_mut(at) {
        *slot = value;
    }
}

fn at<T: Copy + Default>(values: &[T], at: usize) -> T {
    values.get(at).copied().unwrap_or_default()
}

/// One depth of the tree.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    /// How often the last node comes.
    last: i64,
    /// How often the next leaf comes.
    next_leaf: i64,
    /// How often the next pair from the level below comes.
    next_pair: i64,
    /// How many nodes are still to be made.
    needed: usize,
}

/// How many codes have each length, from 0 on: the package-merge algorithm without its packages, for at least three leaves
/// in the order of how often they come.
fn lengths(leaves: &[Leaf], most: usize) -> Vec<usize> {
    let count = leaves.len();
    let most = most.min(count.saturating_sub(1)).min(LEVELS - 1);
    let often = |index: usize| leaves.get(index).map_or(NEVER, |leaf| leaf.count);
    let first = Level {
        last: often(1),
        next_leaf: often(2),
        next_pair: often(0).saturating_add(often(1)),
        needed: 0,
    };
    let mut levels = [Level::default(); LEVELS + 1];
    // For each level, the leaves to the left of its last node, on that level and all below.
    let mut left = [[0_usize; LEVELS]; LEVELS];
    for level in 1..=most {
        set(&mut levels, level, if level == 1 { Level { next_pair: NEVER, ..first } } else { first });
        if let Some(row) = left.get_mut(level) {
            set(row, level, 2);
        }
    }
    // All but two of the nodes at the top.
    if let Some(top) = levels.get_mut(most) {
        top.needed = count.saturating_mul(2).saturating_sub(4);
    }
    let mut level = most;
    while level <= most {
        let mut now = at(&levels, level);
        if now.next_pair == NEVER && now.next_leaf == NEVER {
            // Neither leaves nor pairs are left: nothing comes back to this level.
            now.needed = 0;
            set(&mut levels, level, now);
            level = level.saturating_add(1);
            if let Some(above) = levels.get_mut(level) {
                above.next_pair = NEVER;
            }
            continue;
        }
        let before = now.last;
        if now.next_leaf < now.next_pair {
            now.last = now.next_leaf;
            let row = left.get_mut(level);
            let used = row.as_ref().map_or(0, |row| at(*row, level)).saturating_add(1);
            if let Some(row) = row {
                set(row, level, used);
            }
            now.next_leaf = often(used);
        } else {
            now.last = now.next_pair;
            let below = at(&left, level.saturating_sub(1));
            if let Some(row) = left.get_mut(level) {
                for (slot, value) in row.iter_mut().zip(below).take(level) {
                    *slot = value;
                }
            }
            if let Some(below) = levels.get_mut(level.saturating_sub(1)) {
                below.needed = 2;
            }
        }
        now.needed = now.needed.saturating_sub(1);
        set(&mut levels, level, now);
        if now.needed == 0 {
            if level == most {
                break;
            }
            level = level.saturating_add(1);
            if let Some(above) = levels.get_mut(level) {
                above.next_pair = before.saturating_add(now.last);
            }
        } else {
            // What was taken from below is made anew first.
            while level > 1 && at(&levels, level.saturating_sub(1)).needed > 0 {
                level = level.saturating_sub(1);
            }
        }
    }
    let top = at(&left, most);
    let of_length = |length: usize| {
        let level = most.saturating_add(1).saturating_sub(length);
        at(&top, level).saturating_sub(at(&top, level.saturating_sub(1)))
    };
    [0].into_iter().chain((1..=most).map(of_length)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_complete_and_no_longer_than_it_may_be() {
        let fibonacci: Vec<i64> = (0..30)
            .scan((1, 1), |(a, b), _| {
                (*a, *b) = (*b, *a + *b);
                Some(*a)
            })
            .collect();
        for (counts, most) in [(fibonacci, 15), (vec![1; 19], 7), (vec![5, 0, 1, 1], 15)] {
            let codes = codes(&counts, most);
            let lengths: Vec<u32> =
                codes.iter().map(|code| code.length).filter(|length| *length > 0).collect();
            assert!(lengths.iter().all(|length| *length as usize <= most));
            let sum: u32 = lengths.iter().map(|length| 1 << (15 - length)).sum();
            assert_eq!(sum, 1 << 15);
        }
    }
}
