//! The object types that only JSON-mode policies know: those of Kubernetes' admission requests, whose values are null
//! there (apiserver `pkg/admission/plugin/cel/compile.go`, with Kyverno's two fields of `pkg/cel/compiler/request.go`),
//! what partial exceptions allow, and service accounts.

use super::objects::Row;

/// What partial exceptions allow: Kyverno's `pkg/cel/libs/variables.go`.
pub const EXCEPTION: &str = "libs.Exception";

/// The types.
pub(super) const ROWS: &[Row] = &[
    (
        EXCEPTION,
        &[
            ("allowedImages", "AllowedImages", "list(string)"),
            ("allowedValues", "AllowedValues", "list(string)"),
        ],
    ),
    ("user.ServiceAccount", &[("Name", "Name", "string"), ("Namespace", "Namespace", "string")]),
    (
        "kubernetes.AdmissionRequest",
        &[
            ("kind", "kind", "kubernetes.GroupVersionKind"),
            ("resource", "resource", "kubernetes.GroupVersionResource"),
            ("subResource", "subResource", "string"),
            ("requestKind", "requestKind", "kubernetes.GroupVersionKind"),
            ("requestResource", "requestResource", "kubernetes.GroupVersionResource"),
            ("requestSubResource", "requestSubResource", "string"),
            ("name", "name", "string"),
            ("namespace", "namespace", "string"),
            ("operation", "operation", "string"),
            ("userInfo", "userInfo", "kubernetes.UserInfo"),
            ("dryRun", "dryRun", "bool"),
            ("options", "options", "dyn"),
            ("object", "object", "dyn"),
            ("oldObject", "oldObject", "dyn"),
        ],
    ),
    (
        "kubernetes.GroupVersionKind",
        &[("group", "group", "string"), ("version", "version", "string"), ("kind", "kind", "string")],
    ),
    (
        "kubernetes.GroupVersionResource",
        &[("group", "group", "string"), ("version", "version", "string"), ("resource", "resource", "string")],
    ),
    (
        "kubernetes.UserInfo",
        &[
            ("username", "username", "string"),
            ("uid", "uid", "string"),
            ("groups", "groups", "list(string)"),
            ("extra", "extra", "map(string, list(string))"),
        ],
    ),
    (
        "kubernetes.Namespace",
        &[
            ("metadata", "metadata", "kubernetes.NamespaceMetadata"),
            ("spec", "spec", "kubernetes.NamespaceSpec"),
            ("status", "status", "kubernetes.NamespaceStatus"),
        ],
    ),
    (
        "kubernetes.NamespaceMetadata",
        &[
            ("name", "name", "string"),
            ("generateName", "generateName", "string"),
            ("namespace", "namespace", "string"),
            ("labels", "labels", "map(string, string)"),
            ("annotations", "annotations", "map(string, string)"),
            ("UID", "UID", "string"),
            ("creationTimestamp", "creationTimestamp", "timestamp"),
            ("deletionGracePeriodSeconds", "deletionGracePeriodSeconds", "int"),
            ("deletionTimestamp", "deletionTimestamp", "timestamp"),
            ("generation", "generation", "int"),
            ("resourceVersion", "resourceVersion", "string"),
            ("finalizers", "finalizers", "list(string)"),
        ],
    ),
    ("kubernetes.NamespaceSpec", &[("finalizers", "finalizers", "list(string)")]),
    (
        "kubernetes.NamespaceStatus",
        &[("conditions", "conditions", "list(kubernetes.NamespaceCondition)"), ("phase", "phase", "string")],
    ),
    (
        "kubernetes.NamespaceCondition",
        &[
            ("status", "status", "string"),
            ("type", "type", "string"),
            ("lastTransitionTime", "lastTransitionTime", "timestamp"),
            ("message", "message", "string"),
            ("reason", "reason", "string"),
        ],
    ),
];
