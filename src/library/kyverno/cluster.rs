//! kyverno/sdk's `resource`, `globalContext` and `image.GetMetadata`: what is known of a cluster and of a registry
//! (`extensions/cel/libs/{resource,globalcontext,imagedata}`). The answers are data; who has them is the capability's.

use bumpalo::collections::Vec as BumpVec;
use serde_json::Value as Json;

use crate::budget::Fault;
use crate::error::{ErrorKind, Raise};
use crate::library::capability::{Capability, Lookup};
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Body, Implementation, Library, TypeRow};
use crate::library::to_go::{self, inner};
use crate::value::{MapBuilder, ObjectRow, Value};

const GET: &str =
    "An object by API version, resource (`configmaps`), namespace and name; null if there is none.";
const LIST: &str = "The objects of a resource in a namespace, or in all if it is empty, as the API server lists them: `items`.";
const LABELS: &str = "The same, of those with all of these labels.";
const POST: &str = "Creates an object in Kyverno. Here the call is denied: a decision changes nothing.";
const GVR: &str = "The same for what `ToGVR` gives.";
const TO_GVR: &str = "The resource of a kind. As in Kyverno's authz server, it is an error.";
const ENTRY: &str = "An entry of the global context.";
const PROJECTION: &str = "A projection of an entry: one of its members.";
const IMAGE: &str = "What a registry says of an image.";

/// The helper `resource`.
static RESOURCE_CONTEXT: ObjectRow = ObjectRow::structure("resource.Context", &[]);
/// The helper `globalContext`.
static GLOBAL_CONTEXT_CONTEXT: ObjectRow = ObjectRow::structure("globalcontext.Context", &[]);
/// The helper `image`.
static IMAGE_CONTEXT: ObjectRow = ObjectRow::structure("imagedata.Context", &[]);

const fn asking(body: Body) -> Implementation {
    Implementation::Asking(body, Capability::Resources)
}

macro_rules! resource_rows {
    ($($get:literal, $list:literal, $post:literal, $gvr:literal, $suffix:literal;)*) => {
        &[$(
            row(
                concat!("resource_get_string_string_string_string_", $suffix),
                concat!("resource.Context.", $get, "(string, string, string, string) -> map(string, any)"),
                asking(get),
                GET,
                &[],
            ),
            row(
                concat!("resource_get_gvr_string_string_", $suffix),
                concat!("resource.Context.", $get, "(schema.GroupVersionResource, string, string) -> map(string, any)"),
                asking(by_gvr),
                GVR,
                &[],
            ),
            row(
                concat!("resource_list_string_string_string_", $suffix),
                concat!("resource.Context.", $list, "(string, string, string) -> map(string, any)"),
                asking(list),
                LIST,
                &[],
            ),
            row(
                concat!("resource_list_string_string_string_map_", $suffix),
                concat!("resource.Context.", $list, "(string, string, string, map(string, string)) -> map(string, any)"),
                asking(list),
                LABELS,
                &[],
            ),
            row(
                concat!("list_resources_gvr_string_", $suffix),
                concat!("resource.Context.", $list, "(schema.GroupVersionResource, string) -> map(string, any)"),
                asking(by_gvr),
                GVR,
                &[],
            ),
            row(
                concat!("list_resources_gvr_string_map_", $suffix),
                concat!(
                    "resource.Context.",
                    $list,
                    "(schema.GroupVersionResource, string, map(string, string)) -> map(string, any)"
                ),
                asking(by_gvr),
                GVR,
                &[],
            ),
            row(
                concat!("resource_post_string_string_string_map_", $suffix),
                concat!("resource.Context.", $post, "(string, string, string, map(string, any)) -> map(string, any)"),
                asking(post),
                POST,
                &[],
            ),
            row(
                concat!("resource_post_string_string_map_", $suffix),
                concat!("resource.Context.", $post, "(string, string, map(string, any)) -> map(string, any)"),
                asking(post),
                POST,
                &[],
            ),
            row(
                concat!("convert_to_gvr_string_string_", $suffix),
                concat!("resource.Context.", $gvr, "(string, string) -> schema.GroupVersionResource"),
                asking(to_gvr),
                TO_GVR,
                &[],
            ),
        )*]
    };
}

