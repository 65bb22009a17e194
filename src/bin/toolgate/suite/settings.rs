//! A fixture's `config`: the settings of a `toolgate.yaml`, over the built-in ones. The environment of the process does
//! not count: a fixture means the same wherever it runs.

use toolgate::config::Config;

use super::read::{Fields, Reader};

/// Reads `config`. Who writes claims into a call means them to be trusted, unless the settings say otherwise.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, claims: bool) -> Config {
    let mut base = Config::default();
    base.identity.trust_jwt = claims;
    let Some(node) = fields.get("config") else { return base };
    let Some(mapping) = node.as_mapping() else {
        reader.wrong_type(node, "config", "a mapping");
        return base;
    };
    match Config::load_mapping(reader.source, mapping, base) {
        Ok(config) => config,
        Err(mut mistakes) => {
            reader.out.append(&mut mistakes);
            Config::default()
        }
    }
}
