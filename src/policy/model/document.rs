//! The schemas of `ValidatingPolicy` and `PolicyException`, as data.
//!
//! Taken from the custom resource definition that Kyverno 1.19.1 checks policy files with (the three versions of the
//! API have one schema), and for `metadata` from Kubernetes' `ObjectMeta` and its validation. Knows no values.

use crate::schema::{Field, KeyRule, Rule, Shape, Unique, optional, required};

static TEXT: Shape = Shape::Text(Rule::Free);
static FILLED: Shape = Shape::Text(Rule::Filled);
static TIME: Shape = Shape::Text(Rule::Time);
static DATE_TIME: Shape = Shape::Text(Rule::DateTime);
static FLAG: Shape = Shape::Flag;
static TEXTS: Shape = Shape::List(&TEXT, Unique::No);
static ANYTHING: Shape = Shape::Anything;
static COUNT: Shape = Shape::Whole(0, i64::MAX);

/// The whole document.
pub(super) static DOCUMENT: Shape = Shape::Fields(&[
    required("apiVersion", &TEXT),
    required("kind", &TEXT),
    Field { absent: "a policy needs `metadata` with its `name`", ..required("metadata", &METADATA) },
    required("spec", &SPEC),
    optional("status", &STATUS),
]);

/// A whole exception.
pub(super) static EXCEPTION: Shape = Shape::Fields(&[
    required("apiVersion", &TEXT),
    required("kind", &TEXT),
    Field { absent: "an exception needs `metadata` with its `name`", ..required("metadata", &METADATA) },
    required("spec", &EXCEPTION_SPEC),
]);

static EXCEPTION_SPEC: Shape = Shape::Fields(&[
    optional("allowedValues", &TEXTS),
    optional("evaluationMode", &TEXT),
    optional("expiresAt", &DATE_TIME),
    optional("images", &TEXTS),
    optional("matchConditions", &Shape::List(&NAMED_EXPRESSION, Unique::No)),
    required("policyRefs", &Shape::List(&POLICY_REF, Unique::No)),
    optional("properties", &Shape::Map(KeyRule::Free, &TEXT)),
    optional("reportResult", &Shape::Text(Rule::OneOf(&["skip", "pass"]))),
]);

static POLICY_REF: Shape = Shape::Fields(&[required("kind", &TEXT), required("name", &TEXT)]);

static METADATA: Shape = Shape::Fields(&[
    optional("annotations", &Shape::Map(KeyRule::QualifiedAnyCase, &TEXT)),
    optional("creationTimestamp", &TIME),
    optional("deletionGracePeriodSeconds", &Shape::Whole(i64::MIN, i64::MAX)),
    optional("deletionTimestamp", &TIME),
    optional("finalizers", &Shape::List(&Shape::Text(Rule::Qualified), Unique::No)),
    optional("generateName", &Shape::Text(Rule::SubdomainPrefix)),
    optional("generation", &Shape::Whole(i64::MIN, i64::MAX)),
    optional("labels", &Shape::Map(KeyRule::Qualified, &Shape::Text(Rule::LabelValue))),
    optional("managedFields", &Shape::List(&MANAGED_FIELDS, Unique::No)),
    required("name", &Shape::Text(Rule::Subdomain)),
    optional("namespace", &TEXT),
    optional("ownerReferences", &Shape::List(&OWNER, Unique::No)),
    optional("resourceVersion", &TEXT),
    optional("selfLink", &TEXT),
    optional("uid", &TEXT),
]);

static MANAGED_FIELDS: Shape = Shape::Fields(&[
    optional("apiVersion", &TEXT),
    optional("fieldsType", &Shape::Text(Rule::OneOf(&["FieldsV1", ""]))),
    optional("fieldsV1", &Shape::Map(KeyRule::Free, &ANYTHING)),
    optional("manager", &Shape::Text(Rule::Printable(128))),
    required("operation", &Shape::Text(Rule::OneOf(&["Apply", "Update"]))),
    optional("subresource", &Shape::Text(Rule::AtMostBytes(256))),
    optional("time", &TIME),
]);

static OWNER: Shape = Shape::Fields(&[
    required("apiVersion", &Shape::Text(Rule::ApiVersion)),
    optional("blockOwnerDeletion", &FLAG),
    optional("controller", &FLAG),
    required("kind", &FILLED),
    required("name", &FILLED),
    required("uid", &FILLED),
]);

