//! What policies may ask outside of a call: what a deployment grants of it, and where the answers come from.
//!
//! A policy that asks for something that is not granted does not load. What is granted is asked here and nowhere else;
//! what was answered is part of a decision's input.

mod context;
mod data;
mod fixed;
#[cfg(feature = "fetch")]
mod keys;
#[cfg(feature = "fetch")]
mod live;
#[cfg(feature = "fetch")]
mod net;
mod prefix;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use self::data::Fault;
use crate::diag::{Code, Diagnostic, Diagnostics};
use crate::library::capability::{
    Answers, Ask, Capability, Found, Keys, Lookup, NOBODY, Request, Response, Session, Unanswered,
};
use crate::source::{read_text, why_unread};

pub use self::data::{Data, value};
pub use self::fixed::{Fixed, Mock};
pub use self::prefix::Prefix;

/// What a deployment grants to its policies: nothing, unless it says so.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::CapabilityConfig;
///
/// let mut settings = Settings::default();
/// let capabilities: &mut CapabilityConfig = &mut settings.capabilities;
/// capabilities.clock = true;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapabilityConfig {
    /// `time.now`
    pub clock: bool,
    /// `random`
    pub random: bool,
    /// `jwks.Fetch`
    pub key_sets: KeySetConfig,
    /// `http.Get` and `http.Post`
    pub http: HttpConfig,
    /// `resource.Get` and `resource.List`: files and folders with objects of a cluster.
    pub resources: Vec<String>,
    /// `globalContext.Get`: files and folders with entries.
    pub global_context: Vec<String>,
    /// `image.GetMetadata`: files and folders with data of images.
    pub images: Vec<String>,
    /// What the requests of one decision together may take, in milliseconds.
    pub time_limit: u64,
    /// A file with certificates in PEM: authorities that are trusted in place of those of the web.
    pub certificates: Option<String>,
}

/// Which key sets are fetched, and how long they count.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::KeySetConfig;
///
/// let mut settings = Settings::default();
/// let key_sets: &mut KeySetConfig = &mut settings.capabilities.key_sets;
/// key_sets.urls = vec!["https://login.example.com/".to_owned()];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySetConfig {
    /// What the URLs begin with.
    pub urls: Vec<String>,
    /// A set is fetched again when it is older, in seconds.
    pub max_age: u64,
    /// When it could not be fetched again, the last one counts until it is older than this, in seconds.
    pub max_stale: u64,
    /// The largest answer, in bytes.
    pub max_bytes: u64,
    /// What fetching one may take, in milliseconds.
    pub time_limit: u64,
}

/// Which HTTP requests policies may make.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::HttpConfig;
///
/// let mut settings = Settings::default();
/// let http: &mut HttpConfig = &mut settings.capabilities.http;
/// http.urls = vec!["https://inventory.example.com/v1/".to_owned()];
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// What the URLs begin with.
    pub urls: Vec<String>,
    /// What one request may take, in milliseconds.
    pub time_limit: u64,
    /// The largest answer, in bytes.
    pub max_bytes: u64,
    /// How long an answer to a GET request is used again, in seconds.
    pub max_age: u64,
}

impl Default for CapabilityConfig {
    fn default() -> Self {
        CapabilityConfig {
            clock: false,
            random: false,
            key_sets: KeySetConfig {
                urls: Vec::new(),
                max_age: 300,
                max_stale: 86_400,
                max_bytes: 256 * 1024,
                time_limit: 2_000,
            },
            http: HttpConfig { urls: Vec::new(), time_limit: 1_000, max_bytes: 1024 * 1024, max_age: 0 },
            resources: Vec::new(),
            global_context: Vec::new(),
            images: Vec::new(),
            time_limit: 2_000,
            certificates: None,
        }
    }
}

impl CapabilityConfig {
    fn grants(&self, capability: Capability) -> bool {
        match capability {
            Capability::CallTime => true,
            Capability::Clock => self.clock,
            Capability::Random => self.random,
            Capability::KeySets => !self.key_sets.urls.is_empty(),
            Capability::Http => !self.http.urls.is_empty(),
            Capability::Resources => !self.resources.is_empty(),
            Capability::GlobalContext => !self.global_context.is_empty(),
            Capability::Images => !self.images.is_empty(),
        }
    }

    /// The URLs that are granted, if a capability is granted by URL.
    fn urls(&self, capability: Capability) -> Option<&[String]> {
        match capability {
            Capability::KeySets => Some(&self.key_sets.urls),
            Capability::Http => Some(&self.http.urls),
            _ => None,
        }
    }

