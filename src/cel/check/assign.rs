//! Assignability and type parameters, as cel-go's `checker/types.go` and `mapping.go`.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::types::{Kind, MAX_PARTS, Type};

/// The types that one question may lead to. Two of the largest have fewer; parameters that stand for each other in chains
/// have any number, and those make a type that is too large once it is written out.
const MAX_STEPS: usize = 16 * MAX_PARTS;

/// What type parameters stand for, with the means to take back an attempt that failed.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    bound: HashMap<Arc<str>, Type>,
    /// What each binding was before, newest last.
    journal: Vec<(Arc<str>, Option<Type>)>,
    fresh: u32,
    /// How many types the question at hand may still lead to.
    left: Cell<usize>,
    /// Whether a type was too large: what was answered about it then has no meaning.
    too_large: Cell<bool>,
}

impl Bindings {
    /// Whether any type was too large, then or as it was to be written out.
    pub(super) fn is_too_large(&self) -> bool {
        self.too_large.get()
    }

    /// The type, unless it is too large.
    pub(super) fn bounded(&self, ty: Type) -> Type {
        if ty.is_too_large() {
            self.too_large.set(true);
            return Type::Error;
        }
        ty
    }

    /// Begins a question.
    fn ask(&self) {
        self.left.set(MAX_STEPS);
    }

    /// Whether the question at hand may lead to another type.
    fn goes_on(&self) -> bool {
        let left = self.left.get().checked_sub(1);
        self.left.set(left.unwrap_or_default());
        if left.is_none() {
            self.too_large.set(true);
        }
        left.is_some()
    }

    /// A parameter that nothing uses yet.
    pub(super) fn fresh(&mut self) -> Type {
        let parameter = Type::param(&format!("_var{}", self.fresh));
        self.fresh = self.fresh.saturating_add(1);
        parameter
    }

    /// `signature` with its own parameters replaced by fresh ones.
    pub(super) fn instantiate(&mut self, signature: &[Type]) -> Vec<Type> {
        let mut renamed: HashMap<Arc<str>, Type> = HashMap::new();
        signature.iter().map(|ty| self.rename(ty, &mut renamed)).collect()
    }

    fn rename(&mut self, ty: &Type, renamed: &mut HashMap<Arc<str>, Type>) -> Type {
        match ty {
            Type::Param(name) => match renamed.get(name) {
                Some(new) => new.clone(),
                None => {
                    let new = self.fresh();
                    renamed.insert(name.clone(), new.clone());
                    new
                }
            },
            _ => rebuild(ty, &mut |inner| self.rename(inner, renamed)),
        }
    }

    /// True if a value of type `from` may be used as `to`; bindings that this needs stay, others are taken back.
    pub(super) fn assignable(&mut self, from: &Type, to: &Type) -> bool {
        self.ask();
        let mark = self.journal.len();
        let assignable = self.accepts(from, to);
        if !assignable {
            self.rollback(mark);
        }
        assignable
    }

    /// As [`Self::assignable`] for several, all or none.
    pub(super) fn all_assignable(&mut self, from: &[Type], to: &[Type]) -> bool {
        self.ask();
        let mark = self.journal.len();
        let assignable =
            from.len() == to.len() && from.iter().zip(to).all(|(from, to)| self.accepts(from, to));
        if !assignable {
            self.rollback(mark);
        }
        assignable
    }

    fn rollback(&mut self, mark: usize) {
        while self.journal.len() > mark {
            match self.journal.pop() {
                Some((name, Some(ty))) => drop(self.bound.insert(name, ty)),
                Some((name, None)) => drop(self.bound.remove(&name)),
                None => return,
            }
        }
    }

    fn bind(&mut self, name: &Arc<str>, ty: Type) {
        let before = self.bound.insert(name.clone(), ty);
        self.journal.push((name.clone(), before));
    }

    fn find(&self, ty: &Type) -> Option<&Type> {
        match ty {
            Type::Param(name) => self.bound.get(name),
            _ => None,
        }
    }

    /// The type with its bound parameters replaced; unbound ones become dyn if `to_dyn`.
    pub(super) fn substitute(&self, ty: &Type, to_dyn: bool) -> Type {
        self.ask();
        self.bounded(self.written_out(ty, to_dyn))
    }

