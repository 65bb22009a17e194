//! One request against the compiled policies: whom to ask, and what their answers together mean (docs/kyverno.md §5 to §7).
//!
//! Pure: the request, the arena and the budget come in, a [`Ruling`] goes out. [`Ruling::effect`] is the only place that
//! turns "nothing" and "error" into an effect.

use std::ops::Range;

use super::ask::{Opinion, Verdict, ask, frame};
use super::compile::CompiledSet;
use super::model::Mode;
use crate::budget::{Budget, Fault};
use crate::cel::eval::Frame;
use crate::library::runtime::Runtime;
use crate::value::Value;

/// What all policies together say.
#[derive(Clone, Copy, Debug)]
pub struct Ruling<'a> {
    /// The opinion of the policy that decided, or nothing; the fault for which the engine could not decide is always a
    /// denial.
    pub opinion: Result<Opinion<'a>, Fault>,
    /// The index of the policy that decided.
    pub policy: Option<usize>,
    /// The index of its validation that decided.
    pub validation: Option<usize>,
    /// What is left of the budget.
    pub budget: Budget,
    /// The HTTP status that a denial of mode Envoy names.
    pub status: Option<i64>,
}

/// What no policy's answer means.
///
/// ```
/// let mut settings = toolgate::Settings::default();
/// settings.default_decision = toolgate::settings::DefaultDecision::Deny;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultDecision {
    /// As Kyverno.
    #[default]
    Allow,
    /// Only what a policy allows passes.
    Deny,
}

/// What happens to the call.
///
/// ```
/// assert_eq!(toolgate::Effect::Deny.as_str(), "deny");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It goes on to the tool.
    Allow,
    /// It does not.
    Deny,
}

impl Effect {
    /// `allow` or `deny`, as in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        }
    }
}

impl Ruling<'_> {
    /// The effect of the decision.
    pub fn effect(&self, default: DefaultDecision) -> Effect {
        match (&self.opinion, default) {
            (Ok(Opinion::Allow), _) | (Ok(Opinion::Nothing), DefaultDecision::Allow) => Effect::Allow,
            (Ok(Opinion::Deny(_) | Opinion::Error(_)) | Err(_), _) => Effect::Deny,
            (Ok(Opinion::Nothing), DefaultDecision::Deny) => Effect::Deny,
        }
    }

    /// True if both say the same, for the same reason, and leave the same of the budget.
    pub fn is_like(&self, other: &Ruling<'_>) -> bool {
        // Errors hold values, which are compared as they would be printed. This is for who looks for a fault, and not for every call.
        format!("{self:?}") == format!("{other:?}")
    }
}

/// Asks the policies of the request's mode in order. In modes HTTP and Envoy the earliest with an answer or an error decides; an error
/// lets the later ones be asked too, but none can override it, so they are not. In mode JSON the earliest that fails decides. Policies
/// that are known to say nothing are passed over, and equal expressions evaluated once; the decision is that of
/// [`decide_one_by_one`], and so is what is left of the budget.
///
/// `observe` is told what each policy that was asked said.
pub fn decide<'a>(
    set: &'a CompiledSet<'a>,
    request: Value<'a>,
    runtime: Runtime<'a>,
    observe: &mut dyn FnMut(usize, &Verdict<'a>),
) -> Ruling<'a> {
    let mut hearing = match Hearing::new(set, request, runtime, observe) {
        Ok(hearing) => hearing,
        Err(nobody) => return nobody,
    };
    hearing.frame.share(set.index.places());
    let Some(selection) = set.index.select(hearing.mode, &mut hearing.frame) else {
        return hearing.one_by_one(0..set.policies.len()).unwrap_or_else(|| hearing.ended());
    };
    let mut next = 0;
    for number in selection.asks.iter().copied().chain([set.policies.len()]) {
        let silent = next..number;
        // Where there is too little left for them, they end as they must. A function that changed a message changed what
        // others read, and what reading costs.
        if (hearing.frame.runtime.is_changed() || !hearing.frame.runtime.take(selection.cost(&silent)))
            && let Some(ruling) = hearing.one_by_one(silent)
        {
            return ruling;
        }
        next = number.saturating_add(1);
        if let Some(ruling) = hearing.one_by_one(number..next) {
            return ruling;
        }
    }
    hearing.ended()
}

