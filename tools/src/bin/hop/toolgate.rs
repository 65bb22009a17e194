//! Toolgate: an event's bytes in, the answer's bytes out.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use toolgate::{Context, Engine, PolicySet, Scratch, Settings};

use super::measure::{Measured, Said, times};
use crate::Failure;

/// Decides `event` by the policies in `text` for `length`.
pub(crate) fn drive(text: &str, event: &[u8], length: Duration) -> Result<Measured, Failure> {
    let (set, _) = PolicySet::from_text("policies.yaml", text).map_err(|errors| errors.to_string())?;
    let engine = Engine::new(set, Settings::default()).map_err(|errors| errors.to_string())?;
    let (mut scratch, now) = (Scratch::default(), Context::at(0));
    let record = engine.decide(&mut scratch, event, &now).record.into_owned();
    let reason = record.reason.or(record.error).unwrap_or_default().into_owned();
    let said = Said { status: record.status, reason };
    let Ok(times) = times::<Infallible>(length, || {
        black_box(engine.decide(&mut scratch, black_box(event), &now).answer.len());
        Ok(())
    });
    Ok(Measured { said, times })
}
