//! Times as Kyverno's policies need them (kyverno/sdk `extensions/cel/libs/time`). The clock is that of the call.

use crate::error::ErrorKind;
use crate::library::capability::Capability;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation, Implementation::Own, Library};
use crate::time::civil_from_days;
use crate::value::{Timestamp, Value};

/// `kyverno.time`
pub static LIBRARY: Library = Library {
    name: "kyverno.time",
    version: 0,
    types: &[],
    rows: &[
        row(
            "time_now",
            "time.now() -> timestamp",
            Implementation::Asking(now, Capability::Clock),
            "The time of the call, in UTC and in whole milliseconds.",
            &[],
        ),
        row(
            "time_to_cron",
            "time.toCron(timestamp) -> string",
            Own(to_cron),
            "Minute, hour, day, month and day of the week (Sunday is 0), as a cron table has them, at the offset from UTC \
             that the timestamp was written with.",
            &[
                "time.toCron(timestamp('2024-02-29T23:59:00Z')) == '59 23 29 2 4'",
                "time.toCron(timestamp('2024-06-02T00:05:00+02:00')) == '5 0 2 6 0'",
            ],
        )
        .total(),
        row(
            "time_truncate",
            "time.truncate(timestamp, duration) -> timestamp",
            Own(truncate),
            "The timestamp rounded down to a multiple of the duration since the year 1; itself if the duration is not \
             positive.",
            &[
                "time.truncate(timestamp('2024-02-29T23:59:58Z'), duration('1h')) == timestamp('2024-02-29T23:00:00Z')",
            ],
        )
        .total(),
    ],
};

fn now<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    if !args.is_empty() {
        return Err(rt.no_overload("time.now", args));
    }
    Ok(Value::Timestamp(Timestamp { seconds: rt.now, nanos: rt.nanos, offset: 0 }))
}

/// A day of the week that is a Sunday, counted in days from 1970-01-01.
const A_SUNDAY: i64 = 3;

fn to_cron<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::Timestamp(time)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    let local = time.seconds.saturating_add(i64::from(time.offset));
    let (days, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (_, month, day) = civil_from_days(days);
    let weekday = days.saturating_sub(A_SUNDAY).rem_euclid(7);
    let (minute, hour) = (of_day / 60 % 60, of_day / 3_600);
    Ok(Value::String(rt.format(format_args!("{minute} {hour} {day} {month} {weekday}"))?))
}

fn truncate<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::Timestamp(time), Value::Duration(unit)] = *args else {
        return Err(ErrorKind::NoSuchOverload.into());
    };
    if unit <= 0 {
        return Ok(Value::Timestamp(time));
    }
    let since_year_one = i128::from(time.seconds.saturating_sub(Timestamp::MIN_SECONDS))
        .saturating_mul(1_000_000_000)
        .saturating_add(i128::from(time.nanos));
    let over = i64::try_from(since_year_one.rem_euclid(i128::from(unit))).unwrap_or_default();
    // What is taken away is less than what has passed since the year 1.
    Ok(Value::Timestamp(time.after(over.saturating_neg()).unwrap_or(time)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}
