//! What a provider's claim changes and what it leaves alone, then the invariants under random claims and changes.

use proptest::prelude::*;

use super::*;
use crate::testing::policy;
use crate::user_phones::{AdminNumber, Standing};
use crate::{CodeHash, UserPhones};

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn id(n: usize) -> PhoneNumberId {
    format!("idn_{n:027}").parse().unwrap()
}

fn number(n: usize) -> E164 {
    format!("+1415555{n:04}").parse().unwrap()
}

fn codes() -> [CodeHash; 1] {
    [CodeHash::from_bytes([7; 32])]
}

fn added(phones: &mut UserPhones, n: usize, standing: Standing) {
    let new = AdminNumber {
        id: id(n),
        number: number(n),
        standing,
        primary: false,
        reserved_for_second_factor: false,
    };
    phones.add_by_admin(new, &[], at(0)).unwrap();
}

/// Follows a claim about number `n`.
fn claimed(phones: &mut UserPhones, n: usize, verified: bool) -> Option<PhoneError> {
    phones.follow(&number(n), verified, id(n), at(100), &policy())
}

/// The numbers, each with whether it is verified and linked.
fn shown(phones: &UserPhones) -> Vec<(E164, bool, bool)> {
    let numbers = phones.numbers().iter();
    numbers
        .map(|own| (own.number.clone(), own.is_verified(), own.linked))
        .collect()
}

#[test]
fn a_verified_number_is_added_verified_and_linked() {
    let mut phones = UserPhones::default();
    assert_eq!(claimed(&mut phones, 1, true), None);
    assert_eq!(shown(&phones), [(number(1), true, true)]);
    assert_eq!(phones.numbers()[0].verification, Verification::ByProvider);
    assert_eq!(phones.primary(), Some(&id(1)));
}

#[test]
fn an_unverified_number_is_not_added() {
    let mut phones = UserPhones::default();
    assert_eq!(claimed(&mut phones, 1, false), None);
    assert_eq!(phones, UserPhones::default());
}

#[test]
fn a_number_that_is_there_is_proven_if_need_be_and_linked() {
    for (standing, verification) in [
        (Standing::Unverified, Verification::ByProvider),
        (Standing::Reserved, Verification::ByProvider),
        (Standing::Verified, Verification::ByAdmin),
    ] {
        let mut phones = UserPhones::default();
        added(&mut phones, 1, standing);
        assert_eq!(claimed(&mut phones, 1, true), None);
        assert_eq!(shown(&phones), [(number(1), true, true)], "{standing:?}");
        let own = phones.get(&id(1)).unwrap();
        assert_eq!((&own.verification, own.held), (&verification, false), "{standing:?}");
    }
}

#[test]
fn another_number_takes_the_place_of_the_last_one() {
    let mut phones = UserPhones::default();
    claimed(&mut phones, 1, true);
    added(&mut phones, 5, Standing::Verified);
    assert_eq!(phones.primary(), Some(&id(1)));
    assert_eq!(claimed(&mut phones, 2, true), None);
    assert_eq!(shown(&phones), [(number(5), true, false), (number(2), true, true)]);
    assert_eq!(phones.primary(), Some(&id(2)), "as the one before was");

    phones.make_primary(&id(5)).unwrap();
    claimed(&mut phones, 3, true);
    assert_eq!(phones.primary(), Some(&id(5)), "the user has chosen another one");
}

#[test]
fn a_number_that_the_user_has_proven_is_unlinked_and_stays() {
    let mut phones = UserPhones::default();
    added(&mut phones, 1, Standing::Verified);
    claimed(&mut phones, 1, true);
    assert_eq!(claimed(&mut phones, 2, true), None);
    assert_eq!(shown(&phones), [(number(1), true, false), (number(2), true, true)]);
    claimed(&mut phones, 1, true);
    assert_eq!(claimed(&mut phones, 1, false), None);
    assert_eq!(shown(&phones), [(number(1), true, false)]);
}

#[test]
fn a_number_that_is_no_longer_verified_loses_its_proof_and_another_unverified_one_replaces_it() {
    let mut phones = UserPhones::default();
    added(&mut phones, 5, Standing::Verified);
    claimed(&mut phones, 1, true);
    assert_eq!(claimed(&mut phones, 1, false), None);
    assert_eq!(shown(&phones), [(number(5), true, false), (number(1), false, false)]);
    claimed(&mut phones, 1, true);
    assert_eq!(claimed(&mut phones, 2, false), None);
    assert_eq!(shown(&phones), [(number(5), true, false)]);
}

#[test]
fn a_claim_takes_away_no_second_factor() {
    for (next, verified) in [(2, true), (2, false), (1, false)] {
        let mut phones = UserPhones::default();
        added(&mut phones, 5, Standing::Verified);
        claimed(&mut phones, 1, true);
        phones.reserve(&id(1), &codes(), at(1), &policy()).unwrap();
        assert_eq!(claimed(&mut phones, next, verified), Some(PhoneError::LastSecondFactor));
        let own = phones.get(&id(1)).unwrap();
        assert!(own.is_verified() && own.reserved_for_second_factor && !own.linked);
        assert!(phones.backup_code_enabled());
        // It is the user's own from now on: no later claim touches it, and its user may remove it.
        assert_eq!(claimed(&mut phones, 3, true), None);
        assert!(phones.get(&id(1)).unwrap().reserved_for_second_factor);
        assert_eq!(phones.remove(&id(1), at(2), &policy()), Ok(()));
    }
}

