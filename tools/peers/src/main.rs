//! How long other engines take for the rules of the benches, with the call ready in their own terms:
//! `peers SHAPE COUNT SECONDS` prints a line of JSON for each, which `hop` puts beside Toolgate's figures.
//!
//! Each says first what it decides, so that nobody is measured who decides otherwise.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

#[path = "../../../benches/cases.rs"]
#[expect(dead_code, reason = "of the cases only the rules are asked here")]
mod cases;
#[path = "../../src/bin/hop/measure.rs"]
#[expect(dead_code, reason = "what is measured of Kyverno and Toolgate")]
mod measure;

use cases::{Rule, SHAPES, rule};
use measure::{Times, times};

/// What a failure carries: a sentence for the person at the terminal.
type Failure = Box<dyn std::error::Error>;

/// What [`cases::EVENT`] is for the rules: target, operation, environments.
const TARGET: &str = "kubernetes";
const OPERATION: &str = "delete";
const ENVIRONMENT: &str = "production";

/// Whether the call is denied, and how long it takes to say so.
struct Measured {
    denied: bool,
    times: Times,
}

/// The rules as Cedar has them. Nothing is permitted unless a policy permits it, so one permits all and the rules forbid.
fn cedar_policies(rules: &[Rule]) -> Result<cedar_policy::PolicySet, Failure> {
    let forbid = |rule: &Rule| {
        format!(
            "forbid(principal, action, resource) when {{ context.target == \"{}\" && context.operation like \"delete*\" && \
             context.environments.contains(\"{}\") }};\n",
            rule.target, rule.environment
        )
    };
    let text: String = rules.iter().map(forbid).collect();
    Ok(format!("permit(principal, action, resource);\n{text}").parse()?)
}

/// Cedar's request, from texts as an embedding program has them: the cheapest way that its interface has, without JSON.
fn cedar_request(types: &[cedar_policy::EntityTypeName; 3]) -> Result<cedar_policy::Request, Failure> {
    use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression};

    let text = |text: &str| RestrictedExpression::new_string(black_box(text).to_owned());
    let uid = |ty: &EntityTypeName, id: &str| {
        EntityUid::from_type_name_and_id(ty.clone(), EntityId::new(black_box(id)))
    };
    let context = Context::from_pairs([
        ("target".to_owned(), text(TARGET)),
        ("operation".to_owned(), text(OPERATION)),
        ("environments".to_owned(), RestrictedExpression::new_set([text(ENVIRONMENT)])),
    ])?;
    let [agent, action, tool] = types;
    let (agent, action, tool) =
        (uid(agent, "agent"), uid(action, "tools/call"), uid(tool, "kubernetes___deletePod"));
    Ok(Request::new(agent, action, tool, context, None)?)
}

/// The types of Cedar's principal, action and resource.
fn cedar_types() -> Result<[cedar_policy::EntityTypeName; 3], Failure> {
    Ok(["Agent".parse()?, "Action".parse()?, "Tool".parse()?])
}

/// Asks Cedar, with a request that is ready.
fn cedar(rules: &[Rule], length: Duration) -> Result<Measured, Failure> {
    use cedar_policy::{Authorizer, Decision, Entities};

    let (policies, request) = (cedar_policies(rules)?, cedar_request(&cedar_types()?)?);
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let decide = || authorizer.is_authorized(black_box(&request), &policies, &entities).decision();
    let denied = decide() == Decision::Deny;
    let times = times::<Failure>(length, || {
        black_box(decide());
        Ok(())
    })?;
    Ok(Measured { denied, times })
}

/// Asks Cedar, with a request that is made for each call.
fn cedar_with_request(rules: &[Rule], length: Duration) -> Result<Measured, Failure> {
    use cedar_policy::{Authorizer, Decision, Entities};

    let (policies, types) = (cedar_policies(rules)?, cedar_types()?);
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let decide = || -> Result<Decision, Failure> {
        Ok(authorizer.is_authorized(&cedar_request(&types)?, &policies, &entities).decision())
    };
    let denied = decide()? == Decision::Deny;
    let times = times::<Failure>(length, || {
        black_box(decide()?);
        Ok(())
    })?;
    Ok(Measured { denied, times })
}

