//! Kyverno's counter of costs, of mode JSON: cel-go's (`interpreter/runtimecost.go`) with the estimates of Kubernetes
//! (`apiserver/pkg/cel/library/cost.go`). An expression that is over its limit ends in an error there.
//!
//! The engine evaluates otherwise than cel-go and does not count step by step. It counts what cel-go cannot exceed: what
//! all nodes of the expression cost together, those in a loop for each of its turns, and what calls cost by the size of
//! their arguments. Where that is over the limit the decision is a denial, whether Kyverno would be over it too or not.

use crate::budget::{Budget, Fault};
use crate::value::MAX_DEPTH;
use crate::value::{Extension, Value};

/// What a call costs whatever its arguments are.
pub(in crate::cel) const CALL: u64 = 1;

/// What a call costs above that if it makes a list.
const LIST: u64 = 10;

/// The same of one that compares networks.
const NETWORKS: u64 = 10;

/// The length that Kubernetes takes the regular expression of the format `uri` to have (`MaxRegexSize`).
const URI: u64 = 1103;

/// The same of the other formats, at most.
const OTHER_FORMAT: u64 = 128;

/// How the units of a call grow with its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum Weight {
    /// Not at all.
    Fixed,
    /// With the length of the first text.
    First,
    /// Twice with that.
    Twice,
    /// With the length of the second text.
    Second,
    /// The same of a call that compares networks.
    Networks,
    /// With the shorter of two.
    Shorter,
    /// With both texts.
    Both,
    /// With the product of the lengths of a text and of a pattern.
    Pattern,
    /// With the product of the lengths of two texts.
    Contains,
    /// With the length of a text that a format is asked about.
    Format,
    /// With the number of elements of the first argument.
    Elements,
    /// With the number of elements of the second.
    Among,
    /// With all that is in the first, however deep.
    Whole,
    /// With the product of the numbers of elements of two lists.
    Pairs,
    /// With the square of the number of elements of the first.
    Square,
    /// With the square of the number of elements of the second.
    SquareOfKeys,
    /// With the elements of the first, times the second.
    Depth,
    /// With the number that is the first.
    Count,
    /// With the length of the texts of the first together.
    Joined,
}

impl Weight {
    /// The weight of calls of `function`. Kubernetes goes by the name; cel-go by the overload, if types leave but one.
    pub(in crate::cel) fn of(function: &str, one_overload: bool) -> Weight {
        let by_name = match function {
            "cidr" | "ip" | "isCIDR" | "isIP" | "isQuantity" | "isSemver" | "lowerAscii" | "quantity"
            | "semver" | "substring" | "trim" | "upperAscii" | "url" => Some(Weight::First),
            "ip.isCanonical" | "replace" | "split" => Some(Weight::Twice),
            "containsCIDR" | "containsIP" => Some(Weight::Networks),
            "find" | "findAll" => Some(Weight::Pattern),
            "validate" => Some(Weight::Format),
            "indexOf" | "isSorted" | "lastIndexOf" | "max" | "min" | "sum" => Some(Weight::Whole),
            "join" => Some(Weight::Joined),
            _ => None,
        };
        match function {
            _ if by_name.is_some() || !one_overload => by_name.unwrap_or(Weight::Fixed),
            "base64.decode" | "base64.encode" | "bytes" | "format" | "string" | "strings.quote" => {
                Weight::First
            }
            "endsWith" | "startsWith" => Weight::Second,
            "_<_" | "_<=_" | "_>_" | "_>=_" => Weight::Shorter,
            "_+_" => Weight::Both,
            "matches" => Weight::Pattern,
            "contains" => Weight::Contains,
            "math.@max" | "math.@min" | "reverse" | "slice" => Weight::Elements,
            "@in" => Weight::Among,
            "sets.contains" | "sets.equivalent" | "sets.intersects" => Weight::Pairs,
            "distinct" | "sort" => Weight::Square,
            "@sortByAssociatedKeys" => Weight::SquareOfKeys,
            "flatten" => Weight::Depth,
            "lists.range" => Weight::Count,
            _ => Weight::Fixed,
        }
    }

