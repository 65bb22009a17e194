//! What the claims of each family of issuers are called (docs/agentcore.md §4), and what a deployment may demand
//! of them.

use super::{IdentityConfig, Provider};
use crate::gateway::refusal::Refusal;
use crate::value::json::strict::{Kind, Node};

/// The families, with that of RFC 9068 for all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Cognito,
    Okta,
    Entra,
    Standard,
}

/// Names of claims, see [`claim`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    family: Family,
    user: Option<&'a str>,
    client: Option<&'a str>,
    /// None where the family has no claim for them.
    pub(super) roles: Option<&'a str>,
    pub(super) groups: &'a str,
    pub(super) scopes: &'a str,
}

impl<'a> Names<'a> {
    /// The names for a token of this issuer: the deployment's, else those of the family.
    pub(super) fn of(issuer: Option<&str>, config: &'a IdentityConfig) -> Names<'a> {
        let family = match config.provider {
            Provider::Auto => issuer.map_or(Family::Standard, family),
            Provider::Cognito => Family::Cognito,
            Provider::Okta => Family::Okta,
            Provider::Entra => Family::Entra,
        };
        let (roles, groups, scopes) = match family {
            Family::Cognito => (Some("cognito:roles"), "cognito:groups", "scope"),
            Family::Okta => (None, "groups", "scp"),
            Family::Entra => (Some("roles"), "groups", "scp"),
            Family::Standard => (Some("roles"), "groups", "scope"),
        };
        let own = &config.claims;
        Names {
            family,
            user: own.user.as_deref(),
            client: own.client.as_deref(),
            roles: own.roles.as_deref().or(roles),
            groups: own.groups.as_deref().unwrap_or(groups),
            scopes,
        }
    }

    /// The client that the token was made for.
    pub(super) fn client(&self, claims: &'a Node<'a>) -> Option<&'a str> {
        if let Some(name) = self.client {
            return text(claims, name);
        }
        match self.family {
            Family::Cognito if text(claims, "token_use") == Some("id") => text(claims, "aud"),
            Family::Cognito | Family::Standard => text(claims, "client_id"),
            Family::Okta => text(claims, "cid"),
            Family::Entra => text(claims, "azp").or_else(|| text(claims, "appid")),
        }
    }

    /// The user, by the claim that never changes hands. A client that acts for itself is the subject of its own
    /// token, and no user.
    pub(super) fn user(&self, claims: &'a Node<'a>, client: Option<&str>) -> Option<&'a str> {
        if let Some(name) = self.user {
            return text(claims, name);
        }
        match self.family {
            Family::Okta => text(claims, "uid"),
            Family::Cognito | Family::Standard => text(claims, "sub").filter(|user| Some(*user) != client),
            // An object is one of its tenant's. Of an application alone it is the service principal, which is its
            // subject too; a user's subject is another for every application.
            Family::Entra => text(claims, "oid").filter(|user| {
                let app = text(claims, "idtyp") == Some("app") || text(claims, "sub") == Some(user);
                !app && text(claims, "tid").is_some()
            }),
        }
    }
}

/// The family of an issuer, by its host.
fn family(issuer: &str) -> Family {
    let host = issuer.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| host.ends_with(suffix));
    let entra = [
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "sts.windows.net",
        "sts.chinacloudapi.cn",
    ];
    if host.starts_with("cognito-idp.") && ends(&[".amazonaws.com", ".amazonaws.com.cn"]) {
        Family::Cognito
    } else if ends(&[".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com", ".okta.mil"]) {
        Family::Okta
    } else if entra.contains(&host) || ends(&[".ciamlogin.com"]) {
        Family::Entra
    } else {
        Family::Standard
    }
}

/// The claim of a name; if it begins with `/`, what stands at the JSON Pointer that it is (RFC 6901).
pub(super) fn claim<'a>(claims: &'a Node<'a>, name: &str) -> Option<&'a Node<'a>> {
    let Some(path) = name.strip_prefix('/') else { return claims.get(name) };
    path.split('/').try_fold(claims, |node, token| match node.kind {
        Kind::Object(members) => {
            members.iter().find(|member| unescaped(token).eq(member.name.chars())).map(|member| &member.value)
        }
        Kind::List(nodes) => nodes.get(index(token)?),
        Kind::Null | Kind::Bool(_) | Kind::Number | Kind::String(_) | Kind::Unread => None,
    })
}

/// A token of a pointer, which writes `~` as `~0` and `/` as `~1`.
fn unescaped(token: &str) -> impl Iterator<Item = char> {
    let mut rest = token.chars().peekable();
    std::iter::from_fn(move || {
        let c = rest.next()?;
        let escaped = if c == '~' { rest.next_if(|c| matches!(c, '0' | '1')) } else { None };
        Some(match escaped {
            Some('1') => '/',
            _ => c,
        })
    })
}

/// The place in a list that a token is: digits, without zeros before them.
fn index(token: &str) -> Option<usize> {
    let is_index =
        token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    token.parse().ok().filter(|_| is_index)
}

