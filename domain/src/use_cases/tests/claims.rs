//! What a token says of its user's number: when it is followed, what that writes, and what is left alone.

use super::*;
use crate::actor::ByToken;
use crate::ports::Identity;
use crate::use_cases::{ClaimConflict, ConflictReason};
use crate::{ExternalAccount, PhoneClaim, ProviderPhone};

const ISSUED: Timestamp = Timestamp::from_millis(1_699_999_990_000);

fn said(number: &str, verified: bool) -> ProviderPhone {
    ProviderPhone {
        provider: "acme".parse().unwrap(),
        claim: PhoneClaim::parse(number, verified),
        issued_at: Some(ISSUED),
    }
}

fn identity(said: Option<ProviderPhone>) -> Identity {
    Identity {
        user: user_id(),
        email: None,
        phone: said,
    }
}

/// A user for whom this claim was decided on at that time.
fn with_account(said: ProviderPhone, refused_at: Option<Timestamp>) -> User {
    User {
        external_account: Some(ExternalAccount {
            id: format!("idn_{:027}", 9).parse().unwrap(),
            provider: said.provider,
            claim: said.claim,
            issued_at: said.issued_at,
            refused_at,
        }),
        ..verified_user(1, 0)
    }
}

async fn by_token(cases: &UseCases, said: ProviderPhone) -> ByToken {
    let identity = identity(Some(said));
    cases.by_token(identity, RequestContext::default()).await.unwrap()
}

fn reason(found: &ByToken) -> Option<ConflictReason> {
    found.conflict.as_ref().map(|conflict| conflict.reason)
}

#[tokio::test]
async fn at_first_sight_user_and_number_are_one_commit() {
    let mut mocks = Mocks::default().nobody_owns_anything();
    mocks.users.expect_load().times(2).returning(|_| Ok(None));
    mocks
        .commits
        .expect_commit()
        .times(1)
        .withf(|writes| {
            let user = written_user(writes).unwrap();
            let account = user.external_account.as_ref().unwrap();
            let own = &user.phones.numbers()[0];
            writes.len() == 1
                && own.number == nth_number(1)
                && own.is_verified()
                && own.linked
                && account.refused_at.is_none()
                && account.provider.to_string() == "acme"
                && user.last_active_at.is_some()
        })
        .returning(|_| Ok(()));
    let found = by_token(&mocks.cases(), said("+1 (415) 555-2671", true)).await;
    assert_eq!(reason(&found), None);
}

#[tokio::test]
async fn a_claim_that_says_nothing_new_asks_nobody_and_writes_nothing() {
    let followed = said("+14155552679", true);
    let older = ProviderPhone {
        issued_at: Some(Timestamp::from_millis(ISSUED.as_millis() - 1)),
        ..said("+14155552678", true)
    };
    for (account, now_said) in [
        // The user has removed the number since: it does not come back.
        (with_account(followed.clone(), None), followed.clone()),
        (with_account(followed.clone(), None), older),
        (with_account(followed.clone(), Some(NOW)), followed),
        (verified_user(1, 0), said("+14155552679", false)),
    ] {
        let mut mocks = Mocks::default();
        let known = account.clone();
        mocks
            .users
            .expect_load()
            .times(1)
            .returning(move |_| Ok(Some(loaded(known.clone()))));
        let found = by_token(&mocks.cases(), now_said).await;
        assert_eq!(found.user.map(|user| user.aggregate), Some(account));
        assert_eq!(found.conflict, None);
    }
    // Nor does a token without the claim, or whose word is not believed.
    let mocks = Mocks::default().stored(with_account(said("+14155552679", true), None));
    let found = mocks
        .cases()
        .by_token(identity(None), RequestContext::default())
        .await
        .unwrap();
    assert_eq!(found.conflict, None);
}

#[tokio::test]
async fn the_banned_and_the_locked_get_no_number() {
    let banned = User {
        banned: true,
        ..verified_user(1, 0)
    };
    let locked = User {
        locked_until: Some(NOW.plus(Duration::from_secs(1))),
        ..verified_user(1, 0)
    };
    for user in [banned, locked] {
        let found = by_token(&Mocks::default().stored(user).cases(), said("+14155552679", true)).await;
        assert_eq!(found.conflict, None);
    }
}

#[tokio::test]
async fn a_followed_claim_ends_sessions_and_keeps_the_account() {
    let before = with_account(said("+14155552678", true), None);
    let (account, generation) = (before.external_account.clone().unwrap(), before.sessions_generation);
    let mut mocks = Mocks::default().nobody_owns_anything().stored(before);
    mocks
        .commits
        .expect_commit()
        .times(1)
        .withf(move |writes| {
            let user = written_user(writes).unwrap();
            user.sessions_generation == generation + 1
                && user.updated_at > NOW
                && user.external_account.as_ref().is_some_and(|now| now.id == account.id)
                && user.phones.linked().is_some_and(|own| own.number == nth_number(9))
        })
        .returning(|_| Ok(()));
    let found = by_token(&mocks.cases(), said("+14155552679", true)).await;
    assert_eq!(reason(&found), None);
}

