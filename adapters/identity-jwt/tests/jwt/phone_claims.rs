//! What a token says of the phone number counts only where the operator trusts the provider in that.

use crate::issuer::{HandSet, NOW, Signer, claims, jwks};
use crate::key_sources::options;
use phoneproof_domain::ports::IdentityProvider;
use phoneproof_domain::{PhoneClaim, ProviderPhone, Timestamp};
use phoneproof_identity_jwt::{JwtIdentityProvider, Options, PhoneNumbers};
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn the_claim_is_answered_with_the_provider_and_the_time_of_issue_if_it_is_trusted() {
    let (signer, folder) = (Signer::ed25519(), tempfile::tempdir().unwrap());
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, jwks(&[signer.jwk("k")])).unwrap();
    let provider = |phone_numbers| {
        let options = Options {
            jwks_file: Some(path.clone()),
            phone_numbers,
            ..options()
        };
        JwtIdentityProvider::new(options, Arc::new(HandSet::at_now())).unwrap()
    };
    let mut with_number = claims();
    with_number["phone_number"] = json!("+1 (415) 555-2671");
    with_number["phone_number_verified"] = json!(true);
    let said = ProviderPhone {
        provider: "acme".parse().unwrap(),
        claim: PhoneClaim::parse("+14155552671", true),
        issued_at: Some(Timestamp::from_millis(NOW * 1000)),
    };
    for (phone_numbers, claims, expected) in [
        (PhoneNumbers::Trust, &with_number, Some(said)),
        (PhoneNumbers::Trust, &claims(), None),
        (PhoneNumbers::Off, &with_number, None),
    ] {
        let provider = provider(phone_numbers);
        let token = signer.sign("k", claims);
        // The second time the token is remembered.
        for _ in 0..2 {
            assert_eq!(provider.identify(&token).await.unwrap().phone, expected);
        }
    }
}
