//! The parts of timestamps and durations.
//!
//! A timestamp's own offset plays no role: without a time zone argument the parts are those of UTC. A time zone is
//! a name of the IANA database, compiled in, or hours and minutes with a colon, as loosely as cel-go reads them.

use jiff::tz;

use super::convert::text::{parse_int, why_no_integer};
use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::time::{civil_from_days, days_from_civil};
use crate::value::{GoQuoted, Timestamp, Value, i64_as_f64};

/// `getFullYear` … `getMilliseconds`.
pub static LIBRARY: Library = Library {
    name: "cel.lib.std",
    version: 0,
    types: &[],
    rows: &[
        row(
            "timestamp_to_year",
            "timestamp.getFullYear() -> int",
            Own(year),
            "The year, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getFullYear() == 2024"],
        )
        .total(),
        row(
            "timestamp_to_year_with_tz",
            "timestamp.getFullYear(string) -> int",
            Own(year),
            "The year, in a time zone.",
            &["timestamp('2024-01-01T00:00:00Z').getFullYear('-01:00') == 2023"],
        ),
        row(
            "timestamp_to_month",
            "timestamp.getMonth() -> int",
            Own(month),
            "The month, counted from 0, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getMonth() == 6"],
        )
        .total(),
        row(
            "timestamp_to_month_with_tz",
            "timestamp.getMonth(string) -> int",
            Own(month),
            "The month, counted from 0, in a time zone.",
            &["timestamp('2024-01-01T00:00:00Z').getMonth('-01:00') == 11"],
        ),
        row(
            "timestamp_to_day_of_year",
            "timestamp.getDayOfYear() -> int",
            Own(day_of_year),
            "The day of the year, counted from 0, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getDayOfYear() == 196"],
        )
        .total(),
        row(
            "timestamp_to_day_of_year_with_tz",
            "timestamp.getDayOfYear(string) -> int",
            Own(day_of_year),
            "The day of the year, counted from 0, in a time zone.",
            &["timestamp('2024-12-31T23:00:00Z').getDayOfYear('+01:00') == 0"],
        ),
        row(
            "timestamp_to_day_of_month",
            "timestamp.getDayOfMonth() -> int",
            Own(day_of_month),
            "The day of the month, counted from 0, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getDayOfMonth() == 14"],
        )
        .total(),
        row(
            "timestamp_to_day_of_month_with_tz",
            "timestamp.getDayOfMonth(string) -> int",
            Own(day_of_month),
            "The day of the month, counted from 0, in a time zone.",
            &["timestamp('2024-02-29T05:00:00Z').getDayOfMonth('America/New_York') == 28"],
        ),
        row(
            "timestamp_to_day_of_month_1_based",
            "timestamp.getDate() -> int",
            Own(date),
            "The day of the month, counted from 1, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getDate() == 15"],
        )
        .total(),
        row(
            "timestamp_to_day_of_month_1_based_with_tz",
            "timestamp.getDate(string) -> int",
            Own(date),
            "The day of the month, counted from 1, in a time zone.",
            &["timestamp('2024-03-01T04:59:59Z').getDate('America/New_York') == 29"],
        ),
        row(
            "timestamp_to_day_of_week",
            "timestamp.getDayOfWeek() -> int",
            Own(day_of_week),
            "The day of the week, Sunday is 0, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getDayOfWeek() == 1"],
        )
        .total(),
        row(
            "timestamp_to_day_of_week_with_tz",
            "timestamp.getDayOfWeek(string) -> int",
            Own(day_of_week),
            "The day of the week, Sunday is 0, in a time zone.",
            &["timestamp('2024-07-14T15:00:00Z').getDayOfWeek('Asia/Tokyo') == 1"],
        ),
        row(
            "timestamp_to_hours",
            "timestamp.getHours() -> int",
            Own(hours),
            "The hour, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getHours() == 10"],
        )
        .total(),
        row(
            "timestamp_to_hours_with_tz",
            "timestamp.getHours(string) -> int",
            Own(hours),
            "The hour, in a time zone.",
            &["timestamp('2024-07-01T00:00:00Z').getHours('Europe/Berlin') == 2"],
        ),
        row(
            "duration_to_hours",
            "duration.getHours() -> int",
            Own(duration_hours),
            "The whole hours in the duration.",
            &["duration('90m').getHours() == 1"],
        )
        .total(),
        row(
            "timestamp_to_minutes",
            "timestamp.getMinutes() -> int",
            Own(minutes),
            "The minute, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getMinutes() == 30"],
        )
        .total(),
        row(
            "timestamp_to_minutes_with_tz",
            "timestamp.getMinutes(string) -> int",
            Own(minutes),
            "The minute, in a time zone.",
            &["timestamp('2024-07-01T00:00:00Z').getMinutes('Asia/Kolkata') == 30"],
        ),
        row(
            "duration_to_minutes",
            "duration.getMinutes() -> int",
            Own(duration_minutes),
            "The whole minutes in the duration.",
            &["duration('90s').getMinutes() == 1"],
        )
        .total(),
        row(
            "timestamp_to_seconds",
            "timestamp.getSeconds() -> int",
            Own(seconds),
            "The second, in UTC.",
            &["timestamp('2024-07-15T10:30:45.123Z').getSeconds() == 45"],
        )
        .total(),
        row(
            "timestamp_to_seconds_tz",
            "timestamp.getSeconds(string) -> int",
            Own(seconds),
            "The second, in a time zone.",
            &["timestamp('2024-07-01T00:00:07Z').getSeconds('+05:30') == 7"],
        ),
        row(
            "duration_to_seconds",
            "duration.getSeconds() -> int",
            Own(duration_seconds),
            "The whole seconds in the duration.",
            &["duration('1m1.5s').getSeconds() == 61"],
        )
        .total(),
        row(
            "timestamp_to_milliseconds",
            "timestamp.getMilliseconds() -> int",
            Own(milliseconds),
            "The milliseconds within the second.",
            &["timestamp('2024-07-15T10:30:45.123Z').getMilliseconds() == 123"],
        )
        .total(),
        row(
            "timestamp_to_milliseconds_with_tz",
            "timestamp.getMilliseconds(string) -> int",
            Own(milliseconds),
            "The milliseconds within the second, in a time zone.",
            &["timestamp('2024-07-01T00:00:00.5Z').getMilliseconds('UTC') == 500"],
        ),
        row(
            "duration_to_milliseconds",
            "duration.getMilliseconds() -> int",
            Own(duration_milliseconds),
            "The whole milliseconds in the duration.",
            &["duration('1.5s').getMilliseconds() == 1500"],
        )
        .total(),
    ],
};

