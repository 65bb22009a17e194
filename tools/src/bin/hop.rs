//! What the network hop to Kyverno's server costs: `cargo run --release -p toolgate-tools --bin hop -- --write`.
//!
//! One run measures three ways to the same decision: Kyverno's HTTP server over loopback, Kyverno's engine in
//! process, and Toolgate from an event's bytes to the answer's bytes; and the same rules as Cedar, regorus and the `cel` crate
//! have them. First it makes sure that all see the same
//! call and decide alike. Needs Go and a Unix; the first builds take minutes, the run itself about five.
//! Everything stays on this machine. With `--write` the tables go into the README and the plot into `docs/hop.svg`, from an
//! idle machine only.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[path = "../../../benches/cases.rs"]
#[expect(dead_code, reason = "the event of the worst case is for a bench")]
mod cases;
mod hop {
    pub(crate) mod kyverno;
    pub(crate) mod measure;
    pub(crate) mod peers;
    pub(crate) mod plot;
    pub(crate) mod report;
    pub(crate) mod toolgate;
}

use hop::kyverno::{Oracle, Server};
use hop::measure::{Row, Said, Times};
use hop::{peers, plot, report, toolgate};

const USAGE: &str = "usage: hop [--write] [--seconds S] [--oracle PATH] [--toolgate] [--case NAME]";

/// What a failure carries: a sentence for the person at the terminal.
type Failure = Box<dyn std::error::Error>;

/// The call as an HTTP request: what [`cases::EVENT`] is by the default mapping. `{body}` is the JSON-RPC message.
const REQUEST: &str = "POST /mcp HTTP/1.1\r\nHost: gateway\r\nX-Mcp-Method: tools/call\r\nX-Tool-Target: kubernetes\r\n\
    X-Tool-Name: deletePod\r\nX-Operation: delete\r\nX-Environment: production\r\nContent-Length: {length}\r\n\r\n{body}";

/// A policy that denies with all that it sees, so that the call must be the same for all three.
const MIRROR: &str = r#"
apiVersion: policies.kyverno.io/v1
kind: ValidatingPolicy
metadata:
  name: mirror
spec:
  evaluation:
    mode: HTTP
  variables:
    - name: request
      expression: object.attributes
    - name: headers
      expression: >-
        ["X-Mcp-Method", "X-Tool-Target", "X-Tool-Name", "X-Operation", "X-Environment", "X-Query", "X-User",
         "X-Resource-Uri", "X-Prompt-Name", "X-Client-Id", "X-User-Roles", "X-User-Groups"]
        .map(name, name + "=" + variables.request.Header(name).join(","))
  validations:
    - expression: >-
        http.Denied([variables.request.method, variables.request.scheme, variables.request.host,
        variables.request.path, variables.request.protocol, string(variables.request.contentLength),
        string(variables.request.body), string(size(variables.request.query)), object.mcp.request.ToolCall.Name,
        variables.headers.join("&")].join("|")).Response()
"#;

/// What to do.
struct Options {
    write: bool,
    /// Toolgate alone: for a profiler, and to see what a change brings.
    toolgate: bool,
    /// One case, `all-match/10`, or all of a shape, `all-match`; empty for all.
    case: String,
    length: Duration,
    oracle: Option<PathBuf>,
}

impl Options {
    fn wants(&self, name: &str, count: usize) -> bool {
        self.case.is_empty() || self.case == name || self.case == format!("{name}/{count}")
    }
}

fn options() -> Result<Options, Failure> {
    let mut options = Options {
        write: false,
        toolgate: false,
        case: String::new(),
        length: Duration::from_secs(2),
        oracle: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{flag} needs a value\n{USAGE}"));
        match flag.as_str() {
            "--write" => options.write = true,
            "--toolgate" => options.toolgate = true,
            "--case" => options.case = value()?,
            "--seconds" => options.length = Duration::try_from_secs_f64(value()?.parse()?)?,
            "--oracle" => options.oracle = Some(value()?.into()),
            _ => return Err(format!("there is no option {flag}\n{USAGE}").into()),
        }
    }
    Ok(options)
}

/// The files that the oracle reads, in a folder of this process.
struct Place {
    folder: PathBuf,
    policies: PathBuf,
    request: PathBuf,
}

