//! `x509.decode` (kyverno/sdk `extensions/cel/libs/x509`): certificates and requests for certificates with RSA keys, as what
//! Go's `crypto/x509` reads of them, in the names of its fields and by way of JSON.
//!
//! | Module | Does |
//! |---|---|
//! | `pem` | the first block of the text |
//! | `der` | the encoding |
//! | `names` | names, times, domains, mailboxes |
//! | `extensions` | what the extensions of a certificate say |
//! | `certificate`, `request` | the documents |
//! | `output` | the values that come out |

use std::borrow::Cow;

use crate::error::{ErrorKind, Raise};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library};
use crate::value::Value;

mod certificate;
pub(super) mod der;
mod extensions;
mod names;
mod output;
mod pem;
mod request;

/// `kyverno.x509`
pub static LIBRARY: Library = Library {
    name: "kyverno.x509",
    version: 0,
    types: &[],
    rows: &[row(
        "x509_decode_string",
        "x509.decode(string) -> dyn",
        Own(decode),
        "What a certificate or a request for one says, with an RSA key and in PEM, under the names of Go's fields. Bytes are in \
         base64, numbers doubles.",
        &["true || x509.decode('-----BEGIN CERTIFICATE-----...').IsCA"],
    )],
};

/// Go's text for what is wrong.
type Mistake = Cow<'static, str>;

fn refuse<T>(text: &'static str) -> Result<T, Mistake> {
    Err(Cow::Borrowed(text))
}

/// Why there is no answer.
enum Stop<'a> {
    Mistake(Mistake),
    Raise(Raise<'a>),
}

impl From<Mistake> for Stop<'_> {
    fn from(mistake: Mistake) -> Self {
        Stop::Mistake(mistake)
    }
}

impl<'a> From<Raise<'a>> for Stop<'a> {
    fn from(raise: Raise<'a>) -> Self {
        Stop::Raise(raise)
    }
}

impl From<&'static str> for Stop<'_> {
    fn from(text: &'static str) -> Self {
        Stop::Mistake(Cow::Borrowed(text))
    }
}

fn decode<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    // A search for a block may look at the text once for each line that looks like its end.
    let ends = text.matches("\n-----END").count().saturating_add(1);
    rt.charge_scan(text.len().saturating_mul(ends.saturating_add(4)))?;
    rt.budget.charge_bytes(text.len().saturating_mul(2).saturating_mul(ends))?;
    match document(rt, text) {
        Ok(value) => Ok(value),
        Err(Stop::Mistake(mistake)) => Err(rt.error(format_args!("{mistake}"))),
        Err(Stop::Raise(raise)) => Err(raise),
    }
}

fn document<'a>(rt: &mut Runtime<'a>, text: &'a str) -> Result<Value<'a>, Stop<'a>> {
    let Some((kind, bytes)) = pem::first_block(rt.arena, text) else {
        return Err("failed to decode PEM block".into());
    };
    if !matches!(kind, "CERTIFICATE" | "CERTIFICATE REQUEST") {
        return Err("PEM block neither contains a CERTIFICATE or CERTIFICATE REQUEST".into());
    }
    // What comes out is many times as long as what it is read from; a modulus takes the square of its length.
    rt.charge(bytes.len().saturating_mul(4).saturating_add(2_000))?;
    rt.charge(bytes.len().saturating_mul(bytes.len()) >> 7)?;
    rt.budget.charge_bytes(bytes.len().saturating_mul(64).saturating_add(16 * 1024)).map_err(Raise::from)?;
    match kind {
        "CERTIFICATE" => certificate::certificate(rt, bytes),
        _ => request::request(rt, bytes),
    }
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