/// Asks regorus, which reads Rego.
fn regorus(rules: &[Rule], length: Duration) -> Result<Measured, Failure> {
    let deny = |rule: &Rule| {
        format!(
            "deny contains \"Deletes are not allowed in {}.\" if {{\n  input.target == \"{}\"\n  startswith(input.operation, \
             \"delete\")\n  \"{}\" in input.environments\n}}\n",
            rule.environment, rule.target, rule.environment
        )
    };
    let text: String = rules.iter().map(deny).collect();
    let mut engine = regorus::Engine::new();
    engine.add_policy("rules.rego".to_owned(), format!("package toolgate\n\nimport rego.v1\n\n{text}"))?;
    let input = serde_json::json!({"target": TARGET, "operation": OPERATION, "environments": [ENVIRONMENT]});
    let input = regorus::Value::from_json_str(&input.to_string())?;
    let mut decide = || -> Result<bool, Failure> {
        engine.set_input(black_box(&input).clone());
        let reasons = engine.eval_rule("data.toolgate.deny".to_owned())?;
        Ok(reasons.as_set().is_ok_and(|reasons| !reasons.is_empty()))
    };
    let denied = decide()?;
    let times = times::<Failure>(length, || {
        black_box(decide()?);
        Ok(())
    })?;
    Ok(Measured { denied, times })
}

/// Asks the `cel` crate: the expressions of the policies one after the other, up to the first that denies.
fn cel(rules: &[Rule], length: Duration) -> Result<Measured, Failure> {
    use cel::{Context, Program, Value};

    let compile = |rule: &Rule| -> Result<(Program, Program), Failure> {
        let condition = format!("target.exists(it, it == \"{}\")", rule.target);
        let denies = format!(
            "operation.exists(it, it.startsWith(\"delete\")) && environment.exists(it, it == \"{}\")",
            rule.environment
        );
        Ok((Program::compile(&condition)?, Program::compile(&denies)?))
    };
    let programs: Vec<(Program, Program)> = rules.iter().map(compile).collect::<Result<_, _>>()?;
    let mut context = Context::default();
    for (name, value) in [("target", TARGET), ("operation", OPERATION), ("environment", ENVIRONMENT)] {
        context.add_variable_from_value(name, vec![value.to_owned()]);
    }
    let decide = || -> Result<bool, Failure> {
        for (condition, denies) in &programs {
            if condition.execute(black_box(&context))? == Value::Bool(true)
                && denies.execute(black_box(&context))? == Value::Bool(true)
            {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let denied = decide()?;
    let times = times::<Failure>(length, || {
        black_box(decide()?);
        Ok(())
    })?;
    Ok(Measured { denied, times })
}

/// A way to decide by rules.
type Peer = fn(&[Rule], Duration) -> Result<Measured, Failure>;

const PEERS: [(&str, Peer); 4] =
    [("cedar", cedar), ("cedar with its request", cedar_with_request), ("regorus", regorus), ("cel", cel)];

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, count, seconds] = arguments.as_slice() else {
        return Err("usage: peers SHAPE COUNT SECONDS".into());
    };
    let (_, shape) = SHAPES.into_iter().find(|(name, _)| name == shape).ok_or("there is no such shape")?;
    let rules: Vec<Rule> = (0..count.parse()?).map(|index| rule(shape, index)).collect();
    let length = Duration::try_from_secs_f64(seconds.parse()?)?;
    for (name, peer) in PEERS {
        let Measured { denied, times } = peer(&rules, length).map_err(|error| format!("{name}: {error}"))?;
        let line = serde_json::json!({
            "peer": name, "denied": denied, "p50": times.p50, "p99": times.p99, "rate": times.rate,
        });
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "peers: {error}");
            ExitCode::FAILURE
        }
    }
}
