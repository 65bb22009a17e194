//! A fixture's `config`: the settings of a `toolgate.yaml`, over the built-in ones. The environment of the process does
//! not count: a fixture means the same wherever it runs.

use toolgate::Settings;

use super::read::{Fields, Reader};

/// Reads `config`. Who writes claims into a call means them to be trusted, unless the settings say otherwise.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, claims: bool) -> Settings {
    let mut base = Settings::default();
    base.identity.trust_jwt = claims;
    let Some(node) = fields.get("config") else { return base };
    let Some(mapping) = node.as_mapping() else {
        reader.wrong_type(node, "config", "a mapping");
        return base;
    };
    match Settings::load_mapping(reader.source, mapping, base) {
        // Of what may be wrong with settings `check` and the start of the function tell; a fixture says what it means.
        Ok((config, _)) => config,
        Err(mistakes) => {
            reader.out.extend(mistakes);
            Settings::default()
        }
    }
}
