use super::*;
use crate::gateway::wire::{Event, event};

const NOW: i64 = 1_790_000_000;

fn base64url(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: String = text.bytes().map(|byte| format!("{byte:08b}")).collect();
    let digit = |six: &[u8]| {
        let six = format!("{:0<6}", std::str::from_utf8(six).unwrap());
        char::from(DIGITS[usize::from_str_radix(&six, 2).unwrap()])
    };
    bits.as_bytes().chunks(6).map(digit).collect()
}

fn bearer(claims: &str) -> String {
    format!("{{\"Authorization\":\"Bearer e30.{}.c2ln\"}}", base64url(claims))
}

fn trusting() -> IdentityConfig {
    IdentityConfig { trust_jwt: true, ..IdentityConfig::default() }
}

/// What `then` makes of the caller of a request with these headers and this context.
fn identified<T>(
    headers: &str,
    context: &str,
    config: &IdentityConfig,
    then: impl for<'a> FnOnce(Result<Option<&'a Identity<'a>>, Unfit>, &'a Bump) -> T,
) -> T {
    let text = format!(
        r#"{{"interceptorInputVersion":"1.0","mcp":{{"gatewayRequest":{{"headers":{headers},"context":{context}}}}}}}"#
    );
    let (arena, config) = (Bump::new(), config.clone());
    let mut budget = Budget::default();
    let text: &str = arena.alloc_str(&text);
    let Event::Request(request) = event(text.as_bytes(), &arena, &mut budget) else { panic!("{text}") };
    then(identity(&request, &config, NOW, &arena, &mut budget), &arena)
}

fn list(found: Result<Option<Value<'_>>, Unfit>) -> String {
    match found {
        Ok(None) => "-".to_owned(),
        Ok(Some(Value::List(values))) => {
            let text = |value: &Value<'_>| {
                if let Value::String(text) = value { (*text).to_owned() } else { panic!("{value:?}") }
            };
            format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join("|"))
        }
        Err(Unfit::Refusal(refusal)) => refusal.name().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The caller in short: user, client, roles, groups and scopes, or why there is none.
fn who_in(headers: &str, context: &str, config: &IdentityConfig) -> String {
    identified(headers, context, config, |found, arena| match found {
        Err(Unfit::Refusal(refusal)) => refusal.name().to_owned(),
        Err(Unfit::Fault(fault)) => fault.to_string(),
        Ok(None) => "nobody".to_owned(),
        Ok(Some(identity)) => {
            let budget = &mut Budget::default();
            let (user, client) = (identity.user.unwrap_or("-"), identity.client.unwrap_or("-"));
            let roles = list(identity.roles(arena, budget));
            let groups = list(identity.groups(arena, budget));
            let scopes = list(identity.scopes(arena, budget));
            format!("{user} {client} {roles} {groups} {scopes}")
        }
    })
}

fn who(headers: &str, config: &IdentityConfig) -> String {
    who_in(headers, "null", config)
}

const COGNITO: &str = r#""iss":"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_a""#;
const OKTA: &str = r#""iss":"https://example.okta.com/oauth2/aus1""#;
const ENTRA: &str = r#""iss":"https://login.microsoftonline.com/t1/v2.0","tid":"t1""#;