#[tokio::test]
async fn a_conflict_is_remembered_and_changes_nothing_else() {
    let taken = || {
        let mut mocks = Mocks::default();
        let other: UserId = "user_b".parse().unwrap();
        mocks
            .directory
            .expect_owner_of()
            .returning(move |_| Ok(Some(other.clone())));
        mocks
    };
    let abroad: E164 = "+442079460958".parse().unwrap();
    let not_allowed = policy().admit(&abroad).unwrap_err();
    for (mocks, now_said, expected) in [
        (taken(), said("+14155552679", true), ConflictReason::Taken),
        (Mocks::default(), said(abroad.as_str(), true), not_allowed.into()),
        (Mocks::default(), said("nonsense", true), ConflictReason::Malformed),
        // Well-formed, but there is no such number.
        (Mocks::default(), said("+12345", true), ConflictReason::Malformed),
    ] {
        let before = verified_user(1, 0);
        let mut mocks = mocks.stored(before.clone());
        let claim = now_said.claim.clone();
        mocks
            .commits
            .expect_commit()
            .times(1)
            .withf(move |writes| {
                let user = written_user(writes).unwrap();
                let account = user.external_account.clone().unwrap();
                let unchanged = User {
                    external_account: None,
                    ..user.clone()
                };
                writes.len() == 1 && unchanged == before && account.claim == claim && account.refused_at == Some(NOW)
            })
            .returning(|_| Ok(()));
        let found = by_token(&mocks.cases(), now_said).await;
        assert_eq!(reason(&found), Some(expected));
    }
}

#[tokio::test]
async fn nobody_is_made_for_a_claim_that_is_refused() {
    let mut mocks = Mocks::default();
    mocks.users.expect_load().times(1).returning(|_| Ok(None));
    let found = by_token(&mocks.cases(), said("+442079460958", true)).await;
    assert!(found.user.is_none());
    let number = found.conflict.unwrap().number.unwrap();
    assert_eq!(number.as_str(), "+442079460958");
}

#[tokio::test]
async fn a_number_lost_to_somebody_quicker_is_a_conflict() {
    let mut order = Sequence::new();
    let mut mocks = Mocks::default().nobody_owns_anything().stored(verified_user(1, 0));
    mocks
        .commits
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Err(CommitError::Taken(Unique::PhoneNumber)));
    mocks
        .commits
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .withf(|writes| {
            let user = written_user(writes).unwrap();
            let account = user.external_account.as_ref().unwrap();
            account.refused_at == Some(NOW) && user.phones == verified_user(1, 0).phones
        })
        .returning(|_| Ok(()));
    let found = by_token(&mocks.cases(), said("+14155552679", true)).await;
    assert_eq!(
        found.conflict,
        Some(ClaimConflict {
            number: Some(nth_number(9)),
            reason: ConflictReason::Taken
        })
    );
}

#[tokio::test]
async fn of_two_requests_with_one_claim_the_second_finds_nothing_to_do() {
    let claim = said("+14155552679", true);
    let mut mocks = Mocks::default().nobody_owns_anything();
    let mut order = Sequence::new();
    mocks
        .users
        .expect_load()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(Some(loaded(verified_user(1, 0)))));
    mocks
        .commits
        .expect_commit()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Err(CommitError::Stale));
    let followed = with_account(claim.clone(), None);
    mocks
        .users
        .expect_load()
        .times(2)
        .in_sequence(&mut order)
        .returning(move |_| Ok(Some(loaded(followed.clone()))));
    let found = by_token(&mocks.cases(), claim).await;
    assert_eq!(found.conflict, None);
}

#[tokio::test]
async fn another_name_of_the_provider_brings_no_removed_number_back() {
    let mut mocks = Mocks::default()
        .nobody_owns_anything()
        .stored(with_account(said("+14155552679", true), None));
    mocks
        .commits
        .expect_commit()
        .times(1)
        .withf(|writes| {
            let user = written_user(writes).unwrap();
            let account = user.external_account.as_ref().unwrap();
            account.provider.to_string() == "renamed" && user.phones == verified_user(1, 0).phones
        })
        .returning(|_| Ok(()));
    let renamed = ProviderPhone {
        provider: "renamed".parse().unwrap(),
        ..said("+14155552679", true)
    };
    let found = by_token(&mocks.cases(), renamed).await;
    assert_eq!(found.conflict, None);
}

#[tokio::test]
async fn a_store_that_fails_is_said_to_fail() {
    let mut mocks = Mocks::default().nobody_owns_anything().stored(verified_user(1, 0));
    mocks
        .commits
        .expect_commit()
        .returning(|_| Err(StoreError::Unavailable("gone".into()).into()));
    let identity = identity(Some(said("+14155552679", true)));
    let failed = mocks.cases().by_token(identity, RequestContext::default()).await;
    assert!(matches!(failed, Err(StoreError::Unavailable(_))));
}
