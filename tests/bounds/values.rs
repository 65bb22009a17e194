//! Arguments that a caller may send, small and as large as an event, of a kind that makes work.

use bumpalo::Bump;
use toolgate::internal::library::kyverno::jwt::keys;
use toolgate::internal::library::object_type;
use toolgate::internal::types::Type;
use toolgate::internal::value::keys::KeySet;
use toolgate::internal::value::{MapBuilder, Object, Timestamp, Value};

/// The characters of base64's alphabet for URLs.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            out.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    out
}

/// `piece` so often that it has `size` bytes, roughly.
fn times(piece: &str, size: usize) -> String {
    piece.repeat((size / piece.len()).max(1))
}

/// A token of `algorithm` with claims of `size` bytes and a signature of `signature` bytes.
fn token(algorithm: &str, size: usize, signature: usize) -> String {
    let header = base64url(format!(r#"{{"alg":"{algorithm}"}}"#).as_bytes());
    let claims = base64url(format!(r#"{{"sub":"{}"}}"#, times("a", size)).as_bytes());
    format!("{header}.{claims}.{}", base64url(&vec![0x5a; signature]))
}

/// Texts of about `size` bytes: each is what some function looks through for long.
pub(crate) fn texts(size: usize) -> Vec<String> {
    let digits = times("9", size);
    vec![
        times("a", size),
        times("a,", size),
        times("é", size),
        times("Ab ", size),
        digits.clone(),
        format!("{digits}.{digits}"),
        format!("1e{digits}"),
        times(" ", size) + "x",
        times("%s", size),
        times("%d%.9f%x%e", size),
        times("\\x41", size),
        times("[", size.min(9_000)),
        format!("[{}1]", times("1,", size)),
        format!(r#"{{"a":"{}"}}"#, times("\\u00e9", size)),
        format!("{{{}\"z\":0}}", (0..size / 12).map(|n| format!("\"k{n}\":1,")).collect::<String>()),
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{{"a":[{}"1"],"b":"{digits}"}}}}}}"#,
            times("\"1\",", size)
        ),
        times("QUJD", size),
        times("1h2m3.5s", size),
        format!("http://a/{}?{}", times("%41", size / 2), times("a=b&", size / 2)),
        format!("http://[{}]:1", times("::1", size)),
        format!("1.2.3-{}x+{}y", times("a1.", size / 2), times("b.", size / 2)),
        format!("{digits}Ki"),
        format!("0.{digits}"),
        format!("r.example/{}a:v@sha256:{}", times("a/", size), times("0", 64)),
        times("2001:db8::1", size),
        times("a.", size),
        times("(a|", size) + "b",
        times("[a-z]", size),
        "a{1000}".repeat((size / 7).clamp(1, 3)),
        token("HS256", size, 32),
        token("RS256", size, 1_024),
        token("ES512", size, 132),
        token("ES256", size, 64),
        "2026-01-01T00:00:00Z".to_owned(),
        "America/New_York".to_owned(),
        "1.2.3".to_owned(),
        "10.0.0.0/8".to_owned(),
        "fe80::1".to_owned(),
        "100Mi".to_owned(),
    ]
}

/// Every type's arguments of one size, in an arena that outlives the calls.
pub(crate) struct Pools<'a> {
    arena: &'a Bump,
    size: usize,
    texts: Vec<Value<'a>>,
    key_sets: &'a [KeySet],
}

