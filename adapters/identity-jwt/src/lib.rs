//! interim, replaced by the full adapter
use async_trait::async_trait;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use phoneproof_domain::ports::{Clock, Identity, IdentityError, IdentityProvider};
use std::sync::Arc;
/// x
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options { /// x
 pub issuer: String }
/// x
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct ConfigError;
/// x
pub struct JwtIdentityProvider { keys: JwkSet, issuer: String, audience: String, clock: Arc<dyn Clock> }
impl JwtIdentityProvider {
    /// x
    pub fn new(_o: Options, _c: Arc<dyn Clock>) -> Result<Self, ConfigError> { Err(ConfigError) }
    /// x
    pub fn with_jwks(issuer: &str, audience: &str, jwks: &str, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        Ok(Self { keys: serde_json::from_str(jwks).map_err(|_| ConfigError)?, issuer: issuer.into(), audience: audience.into(), clock })
    }
}
#[derive(serde::Deserialize)]
struct Claims { sub: String, exp: i64 }
#[async_trait]
impl IdentityProvider for JwtIdentityProvider {
    async fn identify(&self, token: &str) -> Result<Identity, IdentityError> {
        let bad = |e: String| IdentityError::Invalid(e.into());
        let header = decode_header(token).map_err(|e| bad(e.to_string()))?;
        let jwk = self.keys.find(header.kid.as_deref().unwrap_or("")).ok_or_else(|| bad("kid".into()))?;
        let mut v = Validation::new(jsonwebtoken::Algorithm::EdDSA);
        v.validate_exp = false;
        v.set_issuer(&[&self.issuer]);
        v.set_audience(&[&self.audience]);
        let c = decode::<Claims>(token, &DecodingKey::from_jwk(jwk).map_err(|e| bad(e.to_string()))?, &v).map_err(|e| bad(e.to_string()))?.claims;
        if c.exp + 5 < self.clock.now().as_seconds() { return Err(bad("expired".into())); }
        Ok(Identity { user: c.sub.parse().map_err(|_| bad("sub".into()))? })
    }
}