/// A timestamp taken apart, with the counting of CEL: everything from 0 but the year and the date.
struct Civil {
    year: i64,
    month: i64,
    day_of_year: i64,
    day_of_month: i64,
    date: i64,
    day_of_week: i64,
    hours: i64,
    minutes: i64,
    seconds: i64,
    milliseconds: i64,
}

impl Civil {
    /// The parts of `timestamp` as a clock `offset` seconds east of UTC shows them.
    fn new(timestamp: &Timestamp, offset: i64) -> Civil {
        let local = timestamp.seconds.saturating_add(offset);
        let (days, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, date) = civil_from_days(days);
        Civil {
            year,
            month: month.saturating_sub(1),
            day_of_year: days.saturating_sub(days_from_civil(year, 1, 1)),
            day_of_month: date.saturating_sub(1),
            date,
            // 1970-01-01 was a Thursday.
            day_of_week: days.saturating_add(4).rem_euclid(7),
            hours: of_day / 3_600,
            minutes: of_day / 60 % 60,
            seconds: of_day % 60,
            milliseconds: i64::from(timestamp.nanos / 1_000_000),
        }
    }
}

fn part<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>], pick: fn(&Civil) -> i64) -> Answer<'a> {
    let (timestamp, offset) = match arguments {
        [Value::Timestamp(timestamp)] => (timestamp, 0),
        [Value::Timestamp(timestamp), Value::String(zone)] => (timestamp, offset(runtime, timestamp, zone)?),
        _ => return Err(ErrorKind::NoSuchOverload.into()),
    };
    Ok(Value::Int(pick(&Civil::new(timestamp, offset))))
}

/// The steps that looking up a time zone and its transitions takes.
const LOOKUP_STEPS: usize = 16;

