//! The types of the fields of [`Settings`](crate::Settings), for programs that set them without a file.
//!
//! ```
//! use toolgate::Settings;
//! use toolgate::settings::{DefaultDecision, Environment, EnvironmentSource};
//!
//! let mut settings = Settings::default();
//! settings.default_decision = DefaultDecision::Deny;
//! settings.environment = EnvironmentSource::Fixed(Environment::new("production")?);
//! # Ok::<(), toolgate::settings::NoEnvironment>(())
//! ```

pub use crate::audit::AuditConfig;
pub use crate::budget::Budget;
pub use crate::gateway::answer::{DenialConfig, DenialForm};
pub use crate::gateway::environment::{Environment, EnvironmentSource, NoEnvironment};
pub use crate::gateway::headers::HeaderRule;
pub use crate::gateway::identity::{ClaimNames, IdentityConfig, Provider};
pub use crate::gateway::judging::{Judging, UnknownMethods};
pub use crate::outside::{CapabilityConfig, HttpConfig, KeySetConfig};
pub use crate::policy::decide::DefaultDecision;