/// Kyverno's `kyverno.resource`.
pub static RESOURCES: Library = Library {
    name: "kyverno.resource",
    version: 0,
    types: &[
        TypeRow::Object(&RESOURCE_CONTEXT),
        TypeRow::Opaque("resource.Context"),
        TypeRow::Opaque("schema.GroupVersionResource"),
    ],
    rows: resource_rows! {
        "Get", "List", "Post", "ToGVR", "pascal";
        "get", "list", "post", "toGVR", "camel";
    },
};

/// Kyverno's `kyverno.globalcontext`.
pub static GLOBAL_CONTEXT: Library = Library {
    name: "kyverno.globalcontext",
    version: 0,
    types: &[TypeRow::Object(&GLOBAL_CONTEXT_CONTEXT), TypeRow::Opaque("globalcontext.Context")],
    rows: &[
        row(
            "globalcontext_get_string_pascal",
            "globalcontext.Context.Get(string) -> dyn",
            ENTRIES,
            ENTRY,
            &[],
        ),
        row(
            "globalcontext_get_string_string_pascal",
            "globalcontext.Context.Get(string, string) -> dyn",
            ENTRIES,
            PROJECTION,
            &[],
        ),
        row(
            "globalcontext_get_string_camel",
            "globalcontext.Context.get(string) -> dyn",
            ENTRIES,
            ENTRY,
            &[],
        ),
        row(
            "globalcontext_get_string_string_camel",
            "globalcontext.Context.get(string, string) -> dyn",
            ENTRIES,
            PROJECTION,
            &[],
        ),
    ],
};

const ENTRIES: Implementation = Implementation::Asking(entry, Capability::GlobalContext);

/// Kyverno's `kyverno.imagedata`.
pub static IMAGES: Library = Library {
    name: "kyverno.imagedata",
    version: 0,
    types: &[TypeRow::Object(&IMAGE_CONTEXT), TypeRow::Opaque("imagedata.Context")],
    rows: &[
        row(
            "imagedata_get_string_pascal",
            "imagedata.Context.GetMetadata(string) -> dyn",
            Implementation::Asking(image, Capability::Images),
            IMAGE,
            &[],
        ),
        row(
            "imagedata_get_string_camel",
            "imagedata.Context.getMetadata(string) -> dyn",
            Implementation::Asking(image, Capability::Images),
            IMAGE,
            &[],
        ),
    ],
};

/// What the question finds, or null; the text of an error stands behind `what`.
fn found<'a>(runtime: &mut Runtime<'a>, question: &Lookup<'_>, what: &str) -> Answer<'a> {
    match runtime.session()?.look_up(question) {
        Ok(Some(text)) => parsed(runtime, text),
        Ok(None) => Ok(Value::Null),
        Err(why) => Err(runtime.unanswered(what, why)),
    }
}

/// As Kubernetes reads objects: whole numbers are ints.
fn parsed<'a>(runtime: &mut Runtime<'a>, text: &'a [u8]) -> Answer<'a> {
    runtime.charge_scan(text.len().saturating_mul(4))?;
    runtime.budget.charge_bytes(text.len().saturating_mul(8))?;
    match serde_json::from_slice(text) {
        Ok(json) => value(runtime, &json),
        Err(_) => Err(Fault::Internal("an answer that is no JSON").into()),
    }
}

/// No answer is nested deeper than its reader allows.
fn value<'a>(runtime: &mut Runtime<'a>, json: &Json) -> Answer<'a> {
    runtime.charge(1)?;
    match json {
        Json::Null => Ok(Value::Null),
        Json::Bool(bool) => Ok(Value::Bool(*bool)),
        Json::Number(number) => Ok(match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Double(number.as_f64().unwrap_or_default()),
        }),
        Json::String(text) => runtime.string(text),
        Json::Array(items) => {
            let mut list = runtime.list_builder(items.len())?;
            for item in items {
                list.push(value(runtime, item)?);
            }
            Ok(runtime.finish_list(list))
        }
        Json::Object(members) => {
            runtime.budget.charge_bytes(members.len().saturating_mul(size_of::<(Value<'_>, Value<'_>)>()))?;
            let mut map = MapBuilder::with_capacity(runtime.arena, members.len());
            for (name, member) in members {
                let name = runtime.string(name)?;
                map.insert(name, value(runtime, member)?);
            }
            Ok(Value::Map(map.finish()))
        }
    }
}