/// The same without index, each policy asked and each expression evaluated where it stands: tells what each of them says, and
/// is what [`decide`] is measured by. It answers no call.
pub fn decide_one_by_one<'a>(
    set: &'a CompiledSet<'a>,
    request: Value<'a>,
    runtime: Runtime<'a>,
    observe: &mut dyn FnMut(usize, &Verdict<'a>),
) -> Ruling<'a> {
    match Hearing::new(set, request, runtime, observe) {
        Ok(mut hearing) => hearing.one_by_one(0..set.policies.len()).unwrap_or_else(|| hearing.ended()),
        Err(nobody) => nobody,
    }
}

/// The policies of one mode on one request.
struct Hearing<'o, 'a> {
    set: &'a CompiledSet<'a>,
    mode: Mode,
    frame: Frame<'a>,
    /// The first policy of mode JSON that passed: all must, so it is no last word.
    passed: Option<usize>,
    observe: &'o mut dyn FnMut(usize, &Verdict<'a>),
}

impl<'o, 'a> Hearing<'o, 'a> {
    /// # Errors
    /// Nobody would be asked about the request.
    fn new(
        set: &'a CompiledSet<'a>,
        request: Value<'a>,
        runtime: Runtime<'a>,
        observe: &'o mut dyn FnMut(usize, &Verdict<'a>),
    ) -> Result<Hearing<'o, 'a>, Ruling<'a>> {
        match Mode::ALL.into_iter().find(|mode| mode.request() == request.type_name()) {
            Some(mode) => {
                Ok(Hearing { set, mode, frame: frame(mode, request, runtime), passed: None, observe })
            }
            None => {
                let opinion = Err(Fault::Internal("a request of no mode"));
                Err(Ruling { opinion, ..nothing(runtime.budget) })
            }
        }
    }

    /// Asks the policies with these numbers, up to the first that decides.
    fn one_by_one(&mut self, numbers: Range<usize>) -> Option<Ruling<'a>> {
        let policies = self.set.policies.get(numbers.clone()).unwrap_or_default();
        for (number, policy) in numbers.zip(policies).filter(|(_, policy)| policy.mode == self.mode) {
            let verdict = match ask(policy, &mut self.frame) {
                Ok(verdict) => verdict,
                Err(fault) => {
                    return Some(Ruling { opinion: Err(fault), policy: Some(number), ..self.ended() });
                }
            };
            (self.observe)(number, &verdict);
            let decides = match (self.mode, verdict.opinion) {
                (_, Opinion::Nothing) => false,
                (Mode::Json, Opinion::Allow) => {
                    self.passed = self.passed.or(Some(number));
                    false
                }
                (Mode::Json, Opinion::Deny(_) | Opinion::Error(_)) => policy.denies,
                (Mode::Http | Mode::Envoy, _) => true,
            };
            if decides {
                let Verdict { opinion, validation, status, .. } = verdict;
                let ended = self.ended();
                return Some(Ruling {
                    opinion: Ok(opinion),
                    policy: Some(number),
                    validation,
                    status,
                    ..ended
                });
            }
        }
        None
    }

    /// No policy had a last word.
    fn ended(&self) -> Ruling<'a> {
        let ended = nothing(self.frame.runtime.budget);
        match self.passed {
            Some(_) => Ruling { opinion: Ok(Opinion::Allow), policy: self.passed, ..ended },
            None => ended,
        }
    }
}

fn nothing<'a>(budget: Budget) -> Ruling<'a> {
    Ruling { opinion: Ok(Opinion::Nothing), policy: None, validation: None, budget, status: None }
}

/// What several modes together say: each decides for itself, and a denial of any of them, or an error, denies. The
/// earliest denial counts; without one, an answer counts more than none.
pub fn together<'a>(rulings: impl IntoIterator<Item = Ruling<'a>>) -> Option<Ruling<'a>> {
    let weight = |ruling: &Ruling<'a>| match ruling.opinion {
        Ok(Opinion::Deny(_) | Opinion::Error(_)) | Err(_) => 2,
        Ok(Opinion::Allow) => 1,
        Ok(Opinion::Nothing) => 0,
    };
    rulings.into_iter().reduce(|first, next| if weight(&next) > weight(&first) { next } else { first })
}