impl Place {
    fn new() -> io::Result<Place> {
        let folder = std::env::temp_dir().join(format!("toolgate-hop-{}", std::process::id()));
        let place = Place { policies: folder.join("policies"), request: folder.join("request"), folder };
        fs::create_dir_all(&place.policies)?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The JSON-RPC message inside the event, byte for byte.
fn request() -> Result<String, Failure> {
    #[derive(serde::Deserialize)]
    struct Event<'a> {
        #[serde(borrow)]
        mcp: Mcp<'a>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Mcp<'a> {
        #[serde(borrow)]
        gateway_request: GatewayRequest<'a>,
    }
    #[derive(serde::Deserialize)]
    struct GatewayRequest<'a> {
        #[serde(borrow)]
        body: &'a serde_json::value::RawValue,
    }
    let event: Event<'_> = serde_json::from_slice(cases::EVENT)?;
    let body = event.mcp.gateway_request.body.get();
    Ok(REQUEST.replace("{length}", &body.len().to_string()).replace("{body}", body))
}

/// Fails unless all three say the same.
fn agree(what: &str, engine: &Said, server: &Said, ours: &Said) -> Result<(), Failure> {
    if engine == server && engine == ours {
        return Ok(());
    }
    let told = format!("Kyverno's engine {engine:?}\nKyverno's server {server:?}\nToolgate         {ours:?}");
    Err(format!("{what}: the answers differ\n{told}").into())
}

/// What is measured of Kyverno and Toolgate.
struct Ways {
    hop: Times,
    engine: Times,
    decoded: f64,
    ours: Times,
    denied: bool,
}

/// Measures Toolgate alone.
fn run_toolgate(options: &Options) -> Result<(), Failure> {
    for (name, shape) in cases::SHAPES {
        for count in cases::COUNTS {
            let case = format!("{name}/{count}");
            if options.wants(name, count) {
                let ours =
                    toolgate::drive(&cases::policies(shape, count), cases::EVENT, options.length)?.times;
                let (p50, p99) = (report::duration(ours.p50), report::duration(ours.p99));
                writeln!(io::stdout(), "{case:>16}  p50 {p50:>8}  p99 {p99:>8}  {:>9.0}/s", ours.rate)?;
            }
        }
    }
    Ok(())
}

fn run(options: &Options) -> Result<(), Failure> {
    if options.toolgate {
        return run_toolgate(options);
    }
    if options.write && !options.case.is_empty() {
        return Err("--write is for all cases, and --case for one".into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the tools stand alone")?;
    let mut out = io::stdout();
    let oracle = match &options.oracle {
        Some(path) => Oracle { path: path.clone() },
        None => {
            writeln!(out, "building the oracle …")?;
            Oracle::build(root)?
        }
    };
    writeln!(out, "building the other engines …")?;
    let peers = peers::Program::build(root)?;
    // Behind the builds, which are load themselves.
    let about = report::About::of_this_machine();
    if options.write {
        about.publishable()?;
    }
    let place = Place::new()?;
    let request = request()?;
    fs::write(&place.request, &request)?;
    let measure = |text: &str, length: Duration, what: &str| -> Result<Ways, Failure> {
        fs::write(place.policies.join("policies.yaml"), text)?;
        let engine = oracle.time(&place.policies, &place.request, length)?;
        let server = Server::start(&oracle, &place.policies)?;
        let hop = server.drive(&request, length)?;
        drop(server);
        let ours = toolgate::drive(text, cases::EVENT, length)?;
        agree(what, &engine.said, &hop.said, &ours.said)?;
        let denied = ours.said.status != 200;
        Ok(Ways { hop: hop.times, engine: engine.times, decoded: engine.decoded, ours: ours.times, denied })
    };
    measure(MIRROR, Duration::from_millis(50), "what policies see")?;
    writeln!(out, "all three see the same call")?;
    let mut rows = Vec::new();
    for (name, shape) in cases::SHAPES {
        for count in cases::COUNTS {
            if !options.wants(name, count) {
                continue;
            }
            let ways = measure(&cases::policies(shape, count), options.length, &format!("{name}/{count}"))?;
            let peers = peers.drive(name, count, options.length, ways.denied)?;
            let Ways { hop, engine, decoded, ours, .. } = ways;
            let row = Row { hop, engine, decoded, ours, peers };
            writeln!(out, "{}", report::line(name, count, &row))?;
            rows.push((name, count, row));
        }
    }
    writeln!(out, "\n{}", report::markdown(&about, &rows))?;
    if options.write {
        report::write(&root.join("README.md"), &report::markdown(&about, &rows))?;
        let plot_file = root.join("docs/hop.svg");
        fs::write(&plot_file, plot::svg(&about, &rows))?;
        writeln!(out, "written: README.md, docs/hop.svg")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "hop: {error}");
            ExitCode::FAILURE
        }
    }
}
