//! YAML as Kyverno reads it.
