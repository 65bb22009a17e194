//! References to container images (kyverno/sdk `extensions/cel/libs/image` over go-containerregistry's `name`). Only the
//! text is looked at, no registry is asked.

use crate::error::{ErrorKind, Raise};
use crate::library::k8s::url::parse::{Form, parse as parse_url};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::Value;
use crate::value::extension::{Extension, Image};

const PARSE_DOC: &str = "The reference that a text is: registry, repository, and a tag or a digest or both.";

/// `kyverno.image`
pub static LIBRARY: Library = Library {
    name: "kyverno.image",
    version: 0,
    types: &[TypeRow::Opaque("kyverno.image")],
    rows: &[
        row(
            "string_to_image_deprecated",
            "image(string) -> kyverno.image",
            Own(string_to_image),
            "The old name of `parseImageReference`.",
            &["image('nginx').tag() == 'latest'"],
        ),
        row(
            "string_to_image",
            "parseImageReference(string) -> kyverno.image",
            Own(string_to_image),
            PARSE_DOC,
            &["parseImageReference('ghcr.io/a/b:v1').registry() == 'ghcr.io'"],
        ),
        row(
            "is_image_string",
            "isImage(string) -> bool",
            Own(is_image),
            "True if `parseImageReference` would read the text.",
            &["isImage('nginx:1.27')", "!isImage('Nginx')"],
        ),
        row(
            "image_contains_digest",
            "kyverno.image.containsDigest() -> bool",
            Own(contains_digest),
            "True if the reference names a digest.",
            &["!image('nginx').containsDigest()"],
        ),
        row(
            "image_registry",
            "kyverno.image.registry() -> string",
            Own(registry),
            "The registry, `index.docker.io` if none is named.",
            &["image('nginx').registry() == 'index.docker.io'", "image('a:5000/bc').registry() == 'a:5000'"],
        ),
        row(
            "image_repository",
            "kyverno.image.repository() -> string",
            Own(repository),
            "The repository, under `library/` where Docker Hub has it there.",
            &["image('nginx').repository() == 'library/nginx'", "image('ghcr.io/ab').repository() == 'ab'"],
        ),
        row(
            "image_identifier",
            "kyverno.image.identifier() -> string",
            Own(identifier),
            "The tag or the digest; of a reference with both, `tag@digest`.",
            &["image('nginx:1.27').identifier() == '1.27'"],
        ),
        row(
            "image_identifier_with_separator",
            "kyverno.image.identifierWithSeparator() -> string",
            Own(identifier_with_separator),
            "The digest behind `@` if there is one, else the tag behind `:`.",
            &["image('nginx').identifierWithSeparator() == ':latest'"],
        ),
        row(
            "image_tag",
            "kyverno.image.tag() -> string",
            Own(tag),
            "The tag; `latest` if there is neither tag nor digest.",
            &["image('nginx').tag() == 'latest'", "image('nginx:1.27').tag() == '1.27'"],
        ),
        row(
            "image_digest",
            "kyverno.image.digest() -> string",
            Own(digest),
            "The digest with its algorithm, or nothing.",
            &["image('nginx').digest() == ''"],
        ),
    ],
};

const DOCKER_HUB: &str = "index.docker.io";

/// Registry and repository.
type Repository<'a> = (&'a str, &'a str);

/// A tag and the repository before it; without a tag `latest`.
fn tagged<'a>(rt: &Runtime<'a>, text: &'a str) -> Option<(Repository<'a>, &'a str)> {
    let (base, tag) = match text.rsplit_once(':') {
        Some((base, tag)) if !tag.contains('/') => (base, Some(tag)),
        _ => (text, None),
    };
    let is_tag_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if tag.is_some_and(|tag| !(1..=128).contains(&tag.len()) || !tag.bytes().all(is_tag_byte)) {
        return None;
    }
    Some((repository_of(rt, base)?, tag.unwrap_or("latest")))
}