#[test]
fn a_claim_takes_away_no_last_number_to_sign_in_with() {
    for (next, verified) in [(1, false), (2, false)] {
        let mut phones = UserPhones::default();
        claimed(&mut phones, 1, true);
        assert_eq!(
            claimed(&mut phones, next, verified),
            Some(PhoneError::LastIdentificationRemoved)
        );
        assert_eq!(shown(&phones), [(number(1), true, false)]);
        let elsewhere = Policy {
            used_for_first_factor: false,
            ..policy()
        };
        let mut phones = UserPhones::default();
        claimed(&mut phones, 1, true);
        assert_eq!(
            phones.follow(&number(next), verified, id(next), at(100), &elsewhere),
            None
        );
        assert_eq!(phones.numbers().iter().filter(|own| own.is_verified()).count(), 0);
    }
}

#[test]
fn a_back_end_that_takes_the_proof_away_unlinks() {
    let mut phones = UserPhones::default();
    claimed(&mut phones, 1, true);
    phones.set_verified(&id(1), false, at(1)).unwrap();
    assert_eq!(shown(&phones), [(number(1), false, false)]);
}

#[test]
fn links_that_contradict_each_other_are_not_taken_back() {
    let mut phones = UserPhones::default();
    claimed(&mut phones, 1, true);
    added(&mut phones, 2, Standing::Verified);
    added(&mut phones, 3, Standing::Unverified);
    let with_link = |at: usize| {
        let mut parts = phones.parts().clone();
        parts.numbers[at].linked = true;
        UserPhones::restore(parts).is_ok()
    };
    assert_eq!([0, 1, 2].map(with_link), [true, false, false]);
    let mut parts = phones.parts().clone();
    parts.numbers[0].linked = false;
    parts.numbers[2].linked = true;
    assert!(UserPhones::restore(parts).is_err(), "one that is not verified");
}

#[derive(Debug, Clone)]
enum Step {
    Claim(usize, bool),
    Add(usize, Standing),
    Reserve(usize),
    Unreserve(usize),
    MakePrimary(usize),
    Remove(usize),
    SetVerified(usize, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..4usize;
    let standing = prop_oneof![
        Just(Standing::Verified),
        Just(Standing::Reserved),
        Just(Standing::Unverified)
    ];
    prop_oneof![
        6 => (n.clone(), any::<bool>()).prop_map(|(n, verified)| Step::Claim(n, verified)),
        3 => (n.clone(), standing).prop_map(|(n, standing)| Step::Add(n, standing)),
        2 => n.clone().prop_map(Step::Reserve),
        1 => n.clone().prop_map(Step::Unreserve),
        1 => n.clone().prop_map(Step::MakePrimary),
        2 => n.clone().prop_map(Step::Remove),
        1 => (n, any::<bool>()).prop_map(|(n, verified)| Step::SetVerified(n, verified)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// After each claim exactly the number that the provider vouches for is linked, and nobody has lost a second factor, the
    /// last number to sign in with, or a number that was proven otherwise.
    #[test]
    fn what_is_linked_is_what_the_provider_vouches_for(steps in proptest::collection::vec(step(), 1..60)) {
        let mut phones = UserPhones::default();
        for (turn, step) in steps.iter().enumerate() {
            let before = phones.clone();
            // Each number that is added has an identifier of its own.
            let (fresh, now) = (id(turn), at(i64::try_from(turn).unwrap()));
            let find = |phones: &UserPhones, n: usize| phones.find_by_number(&number(n)).map(|own| own.id.clone());
            match step.clone() {
                Step::Claim(n, verified) => {
                    let kept = phones.follow(&number(n), verified, fresh, now, &policy());
                    let linked = phones.linked().map(|own| own.number.clone());
                    prop_assert_eq!(linked, verified.then(|| number(n)));
                    for own in before.numbers() {
                        let after = phones.get(&own.id);
                        if own.reserved_for_second_factor || (own.is_verified() && own.verification != Verification::ByProvider) {
                            prop_assert!(after.is_some_and(|after| after.verification == own.verification));
                        }
                        if own.reserved_for_second_factor {
                            prop_assert!(after.is_some_and(|after| after.reserved_for_second_factor));
                        }
                        // What is neither linked nor named stays as it is.
                        if !own.linked && own.number != number(n) {
                            prop_assert_eq!(after, Some(own));
                        }
                    }
                    let identifies = |phones: &UserPhones| phones.numbers().iter().any(PhoneNumber::identifies);
                    prop_assert!(!identifies(&before) || identifies(&phones));
                    prop_assert!(kept.is_none() || before.linked().is_some());
                    // The same claim once more says nothing.
                    let followed = phones.clone();
                    phones.follow(&number(n), verified, id(turn + 1000), now, &policy());
                    prop_assert_eq!(&phones, &followed);
                }
                Step::Add(n, standing) => {
                    let new = AdminNumber { id: fresh, number: number(n), standing, primary: false, reserved_for_second_factor: false };
                    let _ = phones.add_by_admin(new, &[], now);
                }
                Step::Reserve(n) => { let _ = find(&phones, n).map(|id| phones.reserve(&id, &codes(), now, &policy())); }
                Step::Unreserve(n) => { let _ = find(&phones, n).map(|id| phones.unreserve(&id, now)); }
                Step::MakePrimary(n) => { let _ = find(&phones, n).map(|id| phones.make_primary(&id)); }
                Step::Remove(n) => { let _ = find(&phones, n).map(|id| phones.remove(&id, now, &policy())); }
                Step::SetVerified(n, verified) => { let _ = find(&phones, n).map(|id| phones.set_verified(&id, verified, now)); }
            }
            prop_assert_eq!(phones.check(), Ok(()));
        }
    }
}