#[test]
fn each_family_has_its_own_claims() {
    for (claims, expected) in [
        (
            format!(r#"{{{COGNITO},"token_use":"access","sub":"u","client_id":"c","username":"ana","cognito:groups":["a","b c"],"scope":"x/y z"}}"#),
            "u c - [a|b c] [x/y|z]",
        ),
        (
            format!(r#"{{{COGNITO},"token_use":"id","sub":"u","aud":"c","client_id":"d","cognito:roles":["r"]}}"#),
            "u c [r] - -",
        ),
        (format!(r#"{{{COGNITO},"token_use":"access","sub":"c","client_id":"c"}}"#), "- c - - -"),
        (
            format!(r#"{{{OKTA},"sub":"ana@example.com","uid":"u","cid":"c","scp":["x","y z"],"groups":["g"],"roles":["r"]}}"#),
            "u c - [g] [x|y z]",
        ),
        (format!(r#"{{{OKTA},"sub":"c","cid":"c","scp":["x"]}}"#), "- c - - [x]"),
        (
            format!(r#"{{{ENTRA},"oid":"u","sub":"p","azp":"c","preferred_username":"ana","roles":["r"],"groups":["g"],"scp":"x y"}}"#),
            "u c [r] [g] [x|y]",
        ),
        (format!(r#"{{{ENTRA},"oid":"u","sub":"p","appid":"c"}}"#), "u c - - -"),
        (format!(r#"{{{ENTRA},"oid":"s","sub":"p","azp":"c","idtyp":"app"}}"#), "- c - - -"),
        (format!(r#"{{{ENTRA},"oid":"s","sub":"s","azp":"c"}}"#), "- c - - -"),
        // An object of no tenant is nobody.
        (r#"{"iss":"https://sts.windows.net/t1/","oid":"u","sub":"p"}"#.to_owned(), "- - - - -"),
        // Any other issuer, as RFC 9068 has it.
        (
            r#"{"iss":"https://id.example.com","sub":"u","client_id":"c","roles":["r"],"groups":["g"],"scope":" x  y "}"#.to_owned(),
            "u c [r] [g] [x|y]",
        ),
        (r#"{"sub":"c","client_id":"c"}"#.to_owned(), "- c - - -"),
        ("{}".to_owned(), "- - - - -"),
    ] {
        assert_eq!(who(&bearer(&claims), &trusting()), expected, "{claims}");
    }
}

#[test]
fn a_claim_that_begins_with_a_slash_is_a_json_pointer() {
    let claims = r#"{"iss":"https://login.example.com","realm_access":{"roles":["a","b"]},"resource_access":{"my/app":{"roles":["c"]},"~":"d"},
        "list":["x",["y"]],"a.b":"w","/a":"v","":"e","deep":{"":"f"},"n":1}"#;
    for (pointer, expected) in [
        ("/realm_access/roles", "[a|b]"),
        ("/resource_access/my~1app/roles", "[c]"),
        ("/resource_access/~0", "[d]"),
        ("/list/0", "[x]"),
        ("/list/1", "[y]"),
        ("/list/1/0", "[y]"),
        ("/a.b", "[w]"),
        ("/~1a", "[v]"),
        ("/", "[e]"),
        ("/deep/", "[f]"),
        // What is not there, or is not what the pointer takes it for, is no claim.
        ("/a", "-"),
        ("/realm_access", "-"),
        ("/realm_access.roles", "-"),
        ("realm_access.roles", "-"),
        ("/realm_access/roles/", "-"),
        ("/list/01", "-"),
        ("/list/-", "-"),
        ("/list/+1", "-"),
        ("/list/2", "-"),
        ("/list/99999999999999999999999", "-"),
        ("/n/0", "-"),
        ("//realm_access/roles", "-"),
    ] {
        let own = ClaimNames { roles: Some(pointer.to_owned()), ..ClaimNames::default() };
        let config = IdentityConfig { claims: own, ..trusting() };
        assert_eq!(who(&bearer(claims), &config), format!("- - {expected} - -"), "{pointer}");
    }
    let own = ClaimNames {
        user: Some("/who/user".to_owned()),
        client: Some("/who/client".to_owned()),
        groups: Some("/groups/of".to_owned()),
        ..ClaimNames::default()
    };
    let config = IdentityConfig { claims: own, ..trusting() };
    let claims = r#"{"who":{"user":"u","client":"c"},"groups":{"of":["g"]}}"#;
    assert_eq!(who(&bearer(claims), &config), "u c - [g] -");
    // Names under a pointer are as proper as others, and what is elsewhere is unknown.
    let improper = claims.replace("\"g\"", "\"g \"");
    assert_eq!(who(&bearer(&improper), &config), who(&bearer(r#"{"roles":["r "]}"#), &trusting()));
    let elsewhere = r#"{"who":{"user":"u"},"_claim_names":{"groups":"src1"}}"#;
    assert_eq!(who(&bearer(elsewhere), &config), "u - - groups-unknown -");
    let flagged = r#"{"who":{"user":"u"},"hasgroups":true}"#;
    assert_eq!(who(&bearer(flagged), &config), "u - - groups-unknown -");
}

#[test]
fn names_that_look_like_paths_suggest_the_pointer() {
    for (name, pointer) in [
        ("realm_access.roles", Some("/realm_access/roles")),
        ("a.b~c.d", Some("/a/b~0c/d")),
        ("realm_access/roles", Some("/realm_access/roles")),
        ("/realm_access/roles/", Some("/realm_access/roles")),
        ("/realm_access.roles", Some("/realm_access/roles")),
        ("#/realm_access/roles", Some("/realm_access/roles")),
        ("$.realm_access.roles", Some("/realm_access/roles")),
        ("$['resource_access']['app'].roles", Some("/resource_access/app/roles")),
        ("realm_access[\"roles\"]", Some("/realm_access/roles")),
        ("groups[0]", Some("/groups/0")),
        (".roles", None),
        ("example.com/roles", None),
        ("/a.b/c", None),
        ("/a~1b", None),
        ("/", None),
        ("", None),
        ("https://example.com/roles", None),
        ("urn:example.com:roles", None),
        ("cognito:groups", None),
        ("/realm_access/roles", None),
        ("roles.", None),
        ("roles", None),
    ] {
        assert_eq!(meant_pointer(name).as_deref(), pointer, "{name}");
    }
    for name in ["/a~", "/a~2b", "/~01~", "/~"] {
        assert!(wrong_claim(name).is_some(), "{name}");
    }
    for name in ["a~", "/a~0~1", "/", "roles"] {
        assert_eq!(wrong_claim(name), None, "{name}");
    }
}

#[test]
fn a_deployment_may_name_the_family_and_the_claims() {
    let claims = r#"{"iss":"https://login.example.com","sub":"s","uid":"u","cid":"c","a.b":"w","https://x/y":["r"],"cognito:groups":"g h","azp":"z"}"#;
    let okta = IdentityConfig { provider: Provider::Okta, ..trusting() };
    assert_eq!(who(&bearer(claims), &okta), "u c - - -");
    let name = |name: &str| Some(name.to_owned());
    let own = IdentityConfig {
        claims: ClaimNames {
            user: name("a.b"),
            roles: name("https://x/y"),
            groups: name("cognito:groups"),
            client: name("azp"),
        },
        ..okta
    };
    assert_eq!(who(&bearer(claims), &own), "w z [r] [g h] -");
}

#[test]
fn claims_of_other_types_are_absent() {
    let claims = format!(
        r#"{{{COGNITO},"sub":null,"client_id":5,"cognito:groups":{{"a":"b"}},"cognito:roles":["r",5,null,["s"]],"scope":7}}"#
    );
    assert_eq!(who(&bearer(&claims), &trusting()), "- - [r] - -");
    assert_eq!(who(&bearer(r#"{"sub":"","groups":[],"roles":""}"#), &trusting()), "- - [] [] -");
}

#[test]
fn groups_that_are_elsewhere_are_unknown() {
    for (claims, expected) in [
        (r#""_claim_names":{"groups":"src1"}"#, "[r] groups-unknown"),
        (r#""_claim_names":{"groups":"src1"},"groups":["g"]"#, "[r] groups-unknown"),
        (r#""_claim_names":{"roles":"src1"}"#, "groups-unknown -"),
        (r#""_claim_names":{"other":"src1"}"#, "[r] -"),
        (r#""hasgroups":true"#, "[r] groups-unknown"),
        (r#""hasgroups":"true""#, "[r] groups-unknown"),
        (r#""hasgroups":false"#, "[r] -"),
        (r#""hasgroups":true,"groups":["g"]"#, "[r] [g]"),
    ] {
        let token = format!(r#"{{{ENTRA},"oid":"u","azp":"c","roles":["r"],{claims}}}"#);
        assert_eq!(who(&bearer(&token), &trusting()), format!("u c {expected} -"), "{claims}");
    }
}

#[test]
fn nobody_is_trusted_unless_the_deployment_says_so() {
    let token = bearer(r#"{"sub":"u"}"#);
    assert_eq!(who(&token, &IdentityConfig::default()), "nobody");
    assert_eq!(who(&token, &trusting()), "u - - - -");
    let context = r#"{"identity":{"awsPrincipalArn":"arn:aws:iam::1:user/ana"}}"#;
    assert_eq!(who_in("{}", context, &trusting()), "nobody");
    let iam = IdentityConfig { iam_principal: true, ..IdentityConfig::default() };
    assert_eq!(who_in("{}", context, &iam), "arn:aws:iam::1:user/ana - - - -");
    // A gateway that names a principal has not verified the token.
    let both = IdentityConfig { iam_principal: true, ..trusting() };
    assert_eq!(who_in(&token, context, &both), "arn:aws:iam::1:user/ana - - - -");
    assert_eq!(who(&token, &both), "u - - - -");
    for context in ["{}", r#"{"identity":null}"#, r#"{"identity":{"awsPrincipalArn":""}}"#, "5"] {
        assert_eq!(who_in("{}", context, &iam), "nobody", "{context}");
    }
}

#[test]
fn the_header_is_found_in_any_spelling_and_must_be_one() {
    let (one, other) = ("Bearer e30.eyJzdWIiOiJhIn0.c2ln", "Bearer e30.eyJzdWIiOiJiIn0.c2ln");
    for (headers, expected) in [
        (format!(r#"{{"AUTHORIZATION":"{one}"}}"#), "a - - - -"),
        (format!(r#"{{"authorization":"{one}","Authorization":"{one}"}}"#), "a - - - -"),
        (format!(r#"{{"authorization":"{one}","Authorization":"{other}"}}"#), "two-tokens"),
        (format!(r#"{{"authorization":"{one}","Authorization":null}}"#), "a - - - -"),
        (format!(r#"{{"authorization":"{one}","Authorization":5}}"#), "two-tokens"),
        (format!(r#"{{"authorization":["{one}"]}}"#), "a - - - -"),
        (format!(r#"{{"authorization":["{one}","{one}"]}}"#), "a - - - -"),
        (format!(r#"{{"authorization":["{one}","{other}"]}}"#), "two-tokens"),
        (format!(r#"{{"authorization":"{one}, {other}"}}"#), "nobody"),
        (format!(r#"{{"x-authorization":"{one}"}}"#), "nobody"),
        (r#"{"authorization":5}"#.to_owned(), "nobody"),
        (r#"{"authorization":[]}"#.to_owned(), "nobody"),
        ("[]".to_owned(), "nobody"),
        ("null".to_owned(), "nobody"),
    ] {
        assert_eq!(who(&headers, &trusting()), expected, "{headers}");
    }
    let two = format!(r#"{{"authorization":"{one}","Authorization":"{other}"}}"#);
    assert_eq!(who(&two, &IdentityConfig::default()), "two-tokens");
}

#[test]
fn a_payload_that_is_no_object_or_reads_in_two_ways_is_nobody_s() {
    let deep = format!(r#"{{"sub":"u","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for claims in [
        "",
        "null",
        "[]",
        r#""sub""#,
        r#"{"sub":"u""#,
        r#"{"sub":"u"}{}"#,
        r#"{"sub":"u","sub":"u"}"#,
        r#"{"sub":"u","x":{"y":1,"y":1}}"#,
        r#"{"sub":"u\ud800"}"#,
        r#"{"sub":"u","exp":1e999}"#,
        &deep,
    ] {
        assert_eq!(who(&bearer(claims), &trusting()), "nobody", "{claims}");
    }
}

#[test]
fn what_the_deployment_demands_of_a_token_must_hold() {
    let claims = r#"{"iss":"https://i","aud":["a","b"],"sub":"u","client_id":"c","exp":1790000001}"#;
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let accepted = |config: &IdentityConfig, claims: &str| match who(&bearer(claims), config).as_str() {
        "token" => false,
        "u c - - -" | "u - - - -" => true,
        other => panic!("{other}"),
    };
    for (texts, expected) in
        [(&["https://i"][..], true), (&["x", "https://i"], true), (&["https://i/"], false), (&["I"], false)]
    {
        let config = IdentityConfig { issuers: list(texts), ..trusting() };
        assert_eq!(accepted(&config, claims), expected, "{texts:?}");
    }
    for (texts, expected) in [(&["b"][..], true), (&["x", "a"], true), (&["a,b"], false), (&[""], false)] {
        let config = IdentityConfig { audiences: list(texts), ..trusting() };
        assert_eq!(accepted(&config, claims), expected, "{texts:?}");
    }
    let audience = IdentityConfig { audiences: list(&["a"]), ..trusting() };
    assert!(accepted(&audience, r#"{"aud":"a","sub":"u"}"#));
    for without in [r#"{"sub":"u"}"#, r#"{"aud":["b"],"sub":"u"}"#, r#"{"aud":5,"sub":"u"}"#] {
        assert!(!accepted(&audience, without), "{without}");
    }
    let clients = IdentityConfig { clients: list(&["c"]), ..trusting() };
    assert!(accepted(&clients, claims) && !accepted(&clients, r#"{"sub":"u"}"#));
    let expiry = IdentityConfig { check_expiry: true, ..trusting() };
    for (exp, expected) in [
        ("1790000001", true),
        ("1790000000", false),
        ("1790000000.5", true),
        ("1.79e9", false),
        ("1.8e9", true),
        ("-1", false),
        ("99999999999999999999", true),
        (r#""1790000001""#, false),
        ("null", false),
    ] {
        assert_eq!(accepted(&expiry, &format!(r#"{{"sub":"u","exp":{exp}}}"#)), expected, "{exp}");
    }
    assert!(!accepted(&expiry, r#"{"sub":"u"}"#));
}

#[test]
fn what_is_printed_of_an_identity_is_user_and_client_only() {
    identified(&bearer(r#"{"sub":"u","email":"ana@example.com"}"#), "null", &trusting(), |found, _| {
        assert_eq!(
            format!("{:?}", found.unwrap().unwrap()),
            r#"Identity { user: Some("u"), client: None, .. }"#
        );
    });
}

#[test]
fn a_token_beyond_the_budget_is_a_fault() {
    let text = format!(r#"{{"mcp":{{"gatewayRequest":{{"headers":{}}}}}}}"#, bearer(r#"{"sub":"u"}"#));
    let (arena, config) = (Bump::new(), trusting());
    let Event::Request(request) = event(text.as_bytes(), &arena, &mut Budget::default()) else { panic!() };
    let mut spent = Budget { steps: 3, ..Budget::default() };
    let found = identity(&request, &config, NOW, &arena, &mut spent);
    assert!(matches!(found, Err(Unfit::Fault(Fault::Steps))));
}
