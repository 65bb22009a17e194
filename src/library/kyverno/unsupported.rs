//! What Kyverno's HTTP environment has and Toolgate does not have yet, by name, so that a policy that uses it is
//! told so instead of being told that there is no such thing.

/// Names of functions, types and variables, with the library that brings them. A member function has no receiver
/// here; a name that is also declared by a supported library is not in the list.
const NAMES: &[(&str, &[&str])] = &[
    (
        "kubernetes.net.ip",
        &[
            "ip",
            "isIP",
            "ip.isCanonical",
            "family",
            "isUnspecified",
            "isLoopback",
            "isLinkLocalMulticast",
            "isLinkLocalUnicast",
            "isGlobalUnicast",
            "net.IP",
        ],
    ),
    (
        "kubernetes.net.cidr",
        &["cidr", "isCIDR", "containsIP", "containsCIDR", "masked", "prefixLength", "net.CIDR"],
    ),
    (
        "kubernetes.urls",
        &[
            "url",
            "isURL",
            "getScheme",
            "getHost",
            "getHostname",
            "getPort",
            "getEscapedPath",
            "getQuery",
            "kubernetes.URL",
        ],
    ),
    (
        "kubernetes.quantity",
        &[
            "quantity",
            "isQuantity",
            "sign",
            "isInteger",
            "asInteger",
            "asApproximateFloat",
            "isGreaterThan",
            "isLessThan",
            "compareTo",
            "add",
            "sub",
            "kubernetes.Quantity",
        ],
    ),
    ("kubernetes.Semver", &["semver", "isSemver", "major", "minor", "patch", "kubernetes.Semver"]),
    (
        "kubernetes.format",
        &[
            "validate",
            "format.named",
            "format.dns1123Label",
            "format.dns1123Subdomain",
            "format.dns1035Label",
            "format.qualifiedName",
            "format.dns1123LabelPrefix",
            "format.dns1123SubdomainPrefix",
            "format.dns1035LabelPrefix",
            "format.labelValue",
            "format.uri",
            "format.uuid",
            "format.byte",
            "format.date",
            "format.datetime",
            "kubernetes.NamedFormat",
        ],
    ),
    ("kyverno.jwt", &["jwt.Decode", "jwt.Token"]),
    ("kyverno.jwk", &["jwks.Fetch", "jwk.Set"]),
    (
        "kyverno.http",
        &[
            "http.Get",
            "http.Post",
            "http.Client",
            "Get",
            "Post",
            "Client",
            "get",
            "post",
            "client",
            "http.Context",
        ],
    ),
    (
        "kyverno.resource",
        &[
            "resource.List",
            "resource.list",
            "resource.get",
            "resource.post",
            "resource.toGVR",
            "resource.Get",
            "resource.Post",
            "resource.ToGVR",
            "List",
            "list",
            "ToGVR",
            "toGVR",
            "resource.Context",
        ],
    ),
    (
        "kyverno.image",
        &[
            "image",
            "parseImageReference",
            "isImage",
            "containsDigest",
            "registry",
            "repository",
            "identifier",
            "identifierWithSeparator",
            "tag",
            "digest",
            "imagedata.Context",
        ],
    ),
];

/// The library that brings `name` in Kyverno and is not supported yet.
pub fn unsupported(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(library, _)| *library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_libraries_are_named_and_present_ones_are_not() {
        assert_eq!(unsupported("jwt.Decode"), Some("kyverno.jwt"));
        assert_eq!(unsupported("isCIDR"), Some("kubernetes.net.cidr"));
        assert_eq!(unsupported("http.Get"), Some("kyverno.http"));
        assert_eq!(unsupported("image"), Some("kyverno.image"));
        for present in
            ["http.Denied", "http.Allowed", "mcp.Parse", "json.Unmarshal", "size", "format", "nope"]
        {
            assert_eq!(unsupported(present), None, "{present}");
        }
    }
}
