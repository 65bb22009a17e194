//! What is measured of one way to decide, and what it says.

use std::time::{Duration, Instant};

/// A decision in the terms that all three share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The HTTP status of Kyverno's server.
    pub(crate) status: u16,
    /// The reason of a denial; empty without one.
    pub(crate) reason: String,
}

/// The times of one way to decide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Half of the calls took no longer; nanoseconds.
    pub(crate) p50: f64,
    /// 99 of 100 calls took no longer; nanoseconds.
    pub(crate) p99: f64,
    /// Calls per second.
    pub(crate) rate: f64,
}

/// What a way to decide says, and how long it takes.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) said: Said,
    pub(crate) times: Times,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Kyverno's server over loopback; latencies on one connection, calls per second on four.
    pub(crate) hop: Times,
    /// Kyverno's engine in process, the request ready.
    pub(crate) engine: Times,
    /// The p50 of the same with the request read from its bytes; nanoseconds.
    pub(crate) decoded: f64,
    /// Toolgate from bytes to bytes, on one thread.
    pub(crate) ours: Times,
    /// Other engines for the same rules.
    pub(crate) peers: Peers,
}

/// Other engines in process, the call ready in their own terms unless it says otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peers {
    pub(crate) cedar: Times,
    /// Cedar, its request made from texts for each call.
    pub(crate) cedar_with_request: Times,
    pub(crate) regorus: Times,
    pub(crate) cel: Times,
}

/// Calls until `length` is over, after a quarter of it to warm up, and times each call.
pub(crate) fn times<E>(length: Duration, mut call: impl FnMut() -> Result<(), E>) -> Result<Times, E> {
    let warm = Instant::now();
    while warm.elapsed() < length.div_f64(4.0) {
        call()?;
    }
    let mut samples = Vec::with_capacity(1 << 20);
    let start = Instant::now();
    loop {
        let before = Instant::now();
        call()?;
        let after = Instant::now();
        samples.push(after.duration_since(before).as_nanos() as f64);
        if after.duration_since(start) >= length {
            break;
        }
    }
    let elapsed = start.elapsed().as_secs_f64();
    let rate = samples.len() as f64 / elapsed;
    samples.sort_by(f64::total_cmp);
    Ok(Times { p50: quantile(&samples, 0.50), p99: quantile(&samples, 0.99), rate })
}

/// The value that `share` of the sorted samples do not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}