/// What is wrong with the name of a claim, in words that follow it.
pub fn wrong_claim(name: &str) -> Option<String> {
    let pointer = name.strip_prefix('/')?;
    let is_bad = pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
    is_bad.then(|| {
        "is not a JSON Pointer: after `~` comes `0`, for `~` itself, or `1`, for `/` in a name".to_owned()
    })
}

/// The pointer that somebody may have meant who wrote a path in another way, such as with points: `realm_access.roles` is a
/// claim of that whole name, which Keycloak's tokens, for one, do not have. Names that are URIs have points and slashes of their
/// own.
pub fn meant_pointer(name: &str) -> Option<String> {
    if name.contains(':') {
        return None;
    }
    // `$.a['b'][0]`, `#/a/b`
    let bare = name.trim_start_matches(['$', '#']);
    let flat = bare.replace('[', "/").replace(['\'', '"', ']'], "").replace("./", "/");
    let inner = flat.strip_prefix(['/', '.']).unwrap_or(&flat);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let is_foreign = bare.len() < name.len() || flat != bare;
    let separators: &[char] = match (inner.contains('.'), inner.contains('/')) {
        (true, true) if is_foreign => &['.', '/'],
        (true, true) => return None,
        (true, false) => &['.'],
        (false, true) => &['/'],
        (false, false) if is_foreign || flat.ends_with('/') => &['/'],
        (false, false) => return None,
    };
    let is_escaped = bare.starts_with('/');
    let segments = inner.split(separators);
    if segments.clone().any(str::is_empty) {
        return None;
    }
    let pointer = segments.fold(String::new(), |path, segment| {
        path + "/" + &if is_escaped { segment.to_owned() } else { segment.replace('~', "~0") }
    });
    (pointer != name).then_some(pointer)
}

/// A claim that is text and not empty.
fn text<'a>(claims: &'a Node<'a>, name: &str) -> Option<&'a str> {
    claim(claims, name)?.as_str().filter(|text| !text.is_empty())
}

/// True if the token says that this claim is too large for it, and where else to ask. Entra does so beyond about 200
/// groups.
pub(super) fn is_elsewhere(claims: &Node<'_>, name: &str) -> bool {
    // What is elsewhere is a whole claim, the first token of a pointer.
    let whole = match name.strip_prefix('/').and_then(|path| path.find('/')) {
        Some(end) => name.get(..end.saturating_add(1)).unwrap_or(name),
        None => name,
    };
    let named = claims.get("_claim_names").is_some_and(|names| claim(names, whole).is_some());
    let flagged = matches!(whole, "groups" | "/groups")
        && claims.get("groups").is_none()
        && claims.get("hasgroups").is_some_and(|flag| !matches!(flag.kind, Kind::Bool(false) | Kind::Null));
    named || flagged
}

/// What the deployment demands of a token beside the gateway's own checks.
///
/// # Errors
/// [`Refusal::Token`], whatever it is that does not hold.
pub(super) fn check(
    claims: &Node<'_>,
    client: Option<&str>,
    config: &IdentityConfig,
    now: i64,
) -> Result<(), Refusal> {
    let one_of = |wanted: &[String], value: Option<&str>| {
        wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|wanted| wanted == value))
    };
    let issuer = one_of(&config.issuers, claims.get("iss").and_then(Node::as_str));
    let audience = config.audiences.is_empty()
        || claims.get("aud").is_some_and(|aud| match aud.kind {
            Kind::List(list) => list.iter().any(|aud| one_of(&config.audiences, aud.as_str())),
            _ => one_of(&config.audiences, aud.as_str()),
        });
    let expiry = !config.check_expiry || claims.get("exp").is_some_and(|exp| is_after(exp, now));
    let holds = issuer && audience && one_of(&config.clients, client) && expiry;
    if holds { Ok(()) } else { Err(Refusal::Token) }
}

/// True if the claim is a number of seconds, maybe with a fraction, that lies after `now`.
fn is_after(exp: &Node<'_>, now: i64) -> bool {
    if !matches!(exp.kind, Kind::Number) {
        return false;
    }
    match exp.raw.parse::<i64>() {
        Ok(exp) => exp > now,
        Err(_) => exp.raw.parse::<f64>().is_ok_and(|exp| exp > crate::value::i64_as_f64(now)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_from_the_host_of_the_issuer() {
        for (issuer, expected) in [
            ("https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a", Family::Cognito),
            ("https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_a", Family::Cognito),
            ("https://example.okta.com/oauth2/default", Family::Okta),
            ("https://example.oktapreview.com", Family::Okta),
            ("https://login.microsoftonline.com/t/v2.0", Family::Entra),
            ("https://sts.windows.net/t/", Family::Entra),
            ("https://example.ciamlogin.com/t/v2.0", Family::Entra),
            ("https://example.auth0.com/", Family::Standard),
            ("https://evil.example/login.microsoftonline.com/t/v2.0", Family::Standard),
            ("https://okta.com.evil.example/", Family::Standard),
            ("https://notlogin.microsoftonline.com/t", Family::Standard),
            ("https://evilokta.com/", Family::Standard),
            ("http://example.okta.com", Family::Standard),
            ("example.okta.com", Family::Standard),
            ("", Family::Standard),
        ] {
            assert_eq!(family(issuer), expected, "{issuer}");
        }
    }
}
