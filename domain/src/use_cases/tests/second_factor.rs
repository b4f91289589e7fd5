//! The second factor and its backup codes.

use super::*;

#[tokio::test]
async fn backup_codes_are_shown_once_and_kept_as_hashes() {
    let cases = Mocks::default().commits(2).cases();
    let on = SecondFactorUpdate {
        reserved: Some(true),
        default: None,
    };
    let actor = by_token(Some(verified_user(2, 0)));
    let (user, codes) = cases
        .update_second_factor(&actor, &phone_id(), on)
        .await
        .unwrap()
        .outcome;
    let codes = codes.unwrap();
    let stored: Vec<_> = user.phones.parts().backup_codes.iter().map(|code| code.hash).collect();
    assert_eq!(stored, cases.hash_backup_codes(&user_id(), &codes));
    assert_eq!(codes.len(), 10);
    // Without backup codes on the instance, none are issued.
    let without = Policy {
        backup_codes: false,
        ..policy()
    };
    let plain = UseCases {
        policy: Arc::new(without),
        ..cases
    };
    let done = plain.update_second_factor(&actor, &phone_id(), on).await.unwrap();
    assert_eq!(done.outcome.1, None);
    assert!(plain.renew_backup_codes(&actor).await.is_err());
}