/// Kubernetes' `ParseGroupVersion`.
fn check_version<'a>(runtime: &mut Runtime<'a>, version: &str, what: &str) -> Result<(), Raise<'a>> {
    runtime.charge_scan(version.len())?;
    match version.matches('/').count() {
        0 | 1 => Ok(()),
        _ => Err(runtime.error(format_args!("{what}: unexpected GroupVersion string: {version}"))),
    }
}

fn get<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [_, api_version, resource, namespace, name] = arguments else {
        return Err(runtime.no_overload("Get", arguments));
    };
    let (api_version, resource) = (to_go::string(runtime, api_version)?, to_go::string(runtime, resource)?);
    let (namespace, name) = (to_go::string(runtime, namespace)?, to_go::string(runtime, name)?);
    check_version(runtime, api_version, "failed to get resource")?;
    found(runtime, &Lookup::Object { api_version, resource, namespace, name }, "failed to get resource: ")
}

fn list<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (api_version, resource, namespace, labels) = match arguments {
        [_, api_version, resource, namespace] => (api_version, resource, namespace, None),
        [_, api_version, resource, namespace, labels] => (api_version, resource, namespace, Some(labels)),
        _ => return Err(runtime.no_overload("List", arguments)),
    };
    let (api_version, resource) = (to_go::string(runtime, api_version)?, to_go::string(runtime, resource)?);
    let namespace = to_go::string(runtime, namespace)?;
    check_version(runtime, api_version, "failed to list resource")?;
    let labels = match labels.map(inner).transpose()? {
        None => BumpVec::new_in(runtime.arena),
        Some(Value::Map(map)) => {
            runtime.charge(map.len())?;
            runtime.budget.charge_bytes(map.len().saturating_mul(size_of::<(&str, &str)>()))?;
            let mut labels = BumpVec::with_capacity_in(map.len(), runtime.arena);
            for (name, value) in map.entries() {
                labels.push((to_go::string(runtime, name)?, to_go::string(runtime, value)?));
            }
            labels
        }
        Some(_) => return Err(ErrorKind::NoSuchOverload.into()),
    };
    let labels = labels.into_bump_slice();
    found(runtime, &Lookup::Objects { api_version, resource, namespace, labels }, "failed to list resource: ")
}

fn post<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Opaque("resource.Context"), ..] => {
            // An error would drop a denial that Kyverno gives once it has created the object.
            Err(Fault::Unanswered("a policy creates an object in a cluster, and a decision changes nothing")
                .into())
        }
        _ => Err(runtime.no_overload("Post", arguments)),
    }
}

/// Nothing makes a value that could come here.
fn by_gvr<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    Err(runtime.no_overload("Get", arguments))
}

fn to_gvr<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    match arguments {
        [Value::Opaque("resource.Context"), ..] => Err(ErrorKind::Panic("not implemented").into()),
        _ => Err(runtime.no_overload("ToGVR", arguments)),
    }
}

fn entry<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let (name, projection) = match arguments {
        [Value::Opaque(_), name] => (name, None),
        [Value::Opaque(_), name, projection] => (name, Some(projection)),
        _ => return Err(runtime.no_overload("Get", arguments)),
    };
    let name = to_go::string(runtime, name)?;
    let projection = match projection {
        Some(projection) => to_go::string(runtime, projection)?,
        None => "",
    };
    let value = found(runtime, &Lookup::Entry(name), "failed to get global reference: ")?;
    // As in Kyverno, no name is no projection.
    if projection.is_empty() || matches!(value, Value::Null) {
        return Ok(value);
    }
    runtime.charge(1)?;
    match value {
        Value::Map(map) if map.get_str(projection).is_some() => {
            Ok(map.get_str(projection).unwrap_or(Value::Null))
        }
        _ => Err(runtime.error(format_args!(
            "failed to get global reference: projection \"{projection}\" not found in global context entry \"{name}\""
        ))),
    }
}

fn image<'a>(runtime: &mut Runtime<'a>, arguments: &[Value<'a>]) -> Answer<'a> {
    let [Value::Opaque(_), image] = arguments else {
        return Err(runtime.no_overload("GetMetadata", arguments));
    };
    let image = to_go::string(runtime, image)?;
    found(runtime, &Lookup::Image(image), "failed to get image data: ")
}
