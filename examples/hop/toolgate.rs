//! Toolgate: an event's bytes in, the answer's bytes out.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use toolgate::cel::plan::Arena;
use toolgate::config::Config;
use toolgate::interceptor::{Interceptor, Scratch};
use toolgate::policy::compile::compile;
use toolgate::policy::load::load_text;

use super::measure::{Measured, Said, times};
use crate::Failure;

/// Decides `event` by the policies in `text` for `length`.
pub(crate) fn drive(text: &str, event: &[u8], length: Duration) -> Result<Measured, Failure> {
    let arena = Arena::new();
    let loaded = load_text("policies.yaml", text);
    let set = compile(&loaded.policies, &arena).map_err(|errors| format!("{errors:?}"))?;
    let interceptor =
        Interceptor::new(set, &arena, Config::default()).map_err(|errors| format!("{errors:?}"))?;
    let mut scratch = Scratch::default();
    let record = interceptor.intercept(&mut scratch, event, 0).record;
    let reason = record.reason.or(record.error.as_deref()).unwrap_or_default().to_owned();
    let said = Said { status: record.status, reason };
    let Ok(times) = times::<Infallible>(length, || {
        black_box(interceptor.intercept(&mut scratch, black_box(event), 0).bytes.len());
        Ok(())
    });
    Ok(Measured { said, times })
}
