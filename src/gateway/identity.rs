//! Who calls: the claims of the token that the gateway has verified, or the principal that it names
//! (docs/agentcore.md §4).
//!
//! No signature is checked here: a deployment that trusts the token says that its gateway has done so, and without
//! that word nothing is read. Of a token nothing leaves this module but what it claims; a malformed one is as good as
//! none.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::refusal::{Refusal, Unfit};
use super::wire::{MAX_NESTING, Request};
use crate::budget::{Budget, Fault};
use crate::value::Value;
use crate::value::json::strict::{Kind, Node, ReadError, UNREAD, read};
use crate::visible::is_unseen;

mod claims;
mod token;

use claims::Names;
pub use claims::{meant_pointer, wrong_claim};

/// Whom the deployment believes (docs/agentcore.md §4).
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::IdentityConfig;
///
/// let mut settings = Settings::default();
/// let identity: &mut IdentityConfig = &mut settings.identity;
/// identity.trust_jwt = true;
/// identity.required = true;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityConfig {
    /// The deployment asserts that the gateway has verified the JWT of the `Authorization` header.
    pub trust_jwt: bool,
    /// A judged message without a trusted identity is denied.
    pub required: bool,
    /// The family of the issuer, for the names of claims.
    pub provider: Provider,
    /// If not empty: the `iss` claim must be one of these.
    pub issuers: Vec<String>,
    /// If not empty: the `aud` claim must hold one of these.
    pub audiences: Vec<String>,
    /// If not empty: the client's claim must be one of these.
    pub clients: Vec<String>,
    /// The `exp` claim must be there and lie in the future.
    pub check_expiry: bool,
    /// Other claims than the provider's table for the user, the roles, the groups and the client.
    pub claims: ClaimNames,
    /// On an `AWS_IAM` gateway, `context.identity.awsPrincipalArn` is the user.
    pub iam_principal: bool,
}

/// Families of token issuers with their names of claims.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::Provider;
///
/// let mut settings = Settings::default();
/// settings.identity.provider = Provider::Okta;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provider {
    /// Told from the issuer.
    #[default]
    Auto,
    /// Amazon Cognito.
    Cognito,
    /// Okta.
    Okta,
    /// Microsoft Entra ID.
    Entra,
}

/// Names of claims that replace those of the provider's table: literal, or, if they begin with `/`, JSON Pointers
/// (RFC 6901) into the token's claims.
///
/// ```
/// use toolgate::Settings;
/// use toolgate::settings::ClaimNames;
///
/// let mut settings = Settings::default();
/// let claims: &mut ClaimNames = &mut settings.identity.claims;
/// claims.roles = Some("/realm_access/roles".to_owned());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimNames {
    /// The user.
    pub user: Option<String>,
    /// The roles.
    pub roles: Option<String>,
    /// The groups.
    pub groups: Option<String>,
    /// The client.
    pub client: Option<String>,
}

/// A caller whom the deployment believes.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    /// The user: stable, and none for a client that acts for itself.
    pub user: Option<&'a str>,
    /// The client that the token was made for.
    pub client: Option<&'a str>,
    /// The token's claims, an object; a principal has none.
    claims: Option<&'a Node<'a>>,
    names: Names<'a>,
}

