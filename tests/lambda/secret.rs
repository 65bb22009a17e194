//! The key of the audit's digests, from the AWS Parameters and Secrets Lambda Extension.

use std::collections::BTreeSet;
use std::fs;

use super::stub::Stub;
use super::{POLICIES, bootstrap, event_files, is_denial, records};

/// Stands in for the AWS Parameters and Secrets Lambda Extension: one answer for each request, and then the requests.
fn extension(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let served = std::thread::spawn(move || {
        let answer = |answer: String| {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut part) = (Vec::new(), [0; 1024]);
            while !request.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        };
        answers.into_iter().map(answer).collect()
    });
    (port, served)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

const SECRET: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:toolgate-a1b2c3";
const PARAMETER: &str = "arn:aws:ssm:eu-central-1:123456789012:parameter/toolgate/key";

#[test]
fn the_key_of_the_digests_comes_from_a_secret_or_a_parameter() {
    let event = fs::read(event_files().into_iter().find(|file| file.ends_with("initialize.json")).unwrap());
    let event = event.unwrap();
    let mut digests = BTreeSet::new();
    for (arn, target, body) in [
        (
            SECRET,
            "/secretsmanager/get?secretId=arn%3Aaws%3Asecretsmanager%3A",
            r#"{"SecretString":"swordfish-swordfish"}"#,
        ),
        (
            PARAMETER,
            "/systemsmanager/parameters/get?name=arn%3Aaws%3Assm%3A",
            r#"{"Parameter":{"Value":"swordfish-swordfish"}}"#,
        ),
    ] {
        let starting = http("400 Bad Request", "not ready to serve traffic, please wait");
        let (port, served) = extension(vec![starting, http("200 OK", body)]);
        let stub = Stub::start();
        let function = bootstrap(
            &stub,
            &[
                ("TOOLGATE_POLICIES", POLICIES),
                ("TOOLGATE_AUDIT_KEY_ARN", arn),
                ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &port),
                ("AWS_SESSION_TOKEN", "session-token"),
            ],
        );
        assert!(!is_denial(&stub.ask(event.clone()).response()));
        let ended = function.terminate();
        assert!(!ended.log.contains("swordfish") && !ended.log.contains("session-token"), "{}", ended.log);
        assert!(!ended.log.contains("warning"), "{}", ended.log);
        let requests = served.join().unwrap();
        for request in &requests {
            assert!(request.starts_with(&format!("GET {target}")), "{request}");
            assert!(request.contains("\r\nX-Aws-Parameters-Secrets-Token: session-token\r\n"), "{request}");
        }
        assert_eq!(requests.len(), 2);
        digests.insert(records(&ended.out)[0]["event"].as_str().unwrap().to_owned());
    }
    // The same key by a variable, of which the log warns.
    let stub = Stub::start();
    let settings = [("TOOLGATE_POLICIES", POLICIES), ("TOOLGATE_AUDIT_KEY", "swordfish-swordfish")];
    let function = bootstrap(&stub, &settings);
    stub.ask(event).response();
    let ended = function.terminate();
    assert!(ended.log.contains("warning") && ended.log.contains("TOOLGATE_AUDIT_KEY_ARN"), "{}", ended.log);
    assert!(!ended.log.contains("swordfish"), "{}", ended.log);
    digests.insert(records(&ended.out)[0]["event"].as_str().unwrap().to_owned());
    assert_eq!(digests.len(), 1, "one key, one digest: {digests:?}");
}

#[test]
fn without_the_key_that_is_configured_there_is_no_start() {
    for (arn, answer) in [
        (SECRET, http("404 Not Found", "swordfish")),
        (SECRET, http("200 OK", "swordfish")),
        (SECRET, http("200 OK", r#"{"SecretBinary":"c3dvcmRmaXNoLXN3b3JkZmlzaA=="}"#)),
        (SECRET, http("200 OK", r#"{"SecretString":"swordfish"}"#)),
        (SECRET, http("200 OK", r#"{"SecretString":"                    "}"#)),
        (PARAMETER, http("200 OK", r#"{"SecretString":"swordfish-swordfish"}"#)),
        (PARAMETER, "swordfish\r\n\r\n".to_owned()),
    ] {
        let (port, served) = extension(vec![answer.clone()]);
        let stub = Stub::start();
        let settings = [
            ("TOOLGATE_POLICIES", POLICIES),
            ("TOOLGATE_AUDIT_KEY_ARN", arn),
            ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", &port),
            ("AWS_SESSION_TOKEN", "session-token"),
        ];
        let ended = bootstrap(&stub, &settings).end();
        assert_eq!(ended.status.code(), Some(1), "{answer}: {ended:?}");
        assert!(ended.log.contains("the key of the audit's digests"), "{answer}: {}", ended.log);
        assert!(!ended.log.contains("swordfish") && !ended.log.contains("session-token"), "{}", ended.log);
        assert_eq!((ended.out.as_str(), stub.polls(), stub.init_errors().len()), ("", 0, 1), "{answer}");
        served.join().unwrap();
    }
    let both = [
        ("TOOLGATE_POLICIES", POLICIES),
        ("TOOLGATE_AUDIT_KEY_ARN", SECRET),
        ("TOOLGATE_AUDIT_KEY", "swordfish-swordfish"),
    ];
    let wrong = [("TOOLGATE_POLICIES", POLICIES), ("TOOLGATE_AUDIT_KEY_ARN", "arn:aws:s3:::bucket")];
    let nobody = [
        ("TOOLGATE_POLICIES", POLICIES),
        ("TOOLGATE_AUDIT_KEY_ARN", SECRET),
        ("PARAMETERS_SECRETS_EXTENSION_HTTP_PORT", "1"),
        ("AWS_SESSION_TOKEN", "session-token"),
    ];
    for settings in [&both[..], &wrong, &nobody] {
        let stub = Stub::start();
        let ended = bootstrap(&stub, settings).end();
        assert_eq!((ended.status.code(), stub.polls()), (Some(1), 0), "{settings:?}: {ended:?}");
        assert!(!ended.log.contains("swordfish"), "{}", ended.log);
    }
}