/// Sets of keys that are slow to verify with.
pub(crate) fn key_sets() -> Vec<KeySet> {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    let rsa = |bytes: usize| format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, base64url(&vec![0xc5; bytes]));
    let ec = |curve: &str, x: &str, y: &str| {
        let (x, y) = (base64url(&hex(x)), base64url(&hex(y)));
        format!(r#"{{"kty":"EC","crv":"{curve}","x":"{x}","y":"{y}"}}"#)
    };
    // The base points: any point of the curve is a key.
    let p256 = ec(
        "P-256",
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    );
    let p521 = ec(
        "P-521",
        "00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
        "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
    );
    let secret = format!(r#"{{"kty":"oct","k":"{}"}}"#, base64url(&[7; 64]));
    [rsa(256), rsa(1_024), p256, p521, secret]
        .iter()
        .map(|key| keys::parse(format!(r#"{{"keys":[{key}]}}"#).as_bytes()).unwrap())
        .collect()
}

impl<'a> Pools<'a> {
    pub(crate) fn new(arena: &'a Bump, size: usize, key_sets: &'a [KeySet]) -> Pools<'a> {
        let texts = texts(size).iter().map(|text| Value::String(arena.alloc_str(text))).collect();
        Pools { arena, size, texts, key_sets }
    }

    /// Values of `ty`; none for types that only functions make.
    pub(crate) fn of(&self, ty: &Type) -> Vec<Value<'a>> {
        let texts = &self.texts;
        match ty {
            Type::Null => vec![Value::Null],
            Type::Bool => vec![Value::Bool(true), Value::Bool(false)],
            Type::Int => [1, 0, -1, 1_000, i64::MAX, i64::MIN].map(Value::Int).to_vec(),
            Type::Uint => [1, 0, u64::MAX].map(Value::Uint).to_vec(),
            Type::Double => [1.5, 0.0, -1.0, 1e308, 5e-324, f64::NAN].map(Value::Double).to_vec(),
            Type::String => texts.clone(),
            Type::Bytes => {
                let bytes = |value: &Value<'a>| match value {
                    Value::String(text) => Value::Bytes(text.as_bytes()),
                    other => *other,
                };
                let wild = Value::Bytes(self.arena.alloc_slice_fill_copy(self.size, 0xff));
                [wild].into_iter().chain(texts.iter().map(bytes)).collect()
            }
            Type::Duration => [1, 0, i64::MAX, i64::MIN].map(Value::Duration).to_vec(),
            Type::Timestamp => [Timestamp::MIN_SECONDS, 0, Timestamp::MAX_SECONDS]
                .map(|seconds| Value::Timestamp(Timestamp { seconds, nanos: 999_999_999, offset: 0 }))
                .to_vec(),
            Type::List(element) => self.lists(element),
            Type::Map(entry) => self.maps(&entry.1),
            Type::Opaque("optional_type", inner) => self
                .of(&inner[0])
                .into_iter()
                .take(3)
                .map(|value| Value::Optional(Some(self.arena.alloc(value))))
                .chain([Value::Optional(None)])
                .collect(),
            Type::Opaque("jwk.Set", _) => self.key_sets.iter().map(Value::Keys).collect(),
            Type::Opaque(name, _)
                if name.ends_with(".Context") || matches!(*name, "json.Json" | "mcp.MCP" | "yaml.Yaml") =>
            {
                vec![Value::Opaque(name)]
            }
            Type::Struct(name) => self.object(name, 0).into_iter().collect(),
            Type::Param(_) | Type::Dyn | Type::Any => {
                let kinds = [Type::String, Type::Int, Type::Double, Type::Bytes];
                let plain = kinds.iter().flat_map(|ty| self.of(ty).into_iter().take(6));
                let lists = self.lists(&Type::Int).into_iter().chain(self.lists(&Type::String)).take(6);
                plain.chain(lists).chain(self.maps(&Type::Dyn)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How many values make `size` bytes of an event, or as many as the budget has bytes for.
    fn count(&self) -> usize {
        (self.size / 2).clamp(2, 400_000)
    }

    fn list(&self, value: impl FnMut(usize) -> Value<'a>) -> Value<'a> {
        Value::List(self.arena.alloc_slice_fill_iter((0..self.count()).map(value)))
    }

    fn lists(&self, element: &Type) -> Vec<Value<'a>> {
        let signed = |n: usize| i64::try_from(n).unwrap();
        let arena = self.arena;
        let text = |n: usize| Value::String(arena.alloc_str(&format!("{n:x}")));
        match element {
            Type::Int => vec![
                self.list(|n| Value::Int(signed(n))),
                self.list(|n| Value::Int(-signed(n))),
                self.list(|n| Value::Int(signed(n.wrapping_mul(2_654_435_761) >> 8 & 0xffff))),
                self.list(|_| Value::Int(1)),
            ],
            Type::Uint => vec![self.list(|n| Value::Uint((!n) as u64 & 0xffff))],
            Type::Double => vec![
                self.list(|n| Value::Double(-(signed(n) as f64))),
                self.list(|_| Value::Double(f64::NAN)),
            ],
            Type::Bool => vec![self.list(|n| Value::Bool(n % 2 == 0))],
            Type::String => vec![
                self.list(text),
                self.list(|_| Value::String("")),
                Value::List(arena.alloc_slice_copy(&self.texts)),
                Value::List(arena.alloc_slice_copy(&[self.texts[0]; 8])),
            ],
            Type::Bytes => vec![self.list(|n| Value::Bytes(&[b'b', b'a'][n % 2..]))],
            Type::Duration => vec![self.list(|n| Value::Duration(-signed(n)))],
            Type::Timestamp => {
                vec![self.list(|n| Value::Timestamp(Timestamp { seconds: -signed(n), nanos: 0, offset: 0 }))]
            }
            Type::List(_) => vec![
                self.list(|_| Value::List(&[])),
                self.list(|n| Value::List(arena.alloc_slice_copy(&[Value::Int(signed(n)); 3]))),
            ],
            Type::Opaque("optional_type", _) => vec![
                self.list(|_| Value::Optional(None)),
                self.list(|_| Value::Optional(Some(arena.alloc(Value::Int(1))))),
            ],
            _ => vec![
                self.list(|n| Value::Int(signed(n))),
                self.list(text),
                self.list(|n| if n % 2 == 0 { text(n) } else { Value::Double(f64::NAN) }),
                self.nested(),
            ],
        }
    }

    /// Lists in lists, as deep as the engine reads JSON.
    fn nested(&self) -> Value<'a> {
        (0..self.size.min(200)).fold(Value::List(&[]), |inner, _| {
            Value::List(self.arena.alloc_slice_copy(&[inner, Value::Int(1)]))
        })
    }

    fn maps(&self, ty: &Type) -> Vec<Value<'a>> {
        let held = self.of(match ty {
            Type::Param(_) | Type::Dyn | Type::Any => &Type::String,
            Type::Map(_) => return Vec::new(),
            other => other,
        });
        let Some(first) = held.first() else { return Vec::new() };
        let mut map = MapBuilder::with_capacity(self.arena, self.count() / 4);
        for n in 0..(self.count() / 4).max(1) {
            map.insert(Value::String(self.arena.alloc_str(&format!("k{n:x}"))), *first);
        }
        vec![Value::Map(map.finish())]
    }

    /// A message or struct with something large in every field, two levels deep.
    fn object(&self, name: &'static str, depth: usize) -> Option<Value<'a>> {
        let ty = object_type(name)?;
        let fields = ty.fields.iter().map(|field| match field.ty.as_ref()? {
            Type::Struct(inner) if depth < 2 => self.object(inner, depth + 1),
            Type::Struct(_) => None,
            ty => self.of(ty).into_iter().next(),
        });
        let fields: Vec<_> = fields.collect();
        let fields = self.arena.alloc_slice_copy(&fields);
        Some(Value::Object(self.arena.alloc(Object { ty, fields, tagged: true })))
    }
}