impl fmt::Debug for Identity<'_> {
    /// Without the claims: what is printed for people may end in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("user", &self.user)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl<'a> Identity<'a> {
    /// True if it says who calls: a user or a client.
    pub fn is_known(&self) -> bool {
        self.user.is_some() || self.client.is_some()
    }

    /// The token's claims as a map. What a deployment makes headers of may be anybody's name, so all of them must be
    /// proper, at any depth.
    ///
    /// # Errors
    /// A text among them has blanks at its ends or characters that are not seen; the budget is spent.
    pub fn claims(&self, arena: &'a Bump, budget: &mut Budget) -> Result<Option<Value<'a>>, Unfit> {
        let Some(claims) = self.claims else { return Ok(None) };
        proper_texts(claims, budget)?;
        Ok(Some(claims.value(arena, budget)?))
    }

    /// The groups: a list of texts, of which one alone is one group, whatever blanks it has.
    ///
    /// # Errors
    /// The token says that its groups are elsewhere: they are unknown, which is not none. The budget is spent.
    pub fn groups(&self, arena: &'a Bump, budget: &mut Budget) -> Result<Option<Value<'a>>, Unfit> {
        self.members(self.names.groups, arena, budget)
    }

    /// The roles, as [`Identity::groups`].
    ///
    /// # Errors
    /// As [`Identity::groups`].
    pub fn roles(&self, arena: &'a Bump, budget: &mut Budget) -> Result<Option<Value<'a>>, Unfit> {
        self.names.roles.map_or(Ok(None), |name| self.members(name, arena, budget))
    }

    /// The scopes: a list of texts, or one text with blanks between them.
    ///
    /// # Errors
    /// The budget is spent.
    pub fn scopes(&self, arena: &'a Bump, budget: &mut Budget) -> Result<Option<Value<'a>>, Unfit> {
        let Some(node) = self.claims.and_then(|claims| claims.get(self.names.scopes)) else {
            return Ok(None);
        };
        let Kind::String(text) = node.kind else { return texts(node, arena, budget) };
        budget.charge_bytes(text.len().saturating_mul(size_of::<Value<'_>>()))?;
        let mut values = BumpVec::new_in(arena);
        values.extend(text.split(' ').filter(|scope| !scope.is_empty()).map(Value::String));
        Ok(Some(Value::List(values.into_bump_slice())))
    }

    fn members(&self, name: &str, arena: &'a Bump, budget: &mut Budget) -> Result<Option<Value<'a>>, Unfit> {
        let Some(claims) = self.claims else { return Ok(None) };
        if claims::is_elsewhere(claims, name) {
            return Err(Refusal::GroupsUnknown.into());
        }
        claims::claim(claims, name).map_or(Ok(None), |node| texts(node, arena, budget))
    }
}

/// What a claim or a principal says of who calls: as it is, or not at all. Trimmed, or without what is not seen, it
/// would be another's name, and where it is compared or shown somebody does just that.
///
/// # Errors
/// [`Refusal::IdentityValue`].
fn proper(text: &str) -> Result<(), Refusal> {
    let proper = text.trim().len() == text.len() && !text.chars().any(is_unseen);
    if proper { Ok(()) } else { Err(Refusal::IdentityValue) }
}

/// [`proper`] of every text that a claim holds. Recursion is as deep as a token may nest, [`MAX_NESTING`].
fn proper_texts(node: &Node<'_>, budget: &mut Budget) -> Result<(), Unfit> {
    budget.charge(1)?;
    match node.kind {
        Kind::String(text) => {
            budget.charge(u64::try_from(text.len() >> 4).unwrap_or(u64::MAX))?;
            proper(text)?;
        }
        Kind::List(nodes) => nodes.iter().try_for_each(|node| proper_texts(node, budget))?,
        Kind::Object(members) => {
            members.iter().try_for_each(|member| proper_texts(&member.value, budget))?;
        }
        Kind::Null | Kind::Bool(_) | Kind::Number => {}
        Kind::Unread => return Err(UNREAD.into()),
    }
    Ok(())
}

/// The texts that a claim holds; none if it is of another type. A list's other members are nobody's group.
fn texts<'a>(node: &Node<'a>, arena: &'a Bump, budget: &mut Budget) -> Result<Option<Value<'a>>, Unfit> {
    let nodes = match node.kind {
        Kind::String(_) => std::slice::from_ref(node),
        Kind::List(nodes) => nodes,
        Kind::Null | Kind::Bool(_) | Kind::Number | Kind::Object(_) => return Ok(None),
        Kind::Unread => return Err(UNREAD.into()),
    };
    budget.charge(u64::try_from(nodes.len()).unwrap_or(u64::MAX))?;
    budget.charge_bytes(nodes.len().saturating_mul(size_of::<Value<'_>>()))?;
    let mut values = BumpVec::with_capacity_in(nodes.len(), arena);
    values.extend(nodes.iter().filter_map(Node::as_str).map(Value::String));
    Ok(Some(Value::List(values.into_bump_slice())))
}

/// The caller of a request that arrived `now`, in seconds since the Unix epoch. None if nobody is trusted, or if the
/// token is none.
///
/// # Errors
/// The request has two different `Authorization` headers, whoever is trusted; the token is not one that this
/// deployment takes, or calls somebody by a name with blanks at its ends or with characters that are not seen; the
/// budget is spent.
pub fn identity<'a>(
    request: &Request<'a>,
    config: &'a IdentityConfig,
    now: i64,
    arena: &'a Bump,
    budget: &mut Budget,
) -> Result<Option<&'a Identity<'a>>, Unfit> {
    let authorization = authorization(request, budget)?;
    // A gateway that names a principal has checked a signature of AWS, and no token.
    if let Some(arn) = principal(request).filter(|_| config.iam_principal) {
        proper(arn)?;
        let names = Names::of(None, config);
        return Ok(Some(arena.alloc(Identity { user: Some(arn), client: None, claims: None, names })));
    }
    let Some(token) = authorization.and_then(token::bearer).filter(|_| config.trust_jwt) else {
        return Ok(None);
    };
    let Some(claims) = read_claims(token, arena, budget)? else { return Ok(None) };
    let names = Names::of(claims.get("iss").and_then(Node::as_str), config);
    let client = names.client(claims);
    claims::check(claims, client, config, now)?;
    let user = names.user(claims, client);
    // Whether a policy asks for it or not: who calls under a name like that is refused.
    for text in [user, client].into_iter().flatten() {
        proper(text)?;
    }
    for claim in [names.roles, Some(names.groups)].into_iter().flatten() {
        claims::claim(claims, claim).map_or(Ok(()), |node| proper_texts(node, budget))?;
    }
    Ok(Some(arena.alloc(Identity { user, client, claims: Some(claims), names })))
}

/// The payload of a token; none if it is not an object that reads in one way only.
fn read_claims<'a>(token: &str, arena: &'a Bump, budget: &mut Budget) -> Result<Option<&'a Node<'a>>, Fault> {
    let Some(payload) = token::payload(token, arena, budget)? else { return Ok(None) };
    match read(payload, MAX_NESTING, arena, budget) {
        Ok(document) if document.flaw.is_none() && matches!(document.root.kind, Kind::Object(_)) => {
            Ok(Some(arena.alloc(document.root)))
        }
        Ok(_) | Err(ReadError::Syntax(_) | ReadError::Utf8(_)) => Ok(None),
        Err(ReadError::Fault(fault)) => Err(fault),
    }
}

/// The value of the one `Authorization` header, in any spelling; none if there is none, or if it is no text. Repeated
/// headers may come as a list.
fn authorization<'a>(request: &Request<'a>, budget: &mut Budget) -> Result<Option<&'a str>, Unfit> {
    let mut found: Option<Option<&'a str>> = None;
    for member in request.headers.map(Node::members).unwrap_or_default() {
        budget.charge(1)?;
        if !member.name.eq_ignore_ascii_case("authorization") {
            continue;
        }
        let values = match member.value.kind {
            Kind::Null => &[],
            Kind::List(values) => values,
            _ => std::slice::from_ref(&member.value),
        };
        for value in values {
            budget.charge(1)?;
            let value = value.as_str();
            if found.is_some_and(|before| before != value) {
                return Err(Refusal::TwoTokens.into());
            }
            found = Some(value);
        }
    }
    Ok(found.flatten())
}

/// The principal whose signature an `AWS_IAM` gateway has checked; the field is not documented.
fn principal<'a>(request: &Request<'a>) -> Option<&'a str> {
    let arn = request.context?.get("identity")?.get("awsPrincipalArn")?.as_str()?;
    (!arn.is_empty()).then_some(arn)
}

#[cfg(test)]
mod tests;
