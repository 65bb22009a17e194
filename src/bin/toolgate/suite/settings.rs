//! A fixture's `config`: settings that differ from the built-in ones.

use toolgate::config::{Config, EnvironmentSource};
use toolgate::policy::decide::DefaultDecision;

use super::read::{Fields, Reader};

/// The settings, and whether they say themselves if tokens are trusted.
pub(super) struct Settings {
    config: Config,
    trust_is_set: bool,
}

impl Settings {
    /// The settings of a fixture in which some call has `claims`, or none: who writes claims means them to be trusted.
    pub(super) fn with_claims(mut self, claims: bool) -> Config {
        if claims && !self.trust_is_set {
            self.config.identity.trust_jwt = true;
        }
        self.config
    }
}

const CONFIG: &[&str] = &["defaultDecision", "environment"];

/// Reads `config`.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Settings {
    let mut settings = Settings { config: Config::default(), trust_is_set: false };
    let Some(node) = fields.get("config") else { return settings };
    let Some(fields) = reader.fields(node, "config", CONFIG) else { return settings };
    if let Some(node) = fields.get("defaultDecision") {
        match reader.word(node, "config.defaultDecision", &["allow", "deny"]) {
            Some(word) if word.value == "deny" => settings.config.default_decision = DefaultDecision::Deny,
            _ => {}
        }
    }
    if let Some(environment) = reader.text(&fields, "environment") {
        settings.config.environment = EnvironmentSource::Fixed(environment.value);
    }
    settings
}
