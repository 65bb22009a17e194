//! Semantic versions (k8s.io/apiserver `pkg/cel/library/semverlib.go` over github.com/blang/semver 4).
//!
//! Kyverno's HTTP and Envoy environments have version 0 of the library, its JSON environment all of it.

use std::borrow::Cow;

use super::order::{compare_to, is_greater_than, is_less_than};
use crate::error::{ErrorKind, Raise};
use crate::library::row::{row, since};
use crate::library::runtime::{Answer, Runtime};
use crate::library::stdlib::convert::text::why_no_integer;
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::extension::{Extension, PreRelease, Semver};
use crate::value::{GoQuoted, Value};

const ROWS: &[crate::library::table::Row] = &[
    row(
        "string_to_semver",
        "semver(string) -> kubernetes.Semver",
        Own(string_to_semver),
        "The version that a text is: three numbers, a pre-release, build metadata that counts for nothing.",
        &["semver('1.0.0+a') == semver('1.0.0+b')", "semver('1.0.0-rc.1') != semver('1.0.0')"],
    ),
    row(
        "is_semver_string",
        "isSemver(string) -> bool",
        Own(is_semver),
        "True if `semver` would read the text.",
        &["isSemver('1.0.0-alpha.1')", "!isSemver('v1.0.0')", "!isSemver('1.0')"],
    ),
    row(
        "semver_is_greater_than",
        "kubernetes.Semver.isGreaterThan(kubernetes.Semver) -> bool",
        Own(is_greater_than),
        "True if the version is later.",
        &["semver('1.10.0').isGreaterThan(semver('1.9.0'))"],
    ),
    row(
        "semver_is_less_than",
        "kubernetes.Semver.isLessThan(kubernetes.Semver) -> bool",
        Own(is_less_than),
        "True if the version is earlier.",
        &["semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))"],
    ),
    row(
        "semver_compare_to",
        "kubernetes.Semver.compareTo(kubernetes.Semver) -> int",
        Own(compare_to),
        "-1, 0 or 1: earlier, equal, later.",
        &["semver('1.2.3').compareTo(semver('1.2.4')) == -1"],
    ),
    row(
        "semver_major",
        "kubernetes.Semver.major() -> int",
        Own(major),
        "The first number.",
        &["semver('1.2.3').major() == 1"],
    ),
    row(
        "semver_minor",
        "kubernetes.Semver.minor() -> int",
        Own(minor),
        "The second number.",
        &["semver('1.2.3').minor() == 2"],
    ),
    row(
        "semver_patch",
        "kubernetes.Semver.patch() -> int",
        Own(patch),
        "The third number.",
        &["semver('1.2.3').patch() == 3"],
    ),
    since(
        1,
        row(
            "string_bool_to_semver",
            "semver(string, bool) -> kubernetes.Semver",
            Own(string_to_semver),
            "As `semver(string)`; if true, a `v` before the text and zeros before numbers are dropped, and missing numbers are 0.",
            &["semver('v01.2', true) == semver('1.2.0')"],
        ),
    ),
    since(
        1,
        row(
            "is_semver_string_bool",
            "isSemver(string, bool) -> bool",
            Own(is_semver),
            "True if `semver` would read the text.",
            &["isSemver('v1.0', true)", "!isSemver('v1.0', false)"],
        ),
    ),
];

/// `kubernetes.Semver`
pub static LIBRARY: Library = Library {
    name: "kubernetes.Semver",
    version: 0,
    types: &[TypeRow::Bare("kubernetes.Semver")],
    rows: ROWS,
};

/// The version that Kubernetes' environments have.
pub static VERSION_1: Library = Library { version: 1, ..LIBRARY };

/// Why a text is no version.
enum Mistake<'s> {
    Words(&'static str),
    Quoted(&'static str, &'s str),
    Number(&'s str, &'static str),
}