    fn written_out(&self, ty: &Type, to_dyn: bool) -> Type {
        if !self.goes_on() {
            return Type::Error;
        }
        match (self.find(ty), ty) {
            (Some(bound), _) => self.written_out(bound, to_dyn),
            (None, Type::Param(_)) if to_dyn => Type::Dyn,
            _ => rebuild(ty, &mut |inner| self.written_out(inner, to_dyn)),
        }
    }

    fn accepts(&mut self, t1: &Type, t2: &Type) -> bool {
        if !self.goes_on() {
            return false;
        }
        let (kind1, kind2) = (t1.kind(), t2.kind());
        if kind2 == Kind::Param {
            let (valid, has_substitution) = self.valid_substitution(t1, t2);
            if valid {
                return true;
            }
            if has_substitution {
                return false;
            }
        }
        if kind1 == Kind::Param {
            return self.valid_substitution(t2, t1).0;
        }
        if t1.is_dyn_or_error() || t2.is_dyn_or_error() {
            return true;
        }
        match (kind1, kind2) {
            (Kind::Null, _) => nullable(t2),
            (_, Kind::Null) => nullable(t1),
            (Kind::Type, _) => kind2 == Kind::Type,
            (Kind::Opaque | Kind::List | Kind::Map, _) => {
                let (p1, p2) = (t1.parameters(), t2.parameters());
                kind1 == kind2
                    && t1.runtime_name() == t2.runtime_name()
                    && p1.len() == p2.len()
                    && p1.iter().zip(p2).all(|(a, b)| self.accepts(a, b))
            }
            _ => t2.accepts(t1),
        }
    }

    /// Whether `t2`, a parameter, may stand for `t1`; and whether it stands for something already.
    fn valid_substitution(&mut self, t1: &Type, t2: &Type) -> (bool, bool) {
        if t1.is_exact(t2) {
            return (true, true);
        }
        let Type::Param(name) = t2 else { return (false, false) };
        if let Some(bound) = self.bound.get(name).cloned() {
            if t1.is_exact(&bound) {
                return (true, true);
            }
            if self.accepts(t1, &bound) {
                let general = most_general(t1, &bound);
                if self.not_within(t2, &general) {
                    self.bind(name, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.not_within(t2, t1) {
            self.bind(name, t1.clone());
            return (true, false);
        }
        (false, false)
    }

    /// The occurs check: `parameter` is not part of `within`, directly or through bindings.
    fn not_within(&self, parameter: &Type, within: &Type) -> bool {
        if !self.goes_on() || parameter == within {
            return false;
        }
        match within {
            Type::Param(_) => self.find(within).is_none_or(|bound| self.not_within(parameter, bound)),
            _ => within.parameters().into_iter().all(|inner| self.not_within(parameter, inner)),
        }
    }
}

/// The same type around other parameters.
pub(super) fn rebuild(ty: &Type, replace: &mut impl FnMut(&Type) -> Type) -> Type {
    match ty {
        Type::List(element) => Type::list(replace(element)),
        Type::Map(entry) => {
            let key = replace(&entry.0);
            Type::map(key, replace(&entry.1))
        }
        Type::Opaque(name, parameters) => Type::Opaque(name, parameters.iter().map(replace).collect()),
        Type::Type(Some(of)) => Type::type_of(replace(of)),
        _ => ty.clone(),
    }
}

/// What null may be used for.
fn nullable(ty: &Type) -> bool {
    matches!(
        ty.kind(),
        Kind::Opaque | Kind::Struct | Kind::Any | Kind::Duration | Kind::Timestamp | Kind::Null
    ) || matches!(ty, Type::Wrapper(_))
}

/// The wider of two types that are known to unify.
pub(super) fn most_general(t1: &Type, t2: &Type) -> Type {
    if equal_or_less_specific(t1, t2) { t1.clone() } else { t2.clone() }
}

fn equal_or_less_specific(t1: &Type, t2: &Type) -> bool {
    if t1.is_dyn() || t1.kind() == Kind::Param {
        return true;
    }
    if t2.is_dyn() || t2.kind() == Kind::Param || t1.kind() != t2.kind() {
        return false;
    }
    match t1.kind() {
        Kind::Opaque | Kind::List | Kind::Map => {
            let (p1, p2) = (t1.parameters(), t2.parameters());
            t1.runtime_name() == t2.runtime_name()
                && p1.len() == p2.len()
                && p1.iter().zip(p2).all(|(a, b)| equal_or_less_specific(a, b))
        }
        Kind::Type => true,
        _ => t1.is_exact(t2),
    }
}
