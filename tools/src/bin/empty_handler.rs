//! A Lambda function that does nothing: what the runtime costs by itself, to compare `bootstrap` with.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

fn main() -> Result<(), Error> {
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    executor
        .block_on(run(service_fn(|event: LambdaEvent<Value>| async move { Ok::<_, Error>(event.payload) })))
}
