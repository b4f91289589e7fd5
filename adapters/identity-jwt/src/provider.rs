use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use phoneproof_domain::ports::{BoxError, Clock, Identity, IdentityError, IdentityProvider};
use phoneproof_domain::{ProviderName, ProviderPhone};
use serde::Deserialize;

use crate::claims::{Claims, Window};
use crate::options::{Algorithm, ConfigError, Options, PhoneNumbers};
use crate::origin::Origin;
use crate::source::{Kept, Source};
use crate::verified::Verified;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How far the clocks of our own issuer and server may differ, in seconds.
const OWN_LEEWAY: u32 = 5;

/// Recognises the users of one issuer by its tokens.
pub struct JwtIdentityProvider {
    issuer: String,
    audience: Vec<String>,
    leeway: u32,
    /// The name under which the word of the provider on phone numbers counts; none if it does not.
    phones_from: Option<ProviderName>,
    source: Source,
    verified: Verified,
    clock: Arc<dyn Clock>,
}

/// Anybody's words, to find out whose token it is.
#[derive(Deserialize)]
struct Unverified {
    iss: Option<String>,
}

impl JwtIdentityProvider {
    /// The configured provider. Keys from a URL are fetched when the first token comes.
    ///
    /// # Errors
    /// [`ConfigError`] naming the option that cannot work.
    pub fn new(options: Options, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        options.check()?;
        let (origin, start) = match (&options.jwks_url, options.jwks_file) {
            (Some(url), None) => (Origin::url(url, Duration::from_millis(options.timeout_ms))?, None),
            (None, Some(path)) => {
                let jwks = std::fs::read_to_string(&path)
                    .map_err(|error| ConfigError(format!("jwks_file: cannot read {}: {error}", path.display())))?;
                (Origin::File(path), Some(jwks))
            }
            _ => {
                return Err(ConfigError(
                    "one of jwks_url and jwks_file says where the keys are".to_owned(),
                ));
            }
        };
        let mut source = Source::new(origin, options.algorithms, Duration::from_secs(options.max_age_seconds));
        if let Some(jwks) = start {
            source = source
                .starting_with(&jwks, clock.now())
                .map_err(|error| ConfigError(format!("jwks_file: {error}")))?;
        }
        let (issuer, audience, leeway) = (options.issuer, options.audience, options.leeway_seconds);
        let phones_from = match options.phone_numbers {
            PhoneNumbers::Off => None,
            PhoneNumbers::Trust => Some(options.name),
        };
        Ok(Self {
            issuer,
            audience,
            leeway,
            phones_from,
            source,
            verified: Verified::default(),
            clock,
        })
    }

    /// A provider whose keys never change.
    ///
    /// # Errors
    /// [`ConfigError`] if `jwks` holds no usable key.
    pub fn with_jwks(issuer: &str, audience: &str, jwks: &str, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let source =
            Source::new(Origin::Fixed, Algorithm::ALL.to_vec(), Duration::MAX).starting_with(jwks, clock.now())?;
        let (issuer, audience) = (issuer.to_owned(), vec![audience.to_owned()]);
        Ok(Self {
            issuer,
            audience,
            leeway: OWN_LEEWAY,
            phones_from: None,
            source,
            verified: Verified::default(),
            clock,
        })
    }

    /// Checks the signature and all claims but the times, with the keys at hand.
    fn check(&self, token: &str, kid: Option<&str>, kept: &Kept) -> Result<Option<(Identity, Window)>, IdentityError> {
        let Some(key) = kept.keys.find(kid) else {
            return Ok(None);
        };
        let mut validation = Validation::new(key.algorithm.jws());
        // Times are checked against the port's clock, the audience by ourselves: the library lets a
        // token without `aud` pass.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = decode::<Claims>(token, &key.decoding, &validation)
            .map_err(|error| invalid(reason(&error)))?
            .claims;
        if claims.iss != self.issuer {
            return Err(IdentityError::NotMine);
        }
        claims.is_for(&self.audience).map_err(invalid)?;
        let user = claims
            .sub
            .parse()
            .map_err(|_| invalid("the token names no possible user"))?;
        let email = claims.email();
        let phone = self.phones_from.as_ref().zip(claims.phone());
        let phone = phone.map(|(provider, claim)| ProviderPhone {
            provider: provider.clone(),
            claim,
            issued_at: claims.issued_at(),
        });
        Ok(Some((Identity { user, email, phone }, claims.window())))
    }

    /// Checks a token that is not remembered.
    async fn verify(&self, token: &str, mut kept: Kept) -> Result<Identity, IdentityError> {
        // This reads the claims and checks nothing: it only says whose token it would be. The header
        // is not looked at, for another issuer's algorithm may be one that does not exist here.
        let claimed = jsonwebtoken::dangerous::insecure_decode_claims::<Unverified>(token);
        match claimed.map_err(|error| invalid(reason(&error)))?.iss {
            Some(issuer) if issuer == self.issuer => {}
            Some(_) => return Err(IdentityError::NotMine),
            None => return Err(invalid("the token names no issuer")),
        }
        let header = decode_header(token).map_err(|error| invalid(reason(&error)))?;
        // RFC 7515 §4.1.11: who does not understand an extension that is critical refuses the token.
        // None is understood here, and the library does not look.
        if header.crit.is_some() {
            return Err(invalid("the token needs an extension that is unknown here"));
        }
        let kid = header.kid.as_deref();
        let mut checked = self.check(token, kid, &kept)?;
        if checked.is_none() {
            kept = self.source.renewed(&kept, self.clock.now()).await;
            if kept.keys.len() == 0 {
                return Err(IdentityError::Unavailable("no keys have been had yet".into()));
            }
            checked = self.check(token, kid, &kept)?;
        }
        let (identity, window) = checked.ok_or_else(|| invalid("the token is signed with an unknown key"))?;
        self.holds(window)?;
        self.verified.remember(token, kept.version, identity.clone(), window);
        Ok(identity)
    }

    fn holds(&self, window: Window) -> Result<(), IdentityError> {
        window.holds(self.clock.now(), self.leeway).map_err(invalid)
    }
}

#[async_trait]
impl IdentityProvider for JwtIdentityProvider {
    async fn identify(&self, token: &str) -> Result<Identity, IdentityError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(invalid("the token is too long"));
        }
        let kept = self.source.kept(self.clock.now()).await;
        let identity = match self.verified.find(token, kept.version) {
            Some((identity, window)) => {
                self.holds(window)?;
                identity
            }
            None => self.verify(token, kept).await?,
        };
        Ok(identity)
    }
}

fn invalid(cause: impl Into<BoxError>) -> IdentityError {
    IdentityError::Invalid(cause.into())
}

/// The library's error without anything of the token in it.
fn reason(error: &jsonwebtoken::errors::Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidSignature => "the signature is wrong",
        ErrorKind::InvalidAlgorithm => "the algorithm is not the key's",
        ErrorKind::Json(_) => "a required claim is missing or of the wrong type",
        _ => "the token is malformed",
    }
}
