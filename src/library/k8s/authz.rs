//! Kubernetes' `authz` and `authzSelectors`: what an authorizer is asked. Mode JSON declares the functions and no authorizer,
//! so that no policy has a value of their types: whatever they are called on is the error `no such overload`.

use crate::error::ErrorKind;
use crate::library::row::row;
use crate::library::runtime::{Answer, Runtime};
use crate::library::table::{Implementation::Own, Library, TypeRow};
use crate::value::Value;

/// `kubernetes.authz` and `kubernetes.authzselectors`
pub static LIBRARY: Library = Library {
    name: "kubernetes.authz",
    version: 0,
    types: &[
        TypeRow::Bare("kubernetes.authorization.Authorizer"),
        TypeRow::Bare("kubernetes.authorization.PathCheck"),
        TypeRow::Bare("kubernetes.authorization.GroupCheck"),
        TypeRow::Bare("kubernetes.authorization.ResourceCheck"),
        TypeRow::Bare("kubernetes.authorization.Decision"),
    ],
    rows: &[
        row(
            "authorizer_path",
            "kubernetes.authorization.Authorizer.path(string) -> kubernetes.authorization.PathCheck",
            Own(of_nothing),
            "What may be done with a path of the API.",
            &["true || dyn(0).path('a') == dyn(0)"],
        ),
        row(
            "authorizer_group",
            "kubernetes.authorization.Authorizer.group(string) -> kubernetes.authorization.GroupCheck",
            Own(of_nothing),
            "What may be done in a group of the API.",
            &["true || dyn(0).group('a') == dyn(0)"],
        ),
        row(
            "authorizer_serviceaccount",
            "kubernetes.authorization.Authorizer.serviceAccount(string, string) -> kubernetes.authorization.Authorizer",
            Own(of_nothing),
            "The same for a service account, by namespace and name.",
            &["true || dyn(0).serviceAccount('a', 'b') == dyn(0)"],
        ),
        row(
            "groupcheck_resource",
            "kubernetes.authorization.GroupCheck.resource(string) -> kubernetes.authorization.ResourceCheck",
            Own(of_nothing),
            "What may be done with a kind of resource.",
            &["true || dyn(0).resource('a') == dyn(0)"],
        ),
        row(
            "resourcecheck_subresource",
            "kubernetes.authorization.ResourceCheck.subresource(string) -> kubernetes.authorization.ResourceCheck",
            Own(of_nothing),
            "The same of its subresource.",
            &["true || dyn(0).subresource('a') == dyn(0)"],
        ),
        row(
            "resourcecheck_namespace",
            "kubernetes.authorization.ResourceCheck.namespace(string) -> kubernetes.authorization.ResourceCheck",
            Own(of_nothing),
            "The same in a namespace.",
            &["true || dyn(0).namespace('a') == dyn(0)"],
        ),
        row(
            "resourcecheck_name",
            "kubernetes.authorization.ResourceCheck.name(string) -> kubernetes.authorization.ResourceCheck",
            Own(of_nothing),
            "The same of one resource.",
            &["true || dyn(0).name('a') == dyn(0)"],
        ),
        row(
            "authorizer_fieldselector",
            "kubernetes.authorization.ResourceCheck.fieldSelector(string) -> kubernetes.authorization.ResourceCheck",
            Own(of_nothing),
            "The same of those that a selector of fields takes.",
            &["true || dyn(0).fieldSelector('a') == dyn(0)"],
        ),
        row(
            "authorizer_labelselector",
            "kubernetes.authorization.ResourceCheck.labelSelector(string) -> kubernetes.authorization.ResourceCheck",
            Own(of_nothing),
            "The same of those that a selector of labels takes.",
            &["true || dyn(0).labelSelector('a') == dyn(0)"],
        ),
        row(
            "pathcheck_check",
            "kubernetes.authorization.PathCheck.check(string) -> kubernetes.authorization.Decision",
            Own(of_nothing),
            "Whether the verb is allowed.",
            &["true || dyn(0).check('a') == dyn(0)"],
        ),
        row(
            "resourcecheck_check",
            "kubernetes.authorization.ResourceCheck.check(string) -> kubernetes.authorization.Decision",
            Own(of_nothing),
            "Whether the verb is allowed.",
            &["true || dyn(0).check('a') == dyn(0)"],
        ),
        row(
            "decision_allowed",
            "kubernetes.authorization.Decision.allowed() -> bool",
            Own(of_nothing),
            "Whether it is allowed.",
            &["true || dyn(0).allowed() == dyn(0)"],
        ),
        row(
            "decision_reason",
            "kubernetes.authorization.Decision.reason() -> string",
            Own(of_nothing),
            "Why.",
            &["true || dyn(0).reason() == dyn(0)"],
        ),
        row(
            "decision_errored",
            "kubernetes.authorization.Decision.errored() -> bool",
            Own(of_nothing),
            "Whether asking failed.",
            &["true || dyn(0).errored() == dyn(0)"],
        ),
        row(
            "decision_error",
            "kubernetes.authorization.Decision.error() -> string",
            Own(of_nothing),
            "How asking failed.",
            &["true || dyn(0).error() == dyn(0)"],
        ),
    ],
};

/// Never called: no value passes for its receiver.
fn of_nothing<'a>(_: &mut Runtime<'a>, _: &[Value<'a>]) -> Answer<'a> {
    Err(ErrorKind::NoSuchOverload.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::probe::assert_table;

    #[test]
    fn every_row_is_complete() {
        assert_table(&LIBRARY);
    }
}
