//! What every [`IdentityProvider`] must do.

use crate::UserId;
use crate::ports::{IdentityError, IdentityProvider};

/// Tokens that the test of an adapter brings along.
#[derive(Debug, Clone)]
pub struct Samples {
    /// A token that is valid now.
    pub good: String,
    /// Whose it is.
    pub user: UserId,
    /// A token of another issuer.
    pub foreign: String,
    /// Tokens that look like this issuer's and are not valid, each with the reason.
    pub bad: Vec<(&'static str, String)>,
}

/// Runs the whole suite.
pub async fn all(provider: &dyn IdentityProvider, samples: &Samples) {
    for round in ["first", "second"] {
        let identity = provider.identify(&samples.good).await;
        assert!(
            identity.as_ref().is_ok_and(|identity| identity.user == samples.user),
            "{round} time: {identity:?}"
        );
    }
    let foreign = provider.identify(&samples.foreign).await;
    assert!(
        matches!(foreign, Err(IdentityError::NotMine)),
        "a token of another issuer: {foreign:?}"
    );
    let garbage = [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "é",
        "\u{0}",
        "null",
        &"x".repeat(100_000),
    ]
    .map(|text| ("garbage", text.to_owned()));
    for (reason, token) in samples.bad.iter().cloned().chain(garbage) {
        let outcome = provider.identify(&token).await;
        assert!(
            matches!(outcome, Err(IdentityError::Invalid(_))),
            "{reason}: {outcome:?}"
        );
        let told = format!("{outcome:?}");
        assert!(
            token.len() < 8 || !told.contains(&token),
            "{reason}: the error quotes the token"
        );
    }
    // What was refused did no harm.
    assert!(provider.identify(&samples.good).await.is_ok());
}