fn is_alphanumeric(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn has_leading_zeros(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}

fn number(text: &str) -> Result<u64, Mistake<'_>> {
    text.parse().map_err(|_| Mistake::Number(text, why_no_integer(text)))
}

fn plain_number<'s>(text: &'s str, letters: &'static str, zeros: &'static str) -> Result<u64, Mistake<'s>> {
    if !is_number(text) {
        return Err(Mistake::Quoted(letters, text));
    }
    if has_leading_zeros(text) {
        return Err(Mistake::Quoted(zeros, text));
    }
    number(text)
}

/// The three numbers, the pre-release and the build metadata.
type Parts<'s> = ([u64; 3], Option<&'s str>, Option<&'s str>);

fn split(text: &str) -> Result<Parts<'_>, Mistake<'_>> {
    if text.is_empty() {
        return Err(Mistake::Words("Version string empty"));
    }
    let Some((major, (minor, rest))) =
        text.split_once('.').and_then(|(major, rest)| Some((major, rest.split_once('.')?)))
    else {
        return Err(Mistake::Words("No Major.Minor.Patch elements found"));
    };
    let major = plain_number(
        major,
        "Invalid character(s) found in major number",
        "Major number must not contain leading zeroes",
    )?;
    let minor = plain_number(
        minor,
        "Invalid character(s) found in minor number",
        "Minor number must not contain leading zeroes",
    )?;
    let (rest, build) = rest.split_once('+').map_or((rest, None), |(rest, build)| (rest, Some(build)));
    let (rest, pre) = rest.split_once('-').map_or((rest, None), |(rest, pre)| (rest, Some(pre)));
    let patch = plain_number(
        rest,
        "Invalid character(s) found in patch number",
        "Patch number must not contain leading zeroes",
    )?;
    Ok(([major, minor, patch], pre, build))
}

fn pre_release(text: &str) -> Result<PreRelease<'_>, Mistake<'_>> {
    match text {
        "" => Err(Mistake::Words("Prerelease is empty")),
        _ if is_number(text) && has_leading_zeros(text) => {
            Err(Mistake::Quoted("Numeric PreRelease version must not contain leading zeroes", text))
        }
        _ if is_number(text) => Ok(PreRelease::Number(number(text)?)),
        _ if is_alphanumeric(text) => Ok(PreRelease::Text(text)),
        _ => Err(Mistake::Quoted("Invalid character(s) found in prerelease", text)),
    }
}

