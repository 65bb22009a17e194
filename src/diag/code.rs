//! The registry of diagnostic codes.
//!
//! A code's number is for ever: people search for it and tests assert it. A code that is no longer used stays
//! here, and its number is not given to another. To add one, add a row to the range of its stage: name, number, what it
//! stands for, and Kyverno's own words for the same fault (empty where Kyverno has none: it accepts the
//! file, or drops it in silence).

use std::fmt;

/// How bad it is.
///
/// ```
/// assert_eq!(toolgate::Severity::Note.as_str(), "note");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Severity {
    /// The policies do not load.
    Error,
    /// They load, and probably do not do what their author wants.
    Warning,
    /// They load, and something beside them was left out.
    Note,
}

impl Severity {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

macro_rules! codes {
    ($($name:ident = $number:literal, $meaning:literal, $kyverno:literal;)*) => {
        /// A stable number for one kind of diagnostic; printed as `TG1203`.
        ///
        /// ```
        /// assert_eq!(toolgate::Code::UnknownField.to_string(), "TG1203");
        /// assert_eq!(toolgate::Code::UnknownField.meaning(), "a field that the kind does not have");
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $meaning] $name = $number,)*
        }

        impl Code {
            /// Every code, in the order of the registry.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The number without its prefix.
            pub const fn number(self) -> u16 {
                self as u16
            }

            /// What the code stands for, for the reference documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }

            /// The words in which Kyverno 1.19.1 reports the same fault when it loads the file (`…` stands for what
            /// varies); empty when Kyverno says nothing.
            pub fn kyverno(self) -> &'static str {
                match self { $(Code::$name => $kyverno,)* }
            }
        }
    };
}