/// The seconds east of UTC in `zone` at that instant.
fn offset<'a>(runtime: &mut Runtime<'a>, timestamp: &Timestamp, zone: &'a str) -> Result<i64, Raise<'a>> {
    runtime.charge_scan(zone.len())?;
    if let Some((hours, minutes)) = zone.split_once(':') {
        let negative = zone.starts_with('-');
        return Ok(fixed_offset(atoi(runtime, hours)?, atoi(runtime, minutes)?, negative));
    }
    runtime.charge(LOOKUP_STEPS)?;
    // `Local` is where the server stands; Kyverno's images stand in UTC.
    if matches!(zone, "" | "UTC" | "Local") {
        return Ok(0);
    }
    if zone.split('/').next().is_some_and(|first| first.len() > 255) {
        return Err(ErrorKind::Message("file name too long").into());
    }
    if zone.contains('\0') {
        return Err(ErrorKind::Message("invalid argument").into());
    }
    if zone.starts_with(['/', '\\']) || zone.contains("..") {
        return Err(ErrorKind::Message("time: invalid location name").into());
    }
    match named_offset(timestamp, zone) {
        Some(offset) => Ok(offset),
        None => Err(runtime.error(format_args!("unknown time zone {zone}"))),
    }
}

fn named_offset(timestamp: &Timestamp, name: &str) -> Option<i64> {
    let zone = tz::db().get(name).ok()?;
    // The names are files to Go: upper and lower case matter, and names that are only jiff's do not exist.
    if zone.iana_name() != Some(name) || name == "Etc/Unknown" {
        return None;
    }
    // The last day of 9999 is beyond jiff's range; its rules for the year reach there all the same.
    let seconds = timestamp.seconds.min(jiff::Timestamp::MAX.as_second());
    let instant = jiff::Timestamp::from_second(seconds).ok()?;
    Some(i64::from(zone.to_offset(instant).seconds()))
}

/// `strconv.Atoi` with its error texts.
fn atoi<'a>(runtime: &mut Runtime<'a>, text: &str) -> Result<i64, Raise<'a>> {
    if let Some(number) = parse_int(text) {
        return Ok(number);
    }
    let why = why_no_integer(text);
    Err(runtime.error(format_args!("strconv.Atoi: parsing {}: {why}", GoQuoted(text))))
}

/// The seconds of an offset in hours and minutes. Nothing is out of range: Go's arithmetic wraps, so does this.
fn fixed_offset(hours: i64, minutes: i64, negative: bool) -> i64 {
    let of_hours = hours.wrapping_mul(60);
    let total = if negative { of_hours.wrapping_sub(minutes) } else { of_hours.wrapping_add(minutes) };
    whole(total.wrapping_mul(60_000_000_000), 1_000_000_000)
}

fn year<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.year)
}

fn month<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.month)
}

fn day_of_year<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.day_of_year)
}

fn day_of_month<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.day_of_month)
}

fn date<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.date)
}

fn day_of_week<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.day_of_week)
}

fn hours<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.hours)
}

fn minutes<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.minutes)
}

fn seconds<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.seconds)
}

fn milliseconds<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    part(runtime, arguments, |civil| civil.milliseconds)
}

/// Go's `Duration.Hours`, `.Minutes` and `.Seconds`, cut to an integer: the sum of whole units and the fraction is a
/// double, so a large duration just below a unit rounds up to it.
fn whole(nanos: i64, unit: i64) -> i64 {
    let (Some(units), Some(rest)) = (nanos.checked_div(unit), nanos.checked_rem(unit)) else { return 0 };
    (i64_as_f64(units) + i64_as_f64(rest) / i64_as_f64(unit)) as i64
}

fn duration_part<'a>(arguments: &[Value<'a>], unit: i64) -> Answer<'a> {
    let [Value::Duration(nanos)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Int(whole(*nanos, unit)))
}

fn duration_hours<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    duration_part(arguments, 3_600_000_000_000)
}

fn duration_minutes<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    duration_part(arguments, 60_000_000_000)
}

fn duration_seconds<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    duration_part(arguments, 1_000_000_000)
}

