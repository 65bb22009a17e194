//! Kubernetes' admission requests, whose values are null in policies of mode JSON (apiserver
//! `pkg/admission/plugin/cel/compile.go`, with Kyverno's two fields of `pkg/cel/compiler/request.go`).

use crate::library::table::{Library, TypeRow::Object};
use crate::value::object_type::{ObjectRow, field, object, objects};

/// The types of `request` and `namespaceObject`.
pub static LIBRARY: Library = Library {
    name: "kubernetes.admission",
    version: 0,
    types: &[
        Object(&ADMISSION_REQUEST),
        Object(&GROUP_VERSION_KIND),
        Object(&GROUP_VERSION_RESOURCE),
        Object(&USER_INFO),
        Object(&NAMESPACE),
        Object(&NAMESPACE_METADATA),
        Object(&NAMESPACE_SPEC),
        Object(&NAMESPACE_STATUS),
        Object(&NAMESPACE_CONDITION),
    ],
    rows: &[],
};

/// `kubernetes.AdmissionRequest`
pub static ADMISSION_REQUEST: ObjectRow = ObjectRow::declared(
    "kubernetes.AdmissionRequest",
    &[
        object("kind", "kind", &GROUP_VERSION_KIND),
        object("resource", "resource", &GROUP_VERSION_RESOURCE),
        field("subResource", "subResource", "string"),
        object("requestKind", "requestKind", &GROUP_VERSION_KIND),
        object("requestResource", "requestResource", &GROUP_VERSION_RESOURCE),
        field("requestSubResource", "requestSubResource", "string"),
        field("name", "name", "string"),
        field("namespace", "namespace", "string"),
        field("operation", "operation", "string"),
        object("userInfo", "userInfo", &USER_INFO),
        field("dryRun", "dryRun", "bool"),
        field("options", "options", "dyn"),
        field("object", "object", "dyn"),
        field("oldObject", "oldObject", "dyn"),
    ],
);

/// `kubernetes.GroupVersionKind`
pub static GROUP_VERSION_KIND: ObjectRow = ObjectRow::declared(
    "kubernetes.GroupVersionKind",
    &[
        field("group", "group", "string"),
        field("version", "version", "string"),
        field("kind", "kind", "string"),
    ],
);

/// `kubernetes.GroupVersionResource`
pub static GROUP_VERSION_RESOURCE: ObjectRow = ObjectRow::declared(
    "kubernetes.GroupVersionResource",
    &[
        field("group", "group", "string"),
        field("version", "version", "string"),
        field("resource", "resource", "string"),
    ],
);

/// `kubernetes.UserInfo`
pub static USER_INFO: ObjectRow = ObjectRow::declared(
    "kubernetes.UserInfo",
    &[
        field("username", "username", "string"),
        field("uid", "uid", "string"),
        field("groups", "groups", "list(string)"),
        field("extra", "extra", "map(string, list(string))"),
    ],
);

/// `kubernetes.Namespace`
pub static NAMESPACE: ObjectRow = ObjectRow::declared(
    "kubernetes.Namespace",
    &[
        object("metadata", "metadata", &NAMESPACE_METADATA),
        object("spec", "spec", &NAMESPACE_SPEC),
        object("status", "status", &NAMESPACE_STATUS),
    ],
);

/// `kubernetes.NamespaceMetadata`
pub static NAMESPACE_METADATA: ObjectRow = ObjectRow::declared(
    "kubernetes.NamespaceMetadata",
    &[
        field("name", "name", "string"),
        field("generateName", "generateName", "string"),
        field("namespace", "namespace", "string"),
        field("labels", "labels", "map(string, string)"),
        field("annotations", "annotations", "map(string, string)"),
        field("UID", "UID", "string"),
        field("creationTimestamp", "creationTimestamp", "timestamp"),
        field("deletionGracePeriodSeconds", "deletionGracePeriodSeconds", "int"),
        field("deletionTimestamp", "deletionTimestamp", "timestamp"),
        field("generation", "generation", "int"),
        field("resourceVersion", "resourceVersion", "string"),
        field("finalizers", "finalizers", "list(string)"),
    ],
);

/// `kubernetes.NamespaceSpec`
pub static NAMESPACE_SPEC: ObjectRow =
    ObjectRow::declared("kubernetes.NamespaceSpec", &[field("finalizers", "finalizers", "list(string)")]);

/// `kubernetes.NamespaceStatus`
pub static NAMESPACE_STATUS: ObjectRow = ObjectRow::declared(
    "kubernetes.NamespaceStatus",
    &[objects("conditions", "conditions", &NAMESPACE_CONDITION), field("phase", "phase", "string")],
);

/// `kubernetes.NamespaceCondition`
pub static NAMESPACE_CONDITION: ObjectRow = ObjectRow::declared(
    "kubernetes.NamespaceCondition",
    &[
        field("status", "status", "string"),
        field("type", "type", "string"),
        field("lastTransitionTime", "lastTransitionTime", "timestamp"),
        field("message", "message", "string"),
        field("reason", "reason", "string"),
    ],
);