fn repository_of<'a>(rt: &Runtime<'a>, text: &'a str) -> Option<Repository<'a>> {
    let (registry, repository) = match text.split_once('/') {
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => (first, rest),
        _ => ("", text),
    };
    let is_repository_byte =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-./".contains(&byte);
    if !(2..=255).contains(&repository.len()) || !repository.bytes().all(is_repository_byte) {
        return None;
    }
    let url = bumpalo::format!(in rt.arena, "//{}", registry).into_bump_str();
    let host = parse_url(rt.arena, url.as_bytes(), Form::Any).ok()?.host;
    let known = if matches!(registry, "" | "docker.io") { DOCKER_HUB } else { registry };
    (host == registry.as_bytes()).then_some((known, repository))
}

fn is_digest(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(is_hex))
}

/// The tag that stands before the digest.
fn tag_before_digest(base: &str) -> Option<&str> {
    base.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/') && !tag.is_empty())
}

/// The repository as its own text names it.
fn full_name<'a>(rt: &Runtime<'a>, (registry, repository): Repository<'a>) -> &'a str {
    if registry == DOCKER_HUB && !repository.contains('/') {
        bumpalo::format!(in rt.arena, "library/{}", repository).into_bump_str()
    } else {
        repository
    }
}

fn parse<'a>(rt: &mut Runtime<'a>, text: &'a str) -> Result<Option<Image<'a>>, Raise<'a>> {
    rt.charge_scan(text.len().saturating_mul(12).saturating_add(32))?;
    rt.budget.charge_bytes(text.len().saturating_mul(8).saturating_add(64))?;
    if let Some(((registry, repository), tag)) = tagged(rt, text) {
        return Ok(Some(Image { registry, repository, tag: Some(tag), digest: None, original: text }));
    }
    let Some((base, digest)) = text.split_once('@') else { return Ok(None) };
    if !is_digest(digest) {
        return Ok(None);
    }
    let found = match tagged(rt, base) {
        // The name that the tag belongs to is read once more, written in full.
        Some((name, _)) => Some((name.0, full_name(rt, name))),
        None => repository_of(rt, base),
    };
    let found = found.filter(|(_, repository)| repository.len() <= 255);
    Ok(found.map(|(registry, repository)| Image {
        registry,
        repository,
        tag: tag_before_digest(base),
        digest: Some(digest),
        original: text,
    }))
}

fn string_to_image<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    match parse(rt, text)? {
        Some(image) => {
            rt.budget.charge_bytes(size_of::<Image<'_>>())?;
            Ok(Value::Extension(Extension::Image(rt.arena.alloc(image))))
        }
        None => Err(rt.error(format_args!("could not parse reference: {text}"))),
    }
}

fn is_image<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let [Value::String(text)] = *args else { return Err(ErrorKind::NoSuchOverload.into()) };
    Ok(Value::Bool(parse(rt, text)?.is_some()))
}

fn receiver<'a>(args: &[Value<'a>]) -> Result<&'a Image<'a>, Raise<'a>> {
    match *args {
        [Value::Extension(Extension::Image(image))] => Ok(image),
        _ => Err(ErrorKind::NoSuchOverload.into()),
    }
}

fn contains_digest<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Bool(receiver(args)?.digest.is_some()))
}

fn registry<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::String(receiver(args)?.registry))
}

fn repository<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let image = receiver(args)?;
    rt.charge_scan(image.repository.len())?;
    rt.budget.charge_bytes(image.repository.len().saturating_add(16))?;
    Ok(Value::String(full_name(rt, (image.registry, image.repository))))
}

fn identifier<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let image = receiver(args)?;
    Ok(Value::String(match (image.tag, image.digest) {
        (Some(tag), Some(digest)) => rt.format(format_args!("{tag}@{digest}"))?,
        (tag, digest) => digest.or(tag).unwrap_or_default(),
    }))
}

fn identifier_with_separator<'a>(rt: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    let image = receiver(args)?;
    Ok(Value::String(match image.digest {
        Some(digest) => rt.format(format_args!("@{digest}"))?,
        None => rt.format(format_args!(":{}", image.tag.unwrap_or_default()))?,
    }))
}

fn tag<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::String(receiver(args)?.tag.unwrap_or_default()))
}

fn digest<'a>(_: &mut Runtime<'a>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::String(receiver(args)?.digest.unwrap_or_default()))
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