fn duration_milliseconds<'a>(_: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Duration(nanos)] = arguments else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Int(nanos / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::{assert_table, body, call, unary};
    use crate::library::stdlib::convert::text::parse_timestamp;

    #[test]
    fn the_table_is_well_formed() {
        assert_table(&LIBRARY);
    }

    fn ask(time: &str, function: &str, zone: &str) -> String {
        let time = Value::Timestamp(parse_timestamp(time).unwrap());
        call(body(&LIBRARY, function), &[time, Value::String(zone)])
    }

    const EPOCH: &str = "1970-01-01T00:00:00Z";

    #[test]
    fn parts_are_those_of_utc_whatever_offset_was_written() {
        let time = Value::Timestamp(parse_timestamp("2024-03-01T01:30:59.999999999+02:00").unwrap());
        for (id, expected) in [
            ("timestamp_to_year", 2024),
            ("timestamp_to_month", 1),
            ("timestamp_to_day_of_year", 59),
            ("timestamp_to_day_of_month", 28),
            ("timestamp_to_day_of_month_1_based", 29),
            ("timestamp_to_day_of_week", 4),
            ("timestamp_to_hours", 23),
            ("timestamp_to_minutes", 30),
            ("timestamp_to_seconds", 59),
            ("timestamp_to_milliseconds", 999),
        ] {
            assert_eq!(unary(body(&LIBRARY, id), time), format!("int {expected}"), "{id}");
        }
    }

    #[test]
    fn offsets_are_read_as_loosely_as_in_cel_go() {
        for (zone, expected) in [
            ("02:00", "int 2"),
            ("+2:00", "int 2"),
            ("+25:00", "int 1"),
            ("-02:30", "int 21"),
            ("2:-30", "int 1"),
            ("+02:60", "int 3"),
            ("9223372036854775807:00", "int 23"),
            (
                "777777777777777777777x:30",
                "error strconv.Atoi: parsing \"777777777777777777777x\": value out of range",
            ),
            (":30", "error strconv.Atoi: parsing \"\": invalid syntax"),
            ("a:30", "error strconv.Atoi: parsing \"a\": invalid syntax"),
            ("2:3:4", "error strconv.Atoi: parsing \"3:4\": invalid syntax"),
            (
                "99999999999999999999:00",
                "error strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
        ] {
            assert_eq!(ask(EPOCH, "timestamp_to_hours_with_tz", zone), expected, "{zone}");
        }
        assert_eq!(ask(EPOCH, "timestamp_to_minutes_with_tz", "-00:30"), "int 30");
        assert_eq!(ask(EPOCH, "timestamp_to_year_with_tz", "4000000:00"), "int 1841");
    }

    #[test]
    fn names_are_those_of_the_time_zone_database_in_their_own_spelling() {
        for (zone, expected) in [
            ("", "int 0"),
            ("UTC", "int 0"),
            ("America/New_York", "int 19"),
            ("US/Central", "int 18"),
            ("EST5EDT", "int 19"),
            ("Etc/GMT+5", "int 19"),
            ("america/new_york", "error unknown time zone america/new_york"),
            ("Etc/Unknown", "error unknown time zone Etc/Unknown"),
            ("GMT+5", "error unknown time zone GMT+5"),
            ("../etc", "error time: invalid location name"),
            ("/etc", "error time: invalid location name"),
        ] {
            assert_eq!(ask(EPOCH, "timestamp_to_hours_with_tz", zone), expected, "{zone}");
        }
    }

    #[test]
    fn zones_know_daylight_saving_old_local_times_and_the_last_day() {
        assert_eq!(ask("2024-07-01T00:00:00Z", "timestamp_to_hours_with_tz", "America/New_York"), "int 20");
        assert_eq!(ask("1800-07-01T00:00:00Z", "timestamp_to_minutes_with_tz", "America/New_York"), "int 3");
        assert_eq!(ask("9999-12-31T23:59:59Z", "timestamp_to_hours_with_tz", "Australia/Sydney"), "int 10");
        assert_eq!(ask("9999-12-31T23:59:59Z", "timestamp_to_year_with_tz", "+02:00"), "int 10000");
        assert_eq!(ask("0001-01-01T00:00:00Z", "timestamp_to_year_with_tz", "-02:00"), "int 0");
    }

    #[test]
    fn durations_have_whole_units_through_a_double() {
        for (function, nanos, expected) in [
            (duration_hours as crate::library::table::Body, -5_400_000_000_000, -1),
            (duration_minutes, 90_000_000_000, 1),
            (duration_seconds, 9_223_372_035_999_999_999, 9_223_372_036_i64),
            (duration_milliseconds, -1_999_999_900, -1_999),
        ] {
            assert_eq!(unary(function, Value::Duration(nanos)), format!("int {expected}"));
        }
    }
}