fn check_build(text: &str) -> Result<(), Mistake<'_>> {
    for part in text.split('.') {
        match part {
            "" => return Err(Mistake::Words("Build meta data is empty")),
            _ if !is_alphanumeric(part) => {
                return Err(Mistake::Quoted("Invalid character(s) found in build meta data", part));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads a version; the inner error is the text of what is wrong.
fn parse<'a>(rt: &mut Runtime<'a>, text: &'a str) -> Result<Result<Semver<'a>, &'a str>, Raise<'a>> {
    rt.charge_scan(text.len())?;
    let read = split(text);
    let mut parts = ctx_parts(rt, &read)?;
    let read = read.and_then(|([major, minor, patch], pre, build)| {
        for part in pre.into_iter().flat_map(|pre| pre.split('.')) {
            parts.push(pre_release(part)?);
        }
        build.map_or(Ok(()), check_build)?;
        Ok((major, minor, patch))
    });
    let (major, minor, patch) = match read {
        Ok(numbers) => numbers,
        Err(Mistake::Words(words)) => return Ok(Err(words)),
        Err(Mistake::Quoted(words, part)) => {
            return Ok(Err(rt.format(format_args!("{words} {}", GoQuoted(part)))?));
        }
        Err(Mistake::Number(part, words)) => {
            let quoted = GoQuoted(part);
            return Ok(Err(rt.format(format_args!("strconv.ParseUint: parsing {quoted}: {words}"))?));
        }
    };
    Ok(Ok(Semver { major, minor, patch, pre: parts.into_bump_slice(), text }))
}

/// Room for the identifiers of the pre-release.
fn ctx_parts<'a>(
    rt: &mut Runtime<'a>,
    read: &Result<Parts<'_>, Mistake<'_>>,
) -> Result<bumpalo::collections::Vec<'a, PreRelease<'a>>, Raise<'a>> {
    let count = match read {
        Ok((_, Some(pre), _)) => pre.split('.').count(),
        _ => 0,
    };
    rt.charge(count)?;
    rt.budget.charge_bytes(count.saturating_mul(size_of::<PreRelease<'_>>()))?;
    Ok(bumpalo::collections::Vec::with_capacity_in(count, rt.arena))
}

/// The text without a `v` before it and zeros before its first two numbers, with three numbers.
fn normalised<'a>(rt: &mut Runtime<'a>, text: &'a str) -> Result<Result<&'a str, &'static str>, Raise<'a>> {
    let text = text.strip_prefix('v').unwrap_or(text);
    // The parts may be copied, and are copied together, before the whole is.
    rt.budget.charge_bytes(text.len().saturating_mul(2))?;
    let mut parts: Vec<Cow<'a, str>> = text.splitn(3, '.').map(without_zeros).collect();
    if parts.len() < 3 {
        if parts.last().is_some_and(|last| last.contains(['+', '-'])) {
            return Ok(Err("short version cannot contain PreRelease/Build meta data"));
        }
        parts.resize(3, Cow::Borrowed("0"));
    }
    let joined = parts.join(".");
    Ok(Ok(rt.str(&joined)?))
}

fn without_zeros(part: &str) -> Cow<'_, str> {
    if part.len() <= 1 {
        return Cow::Borrowed(part);
    }
    let trimmed = part.trim_start_matches('0');
    if trimmed.starts_with(|c: char| c.is_ascii_digit()) {
        Cow::Borrowed(trimmed)
    } else {
        Cow::Owned(format!("0{trimmed}"))
    }
}

fn read<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Result<Result<Semver<'a>, &'a str>, Raise<'a>> {
    let text = match *args {
        [Value::String(text)] | [Value::String(text), Value::Bool(false)] => text,
        [Value::String(text), Value::Bool(true)] => {
            rt.charge_scan(text.len())?;
            match normalised(rt, text)? {
                Ok(text) => text,
                Err(wrong) => return Ok(Err(wrong)),
            }
        }
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    parse(rt, text)
}

fn string_to_semver<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    match read(rt, args)? {
        Ok(version) => {
            rt.budget.charge_bytes(size_of::<Semver<'_>>())?;
            Ok(Value::Extension(Extension::Semver(rt.arena.alloc(version))))
        }
        Err(wrong) => Err(ErrorKind::Message(wrong).into()),
    }
}

fn is_semver<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(read(rt, args)?.is_ok()))
}

fn receiver<'a>(args: &[Value<'a>]) -> Result<&'a Semver<'a>, Raise<'a>> {
    match *args {
        [Value::Extension(Extension::Semver(version))] => Ok(version),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

/// Go's conversion of a number to an int, which starts again below zero.
fn int<'a>(number: u64) -> Answer<'a> {
    Ok(Value::Int(number.cast_signed()))
}

fn major<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    int(receiver(args)?.major)
}

fn minor<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    int(receiver(args)?.minor)
}

fn patch<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    int(receiver(args)?.patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::call_row;

    #[test]
    fn normalising_drops_a_v_and_zeros_and_fills_up() {
        let call = |text, normalise| {
            call_row(&LIBRARY, "is_semver_string_bool", &[Value::String(text), Value::Bool(normalise)])
        };
        for (text, plain, normalised) in
            [("v1.0.0", false, true), ("1", false, true), ("01.02.03", false, true), ("1-a", false, false)]
        {
            assert_eq!(call(text, false), Ok(plain.to_string()), "{text}");
            assert_eq!(call(text, true), Ok(normalised.to_string()), "{text}");
        }
    }
}