pub(super) static SPEC: Shape = Shape::Fields(&[
    optional("auditAnnotations", &Shape::List(&AUDIT_ANNOTATION, Unique::No)),
    optional("autogen", &AUTOGEN),
    optional("evaluation", &EVALUATION),
    optional("failurePolicy", &Shape::Text(Rule::OneOf(&["Fail", "Ignore"]))),
    optional("matchConditions", &Shape::List(&NAMED_EXPRESSION, Unique::Names)),
    optional("matchConstraints", &MATCH_CONSTRAINTS),
    optional("validationActions", &Shape::List(&ACTION, Unique::Values)),
    optional("validations", &Shape::List(&VALIDATION, Unique::No)),
    optional("variables", &Shape::List(&NAMED_EXPRESSION, Unique::Names)),
    optional("webhookConfiguration", &Shape::Fields(&[optional("timeoutSeconds", &TIMEOUT)])),
]);

static ACTION: Shape = Shape::Text(Rule::OneOf(&["Deny", "Audit", "Warn"]));
static TIMEOUT: Shape = Shape::Whole(i32::MIN as i64, i32::MAX as i64);
static NAMED_EXPRESSION: Shape = Shape::Fields(&[required("expression", &TEXT), required("name", &TEXT)]);
static AUDIT_ANNOTATION: Shape = Shape::Fields(&[required("key", &TEXT), required("valueExpression", &TEXT)]);

static VALIDATION: Shape = Shape::Fields(&[
    required("expression", &TEXT),
    optional("message", &TEXT),
    optional("messageExpression", &TEXT),
    optional("reason", &TEXT),
]);

static ENABLED: Shape = Shape::Fields(&[optional("enabled", &FLAG)]);

pub(super) static EVALUATION: Shape = Shape::Fields(&[
    optional("admission", &ENABLED),
    optional("background", &ENABLED),
    optional("mode", &TEXT),
]);

static AUTOGEN: Shape = Shape::Fields(&[
    optional("podControllers", &Shape::Fields(&[optional("controllers", &TEXTS)])),
    optional("validatingAdmissionPolicy", &ENABLED),
]);

static MATCH_CONSTRAINTS: Shape = Shape::Fields(&[
    optional("excludeResourceRules", &Shape::List(&RESOURCE_RULE, Unique::No)),
    optional("matchPolicy", &TEXT),
    optional("namespaceSelector", &LABEL_SELECTOR),
    optional("objectSelector", &LABEL_SELECTOR),
    optional("resourceRules", &Shape::List(&RESOURCE_RULE, Unique::No)),
]);

static RESOURCE_RULE: Shape = Shape::Fields(&[
    optional("apiGroups", &TEXTS),
    optional("apiVersions", &TEXTS),
    optional("operations", &TEXTS),
    optional("resourceNames", &TEXTS),
    optional("resources", &TEXTS),
    optional("scope", &TEXT),
]);

static LABEL_SELECTOR: Shape = Shape::Fields(&[
    optional("matchExpressions", &Shape::List(&SELECTOR_EXPRESSION, Unique::No)),
    optional("matchLabels", &Shape::Map(KeyRule::Free, &TEXT)),
]);

static SELECTOR_EXPRESSION: Shape =
    Shape::Fields(&[required("key", &TEXT), required("operator", &TEXT), optional("values", &TEXTS)]);

static STATUS: Shape = Shape::Fields(&[
    optional("autogen", &Shape::Fields(&[optional("configs", &Shape::Map(KeyRule::Free, &AUTOGEN_CONFIG))])),
    optional("conditionStatus", &CONDITION_STATUS),
    optional("generated", &FLAG),
]);

static AUTOGEN_CONFIG: Shape =
    Shape::Fields(&[required("spec", &SPEC), required("targets", &Shape::List(&TARGET, Unique::No))]);

static TARGET: Shape = Shape::Fields(&[
    optional("group", &TEXT),
    required("kind", &TEXT),
    required("resource", &TEXT),
    required("version", &TEXT),
]);

static CONDITION_STATUS: Shape = Shape::Fields(&[
    optional("conditions", &Shape::List(&CONDITION, Unique::No)),
    optional("message", &TEXT),
    optional("ready", &FLAG),
]);

static CONDITION: Shape = Shape::Fields(&[
    required("lastTransitionTime", &DATE_TIME),
    required("message", &Shape::Text(Rule::AtMost(32768))),
    optional("observedGeneration", &COUNT),
    required("reason", &Shape::Text(Rule::ConditionReason)),
    required("status", &Shape::Text(Rule::OneOf(&["True", "False", "Unknown"]))),
    required("type", &Shape::Text(Rule::ConditionType)),
]);