    /// What is wrong with an expression that asks for `ask`; the diagnostic has no place yet.
    fn mistake(&self, ask: &Ask) -> Option<Diagnostic> {
        let (setting, example) = ask.capability.setting()?;
        let function = &ask.function;
        if !self.grants(ask.capability) {
            let message = format!("`{function}` asks outside of the call, and `{setting}` does not grant it");
            let help = format!("grant it in the configuration: `{setting}: {example}`");
            return Some(Diagnostic::error(Code::NotGranted, message).help(help));
        }
        let url = ask.subject.as_deref()?;
        let granted = self.urls(ask.capability)?;
        if granted.iter().filter_map(|prefix| Prefix::of(prefix).ok()).any(|prefix| prefix.allows(url)) {
            return None;
        }
        let message = format!("`{function}` asks a URL that `{setting}` does not grant");
        let granted: Vec<String> = granted.iter().map(|prefix| format!("`{prefix}`")).collect();
        let help = format!("URLs that begin so are granted: {}", granted.join(", "));
        Some(Diagnostic::error(Code::NotGranted, message).help(help))
    }
}

/// Who answers what policies ask outside of a call. The default is nobody: then a policy that asks denies the call.
///
/// ```
/// use toolgate::{Capabilities, Context};
///
/// let context = Context::at(1_764_000_000).with(&Capabilities::default());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    answers: Option<Arc<dyn Answers>>,
    left_out: Option<Arc<[Diagnostic]>>,
}

impl Capabilities {
    /// Those of a source of answers.
    #[doc(hidden)]
    pub fn of(answers: impl Answers + 'static) -> Capabilities {
        Capabilities { answers: Some(Arc::new(answers)), ..Capabilities::default() }
    }

    /// Opens what `asked` needs and `config` grants: fetches key sets and keeps them fresh, asks URLs. What needs nothing
    /// gets nobody, at no cost.
    ///
    /// # Errors
    /// What cannot be opened.
    #[doc(hidden)]
    pub fn open(asked: &[(Ask, Diagnostic)], config: &CapabilityConfig) -> Result<Capabilities, Diagnostics> {
        let Files { authorities, data, left_out } = Files::read(asked, config).map_err(Diagnostics::from)?;
        let wrong = |text| Diagnostics::from(vec![Diagnostic::error(Code::CannotAnswer, text)]);
        let network = match needs(asked, &OVER_THE_NETWORK) {
            true => reached(asked, config, authorities.as_deref()).map_err(wrong)?,
            false => Capabilities::default(),
        };
        let opened = match data {
            Some(data) => Capabilities::of(Opened { data, network: network.answers }),
            None => network,
        };
        Ok(Capabilities { left_out: Some(left_out.into()), ..opened })
    }

    /// The files in the folders of the settings that are not read, each with the reason: worth a note where a deployment starts.
    ///
    /// ```
    /// assert!(toolgate::Capabilities::default().left_out().is_empty());
    /// ```
    pub fn left_out(&self) -> &[Diagnostic] {
        self.left_out.as_deref().unwrap_or_default()
    }

    /// What one decision asks of them, with random texts made of `seed`, waiting no longer than `limit` in all.
    #[doc(hidden)]
    pub fn session(&self, seed: u128, limit: Duration) -> Session {
        Session::new(self.answers(), seed, limit)
    }

    /// Who answers, if anybody does.
    fn answers(&self) -> Option<Arc<dyn Answers>> {
        self.answers.clone()
    }
}

/// Files, and who answers over the network.
#[derive(Debug)]
struct Opened {
    data: Data,
    network: Option<Arc<dyn Answers>>,
}

impl Answers for Opened {
    fn key_set(&self, url: &str) -> Result<Keys, Unanswered> {
        self.network.as_ref().map_or(Err(NOBODY), |network| network.key_set(url))
    }

    fn missing_key(&self, url: &str) {
        if let Some(network) = &self.network {
            network.missing_key(url);
        }
    }

    fn http(&self, request: &Request<'_>, left: Duration) -> (Result<Response, Unanswered>, Duration) {
        match &self.network {
            Some(network) => network.http(request, left),
            None => (Err(NOBODY), Duration::ZERO),
        }
    }

    fn look_up(&self, question: &Lookup<'_>) -> Found {
        self.data.look_up(question)
    }
}

/// What is asked over the network, with certificates of the settings.
const OVER_THE_NETWORK: [Capability; 2] = [Capability::KeySets, Capability::Http];
/// What is looked up in files.
const IN_FILES: [Capability; 3] = [Capability::Resources, Capability::GlobalContext, Capability::Images];

