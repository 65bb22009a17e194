//! What a deployment can set: the settings of all modules together, read and printed.
//!
//! The data knows nothing of files, events or policies. The interceptor is made of a [`Settings`] and a compiled set.
//!
//! | Module | Does |
//! |---|---|
//! | `table` | every setting once: its name, variable, rules, meaning and place in [`Settings`] |
//! | `fits` | what the texts of settings may be |
//! | `read` | `toolgate.yaml` by that table, with places |
//! | `variables` | the environment variables by that table |
//! | `headers` | the mapping: what overrides what, and its expressions |
//! | `load` | file, then environment, then what must hold together |
//! | `places` | where the settings of a file stand |
//! | `open` | the files that settings name, with the places where they are named |
//! | `slips` | what counts for nothing, or opens more than it seems to |
//! | `print` | the effective configuration as a file that reads back |

mod fits;
mod headers;
mod load;
mod open;
mod places;
mod print;
mod read;
mod slips;
mod table;
mod unfit;
mod variables;

pub use headers::{HeaderMistake, check_headers, compile_header, deployed};
pub use load::process_environment;
pub use open::{in_force, open, unopened};
pub use print::Effective;
pub use table::{PROCESS_VARIABLES, SETTINGS, Setting, Value};
pub use unfit::unfit;

pub use crate::audit::AuditConfig;
pub use crate::gateway::answer::{DenialConfig, DenialForm};
pub use crate::gateway::environment::EnvironmentSource;
pub use crate::gateway::headers::HeaderRule;
pub use crate::gateway::identity::{ClaimNames, IdentityConfig, Provider};
pub use crate::gateway::judging::{Judging, UnknownMethods};
pub use crate::outside::CapabilityConfig;

use self::open::Origin;
use crate::budget::Budget;
use crate::gateway::headers::default_mapping;
use crate::policy::decide::DefaultDecision;

/// All settings, as `toolgate.yaml` and the variables `TOOLGATE_*` have them.
///
/// [`Settings::default`] is a deployment without either, [`Settings::load`] and
/// [`Settings::load_text`] read a file or a text; a field may be set afterwards. What is set is checked
/// when an [`Engine`](crate::Engine) is made.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::DefaultDecision;
///
/// let text = "
/// apiVersion: toolgate.dev/v1
/// kind: Configuration
/// defaultDecision: deny
/// ";
/// let (settings, warnings) = Settings::load_text("toolgate.yaml", text, std::iter::empty())?;
/// assert!(warnings.is_empty(), "{warnings}");
/// assert_eq!(settings.default_decision, DefaultDecision::Deny);
///
/// let mut settings = Settings::default();
/// settings.budget.steps = 500_000;
/// settings.identity.trust_jwt = true;
/// # Ok::<(), toolgate::Diagnostics>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// What it means that no policy answers.
    pub default_decision: DefaultDecision,
    /// What one decision may use: steps, of which a million are about 50 ms, and bytes of memory.
    pub budget: Budget,
    /// The host that policies see as `object.attributes.host`: the gateway's own name is not in its events.
    pub host: String,
    /// Where `X-Environment` comes from.
    pub environment: EnvironmentSource,
    /// How a denial is written.
    pub denial: DenialConfig,
    /// Which MCP methods and tools are judged, and which pass.
    pub judging: Judging,
    /// Whom the deployment believes.
    pub identity: IdentityConfig,
    /// The headers that policies see: name and CEL expression over `call`, in order.
    pub headers: Vec<HeaderRule>,
    /// Names of the caller's own headers that policies see too, unless the mapping computes them.
    pub forward_headers: Vec<String>,
    /// What policies may ask outside of a call.
    pub capabilities: CapabilityConfig,
    /// What records hold.
    pub audit: AuditConfig,
    /// Where they were read.
    pub(crate) origin: Origin,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            default_decision: DefaultDecision::default(),
            budget: Budget::default(),
            host: "gateway".to_owned(),
            environment: EnvironmentSource::default(),
            denial: DenialConfig::default(),
            judging: Judging::default(),
            identity: IdentityConfig::default(),
            headers: default_mapping(),
            forward_headers: Vec::new(),
            capabilities: CapabilityConfig::default(),
            audit: AuditConfig::default(),
            origin: Origin::default(),
        }
    }
}

#[cfg(test)]
mod tests;
