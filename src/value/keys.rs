//! Sets of public keys as data. How they are read and used is the `jwt` library's business.

/// A set of keys: what a JWK set says, or one secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    /// The keys in their order.
    pub keys: Vec<Key>,
}

impl KeySet {
    /// True if a key has this name.
    pub fn has(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

/// One key.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// `kid`, the name by which a token asks for the key.
    pub id: Option<String>,
    /// `use`: `sig`, `enc` …
    pub usage: Option<String>,
    /// `alg`: the only algorithm that the key is for, if it says so.
    pub algorithm: Option<String>,
    /// The key itself.
    pub material: Material,
    /// True if the private half came with it.
    pub private: bool,
}

/// What a key is made of.
#[derive(Clone, PartialEq, Eq)]
pub enum Material {
    /// A secret, `kty: oct`.
    Secret(Vec<u8>),
    /// `kty: RSA`: modulus and public exponent, big-endian.
    Rsa {
        /// The modulus.
        n: Vec<u8>,
        /// The public exponent.
        e: Vec<u8>,
    },
    /// `kty: EC`: a point on a NIST curve, big-endian coordinates of the curve's length.
    Ec {
        /// The curve.
        curve: Curve,
        /// The first coordinate.
        x: Vec<u8>,
        /// The second coordinate.
        y: Vec<u8>,
    },
    /// `kty: OKP`: the public key's bytes.
    Okp {
        /// `crv`: `Ed25519`, `X25519` …
        curve: String,
        /// The public key.
        x: Vec<u8>,
    },
}

/// A NIST curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// `P-256`
    P256,
    /// `P-384`
    P384,
    /// `P-521`
    P521,
}

impl Curve {
    /// The name in `crv`.
    pub fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
        }
    }

    /// The bytes of a coordinate.
    pub fn bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The bits of a coordinate.
    pub fn bits(self) -> usize {
        match self {
            Curve::P256 => 256,
            Curve::P384 => 384,
            Curve::P521 => 521,
        }
    }
}

impl std::fmt::Debug for Key {
    /// Without the material: it may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("usage", &self.usage)
            .field("algorithm", &self.algorithm)
            .field("type", &self.material.type_name())
            .finish_non_exhaustive()
    }
}

impl Material {
    /// `kty`
    pub fn type_name(&self) -> &'static str {
        match self {
            Material::Secret(_) => "oct",
            Material::Rsa { .. } => "RSA",
            Material::Ec { .. } => "EC",
            Material::Okp { .. } => "OKP",
        }
    }
}