const RESOURCES: &str = "capabilities.resources";
const GLOBAL_CONTEXT: &str = "capabilities.globalContext";
const IMAGES: &str = "capabilities.images";
const CERTIFICATES: &str = "capabilities.certificates";
/// The settings that name files.
pub const FILE_SETTINGS: [&str; 4] = [RESOURCES, GLOBAL_CONTEXT, IMAGES, CERTIFICATES];

fn needs(asked: &[(Ask, Diagnostic)], some: &[Capability]) -> bool {
    asked.iter().any(|(ask, _)| some.contains(&ask.capability))
}

/// What is read of files, as far as it is asked.
struct Files {
    /// Certificates in PEM.
    authorities: Option<String>,
    data: Option<Data>,
    /// What is in the folders and is not read.
    left_out: Vec<Diagnostic>,
}

impl Files {
    /// # Errors
    /// Every file that cannot be read, or that holds something else, with the setting that names it.
    fn read(asked: &[(Ask, Diagnostic)], config: &CapabilityConfig) -> Result<Files, Vec<Diagnostic>> {
        let (mut wrong, mut left_out) = (Vec::new(), Vec::new());
        let named = config.certificates.as_ref().filter(|_| needs(asked, &OVER_THE_NETWORK));
        let authorities = named.and_then(|path| match authorities(Path::new(path)) {
            Ok(text) => Some(text),
            Err(why) => {
                let fault = Fault::of(Path::new(path), why);
                wrong.push(fault.told(CERTIFICATES, None, path));
                None
            }
        });
        let data = needs(asked, &IN_FILES).then(|| Data::read(config, &mut wrong, &mut left_out));
        if wrong.is_empty() { Ok(Files { authorities, data, left_out }) } else { Err(wrong) }
    }
}

/// The text of a file with certificates.
fn authorities(path: &Path) -> Result<String, String> {
    let text = read_text(path).map_err(|error| why_unread(&error))?;
    #[cfg(feature = "fetch")]
    net::certificates(&text)?;
    Ok(text)
}

/// What of `asked` could not be opened because of a file, or is left out of the folders: what [`Capabilities::open`] would
/// say, without asking anybody.
pub fn unopened(asked: &[(Ask, Diagnostic)], config: &CapabilityConfig) -> Vec<Diagnostic> {
    Files::read(asked, config).map_or_else(|wrong| wrong, |files| files.left_out)
}

/// Who answers over the network.
#[cfg(feature = "fetch")]
fn reached(
    asked: &[(Ask, Diagnostic)],
    config: &CapabilityConfig,
    authorities: Option<&str>,
) -> Result<Capabilities, String> {
    let live = live::Live::open(asked.iter().map(|(ask, _)| ask), config, authorities)?;
    Ok(Capabilities::of(live))
}

/// Nobody: this build has no network.
#[cfg(not(feature = "fetch"))]
fn reached(_: &[(Ask, Diagnostic)], _: &CapabilityConfig, _: Option<&str>) -> Result<Capabilities, String> {
    Err("a policy asks over the network, which this build does not reach: its feature `fetch` is off"
        .to_owned())
}

/// What policies ask and `granted` does not grant, each at its place, given what they ask and where.
pub fn ungranted(asked: &[(Ask, Diagnostic)], granted: &CapabilityConfig) -> Vec<Diagnostic> {
    let at = |(ask, place): &(Ask, Diagnostic)| {
        let wrong = granted.mistake(ask)?;
        Some(Diagnostic { message: wrong.message, help: wrong.help, ..place.clone() })
    };
    asked.iter().filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(capability: Capability, subject: &str) -> Ask {
        Ask { capability, function: "f".to_owned(), subject: Some(subject.to_owned()) }
    }

    #[test]
    fn nothing_is_granted_unless_the_settings_say_so() {
        let none = CapabilityConfig::default();
        for capability in [
            Capability::Clock,
            Capability::Random,
            Capability::KeySets,
            Capability::Http,
            Capability::Resources,
            Capability::GlobalContext,
            Capability::Images,
        ] {
            let (setting, _) = capability.setting().unwrap();
            let wrong = none.mistake(&ask(capability, "https://a/")).unwrap();
            assert!(wrong.help.unwrap().contains(setting), "{capability:?}");
        }
        assert!(none.mistake(&ask(Capability::CallTime, "x")).is_none());
    }

    #[test]
    fn a_constant_url_is_compared_with_what_is_granted() {
        let mut some = CapabilityConfig::default();
        some.http.urls.push("https://a.example/v1".to_owned());
        assert!(some.mistake(&ask(Capability::Http, "https://a.example/v1/x")).is_none());
        let wrong = some.mistake(&ask(Capability::Http, "https://b.example/v1/x")).unwrap();
        assert_eq!(wrong.help.unwrap(), "URLs that begin so are granted: `https://a.example/v1`");
    }
}