codes! {
    // 10xx: files
    NoSuchPath = 1001, "a path that does not exist", "";
    UnreadablePath = 1002, "a file or directory that cannot be read", "skipping entry …: walk error: …";
    NotUtf8 = 1003, "a file that is not UTF-8 text", "failed to parse document (… yaml: invalid … UTF-8 …)";
    NotAPolicyFile = 1004, "a file whose name does not end in .yaml, .yml or .json", "";
    BadBundle = 1005, "a bundle that is damaged, or that this version cannot read", "";

    // 11xx: YAML
    YamlSyntax = 1101, "text that is not YAML", "failed to parse document (… yaml: …)";
    DuplicateKey = 1102, "a mapping that has one key twice", "key … already set in map";
    UnknownAnchor = 1103, "an alias without an anchor of that name before it", "unknown anchor '…' referenced";
    BadMerge = 1104, "a merge of something that is not a mapping", "map merge requires map or sequence of maps as the value";
    BadKey = 1105, "a mapping key that is neither text nor a number nor true or false", "unsupported map key of type: …";
    BadTaggedValue = 1106, "a value that is not of the type that its tag names", "cannot decode … as a …";
    BadDocumentSeparator = 1107, "a line that starts with `---` and goes on with something other than a comment", "unable to read yaml";
    ContentAfterDocument = 1108, "text after the end of a document, which Kyverno would not read", "";
    ForbiddenCharacter = 1109, "a character that YAML does not allow, or that readers of YAML do not agree on", "control characters are not allowed";
    SelfContainingAnchor = 1110, "an anchor whose value contains itself", "anchor '…' value contains itself";
    NotAJsonNumber = 1111, "infinity or not-a-number, which JSON cannot hold", "json: unsupported value: …";
    YamlDirective = 1112, "a `%` directive", "";

    // 12xx: the structure of a document
    NotAMapping = 1201, "a document that is not a mapping", "GVK cannot be empty";
    WrongType = 1202, "a field with a value of another type than it must have", "Invalid value: \"…\": … must be of type …";
    UnknownField = 1203, "a field that the kind does not have", "Invalid value: value provided for unknown field";
    MissingField = 1204, "a required field that is absent", "Required value";
    UnsupportedValue = 1205, "a value that is not one of those allowed", "Unsupported value: \"…\": supported values: …";
    DuplicateListEntry = 1206, "a list that has one name or value twice", "Duplicate value: …";
    BadName = 1207, "a name that breaks the rules for names", "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, …";
    BadFormat = 1208, "a value that breaks the rules of its field", "Invalid value: …";
    UnknownKind = 1210, "a document of a kind that is not a policy", "failed to retrieve validator: …";
    UnknownApiVersion = 1211, "a policy in a version of the API that does not exist", "failed to retrieve validator: failed to locate OpenAPI spec for GV: …";
    UnknownMode = 1212, "an evaluation mode that does not exist", "invalid evaluation mode passed for env builder";

    // 13xx: the set of policies
    DuplicatePolicy = 1301, "two policies of one name", "";
    NoPolicies = 1302, "a set without any policy", "";

    // 14xx: what was left out
    IdleException = 1303, "an exception that matches no policy", "";
    IdleExpiry = 1304, "an exception with `expiresAt`, which its evaluation mode does not look at", "";
    DuplicateException = 1305, "two exceptions of one name in one namespace", "";
    HiddenPath = 1401, "a file or directory whose name starts with a point; it is left out", "";
    OtherFile = 1402, "a file in a folder whose name does not end in .yaml, .yml or .json; it is left out", "";
    OtherDocument = 1403, "a document that may stand beside policies and is none; it is left out", "failed to retrieve validator: …";
    EmptyFile = 1404, "a file without any document", "";
    OtherPrograms = 1405, "a bundle whose programs another build of Toolgate made; its sources are compiled instead", "";

    // 20xx: CEL syntax
    CelSyntax = 2001, "an expression that does not parse, or is longer or deeper than CEL allows", "ERROR: <input>:…: Syntax error: …";

    // 21xx: CEL types
    CelUndeclared = 2101, "a name that nothing declares", "undeclared reference to '…' (in container '')";
    CelUndefinedField = 2102, "a field that the object's type does not have", "undefined field '…'";
    CelNoOverload = 2103, "a function or operator that does not take arguments of these types", "found no matching overload for '…' applied to '…'";
    CelTypeMismatch = 2104, "a value of another type than is due", "expected type '…' but found '…'";
    CelNoFields = 2105, "a selection on a type without fields", "type '…' does not support field selection";
    CelNotARange = 2106, "a macro over something that is neither a list nor a map", "expression of type '…' cannot be range of a comprehension (must be list, map, or dynamic)";
    CelNotAType = 2107, "a literal of something that is no object type", "'…' is not a type";
    CelOptionalSelection = 2108, "an optional selection with something other than a field name", "unsupported optional field selection: …";
    CelBadLiteral = 2109, "a literal that its function cannot take, such as a format string", "…";
    CelProgram = 2110, "an expression that checks but cannot be evaluated, such as one with a bad constant pattern", "…";

    // 22xx: Kyverno's rules after the check
    ConditionType = 2201, "a match condition that does not result in true or false", "matchCondition output is expected to be of type bool";
    ValidationType = 2202, "a validation that results in neither a response nor null", "rule response output is expected to be of type http.CheckResponse";

    // 23xx: policies that load and do less than they seem to
    IgnoredFailure = 2301, "an expression of a policy with `failurePolicy: Ignore` that a caller can make fail", "";
    HeaderNeverFound = 2302, "a header under a name that is not spelt as its map's keys are, which is never found", "";
    ValueNeverGiven = 2303, "a comparison of a header with a value that the mapping of headers never gives", "";
    DeniesNothing = 2304, "a policy of mode JSON whose `validationActions` lack `Deny`", "";
    SwallowedText = 2305, "a comment in an expression that goes on over later lines, because YAML folds them into one", "";
    UnsetHeader = 2306, "a header that no call has, under a name that is nearly that of one which calls have", "";
    UnknownMember = 2307, "a member that the object of mode JSON does not have, under a name that is nearly that of one", "";
    IdleRule = 2308, "a condition, validation, exception or policy that makes no difference to any call", "";
    IgnoredField = 2309, "a field of a policy at which its evaluation mode does not look", "";
    AlwaysFails = 2310, "a part of an expression that fails whenever it is evaluated", "";

    // 24xx: policies that need more of their deployment
    NotGranted = 2401, "a function that asks something outside of the call, which the configuration does not grant", "";
    CannotAnswer = 2402, "something that policies ask outside of the call and that cannot be opened", "";

    // 29xx: not supported yet
    UnsupportedMode = 2901, "a policy in an evaluation mode that Toolgate does not decide yet", "";
    UnsupportedKind = 2902, "a kind of policy that Toolgate does not decide yet", "failed to retrieve validator: kind … not found in … groupversion";
    UnsupportedBinary = 2903, "a value with the tag `!!binary`", "";
    UnsupportedAutogen = 2905, "a policy of mode JSON about pods, which Kyverno multiplies for what makes pods", "";
    EscapedVariable = 2906, "a variable under a name that Kyverno takes for an escape of another name", "";
    NamespacedPolicy = 2907, "a policy of mode JSON in a namespace that asks the cluster, which Kyverno answers otherwise there", "";

    // 30xx: configuration
    ConfigUnreadable = 3001, "a configuration file that cannot be read", "";
    NotAConfiguration = 3002, "a configuration file that is not one document of kind Configuration", "";
    ConfigWrongType = 3003, "a setting with a value of another type than it must have", "";
    ConfigUnknownField = 3004, "a setting or header that does not exist", "";
    ConfigMissingValue = 3005, "a setting without a value", "";
    ConfigUnsupportedValue = 3006, "a setting whose value is not one of those allowed", "";
    ConfigBadValue = 3007, "a setting whose value breaks the rules of the setting", "";
    ConfigDuplicate = 3008, "a value or header that stands twice", "";
    ConfigConflict = 3009, "settings that contradict each other", "";
    HeaderType = 3010, "a header's expression with a result that no header can carry", "";
    ClaimPath = 3011, "a name of a claim that looks like a path and is none", "";
    NotInForce = 3012, "a configuration beside policies that is not in force, because nothing reads the file", "";
    IdleSetting = 3013, "a setting, or an entry of one, that counts for nothing beside the others", "";
    OpenDoor = 3014, "a pattern by which calls of any tool pass without a policy", "";
    UnfitHeader = 3015, "a header that policies read and that the settings remove, make one that says nothing of a call, or leave to the caller", "";
    EmptyGroup = 3016, "a group of settings without a value, so that all in it have their defaults", "";
    UnknownVariable = 3020, "an environment variable that names no setting", "";
    BadVariable = 3021, "an environment variable whose value its setting cannot have", "";

    // 40xx: limits
    FileTooLarge = 4001, "a file that is larger than the limit", "";
    TooDeep = 4002, "a document that is nested deeper than the limit", "";
    TooManyNodes = 4003, "a document that has more values than the limit, aliases counted each time they are used", "document contains excessive aliasing";
    TooManyFiles = 4004, "more files, documents or levels of directories than the limit", "";
    TooManyFaults = 4005, "more faults in a file than are reported one by one", "";
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TG{:04}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ascending_in_known_ranges_and_documented() {
        const RANGES: [u16; 13] = [10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 29, 30, 40];
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "{} is not before {}", pair[0], pair[1]);
        }
        for code in Code::ALL {
            assert!(RANGES.contains(&(code.number() / 100)), "{code} is in no range");
            assert!(code.meaning().len() > 10 && !code.meaning().ends_with('.'), "{code} has no meaning");
        }
        assert_eq!(Code::UnknownField.to_string(), "TG1203");
    }
}