    /// What the call of a function of this weight costs above [`CALL`], at most. The budget pays for what has to be looked
    /// through to tell.
    ///
    /// # Errors
    /// The budget is spent.
    pub(in crate::cel) fn units(self, args: &[Value<'_>], budget: &mut Budget) -> Result<u64, Fault> {
        let size = |at: usize| args.get(at).map_or(0, size);
        Ok(match self {
            Weight::Fixed => 0,
            Weight::First => tenth(size(0)),
            Weight::Twice => tenth(size(0).saturating_mul(2)),
            Weight::Second => tenth(size(1)),
            Weight::Networks => tenth(size(1)).saturating_add(NETWORKS),
            Weight::Shorter => tenth(size(0).min(size(1))),
            Weight::Both => match args.first() {
                Some(Value::List(_)) => 0,
                _ => tenth(size(0).saturating_add(size(1))),
            },
            Weight::Pattern => searched(size(0)).saturating_mul(searcher(size(1))),
            Weight::Contains => tenth(size(0)).saturating_mul(tenth(size(1))),
            Weight::Format => {
                let pattern = match args.first() {
                    Some(Value::Extension(Extension::Format("URI"))) => URI,
                    _ => OTHER_FORMAT,
                };
                searched(size(1)).saturating_mul(searcher(pattern))
            }
            Weight::Elements => size(0).saturating_add(LIST),
            Weight::Among => size(1),
            Weight::Whole => match args.first() {
                Some(value) => whole(value, budget, 0)?,
                None => 0,
            },
            Weight::Pairs => size(0).saturating_mul(size(1)).saturating_mul(2),
            Weight::Square => square(size(0)),
            Weight::SquareOfKeys => square(size(1)),
            Weight::Depth => size(0).saturating_mul(count(args.get(1), 1)).saturating_add(LIST),
            Weight::Count => count(args.first(), 0).saturating_add(LIST),
            Weight::Joined => match args.first() {
                Some(Value::List(list)) => {
                    budget.charge(units(list.len()))?;
                    let texts = list.iter().fold(0_u64, |sum, text| sum.saturating_add(self::size(text)));
                    tenth(texts.saturating_add(size(1).saturating_mul(size(0))).saturating_mul(2))
                }
                _ => 0,
            },
        })
    }
}

/// The length of a text or of bytes, the number of what is in a list or a map, and 1 for anything else. Kyverno counts the
/// characters of a text; to do so would be work that nothing pays for, and there are no more of them than bytes.
pub(in crate::cel) fn size(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => units(text.len()),
        Value::Bytes(bytes) => units(bytes.len()),
        Value::List(list) => units(list.len()),
        Value::Map(map) => units(map.entries().len()),
        Value::Optional(Some(inner)) => size(inner),
        _ => 1,
    }
}

/// What looking through a text of this length costs.
pub(in crate::cel) fn tenth(size: u64) -> u64 {
    size.div_ceil(10)
}

/// The one factor of a search: the length of the text.
pub(in crate::cel) fn searched(size: u64) -> u64 {
    tenth(size.saturating_add(1))
}

/// The other: the length of the pattern.
pub(in crate::cel) fn searcher(size: u64) -> u64 {
    size.div_ceil(4)
}

/// What comparing all elements with all costs.
fn square(elements: u64) -> u64 {
    let pairs = elements.saturating_mul(elements);
    pairs.saturating_mul(2).saturating_add(tenth(pairs)).saturating_add(LIST)
}

fn count(value: Option<&Value<'_>>, otherwise: u64) -> u64 {
    match value {
        Some(Value::Int(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => otherwise,
    }
}

/// What going through a value costs.
fn whole(value: &Value<'_>, budget: &mut Budget, depth: u32) -> Result<u64, Fault> {
    budget.charge(1)?;
    let below = depth.checked_add(1).filter(|depth| *depth <= MAX_DEPTH).ok_or(Fault::Depth)?;
    let mut sum = 0_u64;
    match value {
        Value::List(list) => {
            for element in *list {
                sum = sum.saturating_add(whole(element, budget, below)?);
            }
        }
        Value::Map(map) => {
            for (key, value) in map.entries() {
                sum = sum.saturating_add(whole(key, budget, below)?);
                sum = sum.saturating_add(whole(value, budget, below)?);
            }
        }
        Value::String(text) => sum = units(text.len() / 10),
        Value::Bytes(bytes) => sum = units(bytes.len() / 10),
        _ => sum = 1,
    }
    Ok(sum)
}

fn units(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
