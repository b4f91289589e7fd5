//! The rules one by one, then the invariants under random sequences of everything one can do.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::testing::{hasher, policy};
use crate::{BackupCode, OtpCode, Purpose, VerificationStatus};

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn id(n: usize) -> PhoneNumberId {
    format!("idn_{n:027}").parse().unwrap()
}

fn number(n: usize) -> E164 {
    format!("+1415555{n:04}").parse().unwrap()
}

fn code(id: &PhoneNumberId, digits: &str) -> CodeHash {
    hasher().otp(Purpose::VerifyNumber(id), &OtpCode::parse(digits).unwrap())
}

fn right(n: usize) -> CodeHash {
    code(&id(n), "123456")
}

fn wrong(n: usize) -> CodeHash {
    code(&id(n), "654321")
}

fn backup_codes(seed: u64) -> Vec<CodeHash> {
    let user = "user_a".parse().unwrap();
    let entropy = crate::testing::Counting::from(seed);
    BackupCode::generate_set(&entropy)
        .iter()
        .map(|code| hasher().backup(&user, code))
        .collect()
}

/// A user with numbers 0…`verified` − 1, all verified by code.
fn with_verified(verified: usize) -> UserPhones {
    let mut phones = UserPhones::default();
    for n in 0..verified {
        phones.add(id(n), number(n), at(0), &policy()).unwrap();
        phones.prepare(&id(n), right(n), at(0), &policy()).unwrap();
        assert_eq!(
            phones.attempt(&id(n), right(n), at(1), &policy()),
            Ok(AttemptOutcome::Verified)
        );
    }
    phones
}

/// As above, with all but number 0 as second factors.
fn with_second_factors(verified: usize) -> UserPhones {
    let mut phones = with_verified(verified);
    for n in 1..verified {
        phones.reserve(&id(n), &backup_codes(0), at(2), &policy()).unwrap();
    }
    phones
}

fn status(phones: &UserPhones, n: usize, now: Timestamp) -> Option<VerificationStatus> {
    phones.get(&id(n)).unwrap().verification.status(now)
}

#[test]
fn a_new_number_is_unverified_and_stands_once() {
    let mut phones = UserPhones::default();
    phones.add(id(0), number(0), at(0), &policy()).unwrap();
    assert_eq!(status(&phones, 0, at(0)), None);
    assert_eq!(phones.add(id(1), number(0), at(0), &policy()), Err(PhoneError::Taken));
    assert_eq!((phones.numbers().len(), phones.primary()), (1, None));
}

#[test]
fn the_cap_counts_unverified_numbers_alone() {
    let mut phones = with_verified(3);
    for n in 3..8 {
        phones.add(id(n), number(n), at(0), &policy()).unwrap();
    }
    assert_eq!(
        phones.add(id(8), number(8), at(0), &policy()),
        Err(PhoneError::TooManyUnverified)
    );
    phones.remove(&id(7), at(0), &policy()).unwrap();
    assert_eq!(phones.add(id(8), number(8), at(0), &policy()), Ok(()));
}

#[test]
fn preparing_starts_anew_and_the_old_code_dies() {
    let mut phones = UserPhones::default();
    phones.add(id(0), number(0), at(0), &policy()).unwrap();
    assert_eq!(
        phones.attempt(&id(0), right(0), at(0), &policy()),
        Err(PhoneError::NotPrepared)
    );
    phones.prepare(&id(0), wrong(0), at(0), &policy()).unwrap();
    assert_eq!(
        phones.attempt(&id(0), right(0), at(1), &policy()),
        Ok(AttemptOutcome::WrongCode { attempts_left: 4 })
    );
    phones.prepare(&id(0), right(0), at(30), &policy()).unwrap();
    let verification = &phones.get(&id(0)).unwrap().verification;
    assert_eq!(
        (verification.attempts(), verification.expires_at()),
        (Some(0), Some(at(630)))
    );
    assert_eq!(
        phones.attempt(&id(0), wrong(0), at(31), &policy()),
        Ok(AttemptOutcome::WrongCode { attempts_left: 4 })
    );
    assert_eq!(
        phones.attempt(&id(0), right(0), at(32), &policy()),
        Ok(AttemptOutcome::Verified)
    );
    assert_eq!(
        phones.prepare(&id(0), right(0), at(99), &policy()),
        Err(PhoneError::AlreadyVerified)
    );
}

#[test]
fn another_code_is_made_after_thirty_seconds_whatever_the_clock_does() {
    let mut phones = UserPhones::default();
    phones.add(id(0), number(0), at(0), &policy()).unwrap();
    phones.prepare(&id(0), right(0), at(1000), &policy()).unwrap();
    let too_soon = |seconds| {
        Err(PhoneError::TooSoon {
            retry_after: Duration::from_secs(seconds),
        })
    };
    assert_eq!(phones.prepare(&id(0), right(0), at(1000), &policy()), too_soon(30));
    assert_eq!(phones.prepare(&id(0), right(0), at(1029), &policy()), too_soon(1));
    assert_eq!(phones.prepare(&id(0), right(0), at(990), &policy()), too_soon(20));
    assert_eq!(phones.prepare(&id(0), right(0), at(1000 - 3600), &policy()), Ok(()));
    let unlimited = Policy {
        resend_after: Duration::ZERO,
        ..policy()
    };
    assert_eq!(phones.prepare(&id(0), right(0), at(1000 - 3600), &unlimited), Ok(()));
}

#[test]
fn the_last_wrong_code_closes_the_verification_for_the_right_one_too() {
    let mut phones = UserPhones::default();
    phones.add(id(0), number(0), at(0), &policy()).unwrap();
    phones.prepare(&id(0), right(0), at(0), &policy()).unwrap();
    for attempts_left in [4, 3, 2, 1] {
        assert_eq!(
            phones.attempt(&id(0), wrong(0), at(1), &policy()),
            Ok(AttemptOutcome::WrongCode { attempts_left })
        );
    }
    for tried in [wrong(0), right(0), wrong(0)] {
        assert_eq!(
            phones.attempt(&id(0), tried, at(1), &policy()),
            Ok(AttemptOutcome::Failed)
        );
        assert_eq!(phones.get(&id(0)).unwrap().verification.attempts(), Some(5));
    }
    assert_eq!(status(&phones, 0, at(1)), Some(VerificationStatus::Failed));
}

#[test]
fn a_code_lives_for_ten_minutes_to_the_millisecond() {
    for (millis, outcome) in [(599_999, AttemptOutcome::Verified), (600_000, AttemptOutcome::Expired)] {
        let mut phones = UserPhones::default();
        phones.add(id(0), number(0), at(0), &policy()).unwrap();
        phones.prepare(&id(0), right(0), at(0), &policy()).unwrap();
        assert_eq!(
            phones.attempt(&id(0), right(0), Timestamp::from_millis(millis), &policy()),
            Ok(outcome)
        );
    }
}

#[test]
fn a_code_that_ran_out_reads_as_expired_and_stays_so() {
    let mut phones = UserPhones::default();
    phones.add(id(0), number(0), at(0), &policy()).unwrap();
    phones.prepare(&id(0), right(0), at(0), &policy()).unwrap();
    assert_eq!(status(&phones, 0, at(599)), Some(VerificationStatus::Unverified));
    assert_eq!(status(&phones, 0, at(600)), Some(VerificationStatus::Expired));
    assert_eq!(
        phones.attempt(&id(0), right(0), at(600), &policy()),
        Ok(AttemptOutcome::Expired)
    );
    assert_eq!(
        phones.attempt(&id(0), right(0), at(10), &policy()),
        Ok(AttemptOutcome::Expired)
    );
    assert_eq!(status(&phones, 0, at(10)), Some(VerificationStatus::Expired));
}

#[test]
fn a_code_of_one_number_is_worthless_for_another() {
    let mut phones = UserPhones::default();
    for n in [0, 1] {
        phones.add(id(n), number(n), at(0), &policy()).unwrap();
        phones.prepare(&id(n), right(n), at(0), &policy()).unwrap();
    }
    let elsewhere = code(&id(1), "123456");
    assert!(matches!(
        phones.attempt(&id(0), elsewhere, at(1), &policy()),
        Ok(AttemptOutcome::WrongCode { .. })
    ));
}

#[test]
fn the_first_verified_number_is_primary_and_hands_it_on() {
    let mut phones = with_verified(3);
    assert_eq!(phones.primary(), Some(&id(0)));
    phones.add(id(5), number(5), at(0), &policy()).unwrap();
    assert_eq!(phones.make_primary(&id(5)), Err(PhoneError::PrimaryUnverified));
    assert_eq!(phones.make_primary(&id(9)), Err(PhoneError::PrimaryNotFound));
    phones.make_primary(&id(2)).unwrap();
    phones.remove(&id(2), at(3), &policy()).unwrap();
    assert_eq!(phones.primary(), Some(&id(0)));
}

#[test]
fn a_second_factor_is_verified_and_not_the_last_to_sign_in_with() {
    let mut phones = with_verified(1);
    phones.add(id(1), number(1), at(0), &policy()).unwrap();
    assert_eq!(
        phones.reserve(&id(1), &[], at(2), &policy()),
        Err(PhoneError::SecondFactorUnverified)
    );
    assert_eq!(
        phones.reserve(&id(0), &[], at(2), &policy()),
        Err(PhoneError::LastIdentificationReserved)
    );
    assert_eq!(phones.reserve(&id(7), &[], at(2), &policy()), Err(PhoneError::NotFound));
    let elsewhere = Policy {
        used_for_first_factor: false,
        ..policy()
    };
    assert_eq!(phones.reserve(&id(0), &backup_codes(0), at(2), &elsewhere), Ok(true));
}

#[test]
fn the_first_second_factor_is_default_and_brings_backup_codes_once() {
    let mut phones = with_verified(3);
    assert_eq!(phones.reserve(&id(2), &backup_codes(0), at(5), &policy()), Ok(true));
    assert_eq!(phones.reserve(&id(1), &backup_codes(1), at(6), &policy()), Ok(false));
    assert!(phones.is_default_second_factor(&id(2)));
    assert_eq!(phones.parts().backup_codes.len(), 10);
    assert_eq!(phones.parts().backup_codes[0].hash, backup_codes(0)[0]);
    assert_eq!(phones.parts().mfa_enabled_at, Some(at(5)));
    assert_eq!(phones.reserve(&id(2), &backup_codes(2), at(7), &policy()), Ok(false));
}

#[test]
fn the_default_passes_to_the_oldest_and_the_last_takes_the_backup_codes_along() {
    let mut phones = with_second_factors(4);
    assert!(phones.is_default_second_factor(&id(1)));
    phones.make_default_second_factor(&id(3)).unwrap();
    assert_eq!(phones.must_not_be_default(&id(3)), Err(PhoneError::DefaultNeeded));
    assert_eq!(phones.must_not_be_default(&id(1)), Ok(()));
    assert_eq!(
        phones.make_default_second_factor(&id(0)),
        Err(PhoneError::NotASecondFactor)
    );
    phones.unreserve(&id(3), at(8)).unwrap();
    assert!(phones.is_default_second_factor(&id(1)));
    phones.remove(&id(1), at(9), &policy()).unwrap();
    assert!(phones.is_default_second_factor(&id(2)) && phones.backup_code_enabled());
    phones.unreserve(&id(2), at(10)).unwrap();
    assert!(!phones.has_reserved_number() && !phones.backup_code_enabled());
    assert_eq!(
        (phones.parts().mfa_enabled_at, phones.parts().mfa_disabled_at),
        (Some(at(2)), Some(at(10)))
    );
}

#[test]
fn the_last_number_to_sign_in_with_stays() {
    let mut phones = with_second_factors(2);
    phones.add(id(5), number(5), at(0), &policy()).unwrap();
    assert_eq!(
        phones.remove(&id(0), at(3), &policy()),
        Err(PhoneError::LastIdentificationRemoved)
    );
    assert_eq!(phones.remove(&id(5), at(3), &policy()), Ok(()));
    assert_eq!(phones.remove(&id(5), at(3), &policy()), Err(PhoneError::NotFound));
    assert_eq!(phones.remove(&id(1), at(3), &policy()), Ok(()));
    assert_eq!(phones.remove_by_admin(&id(0), at(3)), Ok(()));
    assert_eq!(phones.numbers(), []);
}

#[test]
fn backup_codes_are_renewed_as_a_whole_and_work_once() {
    let mut phones = with_verified(2);
    assert_eq!(
        phones.renew_backup_codes(&backup_codes(0)),
        Err(PhoneError::NoSecondFactor)
    );
    phones.reserve(&id(1), &backup_codes(0), at(2), &policy()).unwrap();
    let old = backup_codes(0)[3];
    assert_eq!(phones.redeem_backup_code(old, at(3)), Ok(()));
    assert_eq!(phones.redeem_backup_code(old, at(3)), Err(PhoneError::WrongBackupCode));
    phones.renew_backup_codes(&backup_codes(1)).unwrap();
    assert_eq!(
        phones.redeem_backup_code(backup_codes(0)[4], at(4)),
        Err(PhoneError::WrongBackupCode)
    );
    for fresh in backup_codes(1) {
        assert_eq!(phones.redeem_backup_code(fresh, at(5)), Ok(()));
    }
    assert!(!phones.backup_code_enabled());
}

#[test]
fn what_an_administrator_takes_away_is_handed_on() {
    let mut phones = with_second_factors(3);
    phones.set_verified(&id(1), false, at(4)).unwrap();
    assert!(phones.is_default_second_factor(&id(2)));
    assert_eq!(status(&phones, 1, at(4)), None);
    phones.set_verified(&id(0), false, at(5)).unwrap();
    assert_eq!(phones.primary(), Some(&id(2)));
    let new = AdminNumber {
        id: id(8),
        number: number(8),
        standing: Standing::Reserved,
        primary: true,
        reserved_for_second_factor: false,
    };
    phones.replace_all(new, at(6));
    assert_eq!(
        (phones.numbers().len(), phones.primary(), phones.has_reserved_number()),
        (1, None, false)
    );
    assert!(phones.get(&id(8)).unwrap().held);
}

#[test]
fn contradictory_rows_are_not_taken_back() {
    let good = with_second_factors(3);
    assert_eq!(UserPhones::restore(good.parts().clone()), Ok(good.clone()));
    let refused = |change: fn(&mut UserPhonesParts)| {
        let mut parts = good.parts().clone();
        change(&mut parts);
        UserPhones::restore(parts).is_err()
    };
    assert!(refused(|parts| parts.default_second_factor = None));
    assert!(refused(|parts| parts.default_second_factor = Some(id(0))));
    assert!(refused(|parts| parts.numbers[1].verification = Verification::Unprepared));
    assert!(refused(|parts| parts.primary = None));
    assert!(refused(|parts| parts.primary = Some(id(9))));
    assert!(refused(|parts| parts.numbers[1].number = number(0)));
}

/// Everything that can be asked of one of several users, about one of a few numbers.
#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    Prepare(usize),
    Attempt(usize, bool),
    Reserve(usize),
    Unreserve(usize),
    MakeDefault(usize),
    MakePrimary(usize),
    Remove(usize),
    RenewBackupCodes(u64),
    Redeem(u64, usize),
    AdminAdd(usize, bool),
    AdminSetVerified(usize, bool),
    AdminRemove(usize),
    AdminReplace(usize),
    DisableSecondFactors,
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..4usize;
    prop_oneof![
        3 => n.clone().prop_map(Step::Add),
        3 => n.clone().prop_map(Step::Prepare),
        6 => (n.clone(), any::<bool>()).prop_map(|(n, right)| Step::Attempt(n, right)),
        4 => n.clone().prop_map(Step::Reserve),
        2 => n.clone().prop_map(Step::Unreserve),
        2 => n.clone().prop_map(Step::MakeDefault),
        1 => n.clone().prop_map(Step::MakePrimary),
        2 => n.clone().prop_map(Step::Remove),
        1 => (0..3u64).prop_map(Step::RenewBackupCodes),
        2 => (0..3u64, 0..10usize).prop_map(|(set, which)| Step::Redeem(set, which)),
        2 => (n.clone(), any::<bool>()).prop_map(|(n, second)| Step::AdminAdd(n, second)),
        1 => (n.clone(), any::<bool>()).prop_map(|(n, verified)| Step::AdminSetVerified(n, verified)),
        1 => n.clone().prop_map(Step::AdminRemove),
        1 => n.prop_map(Step::AdminReplace),
        1 => Just(Step::DisableSecondFactors),
        2 => (1..700i64).prop_map(Step::Wait),
    ]
}

/// Takes a step; answers whether the rules let it pass.
fn take(phones: &mut UserPhones, step: &Step, now: &mut i64) -> bool {
    let (time, policy) = (at(*now), policy());
    let admin = |n: usize, second| AdminNumber {
        id: id(n),
        number: number(n),
        standing: Standing::Verified,
        primary: false,
        reserved_for_second_factor: second,
    };
    match *step {
        Step::Add(n) => phones.add(id(n), number(n), time, &policy).is_ok(),
        Step::Prepare(n) => phones.prepare(&id(n), right(n), time, &policy).is_ok(),
        Step::Attempt(n, true) => phones.attempt(&id(n), right(n), time, &policy).is_ok(),
        Step::Attempt(n, false) => phones.attempt(&id(n), wrong(n), time, &policy).is_ok(),
        Step::Reserve(n) => phones.reserve(&id(n), &backup_codes(0), time, &policy).is_ok(),
        Step::Unreserve(n) => phones.unreserve(&id(n), time).is_ok(),
        Step::MakeDefault(n) => phones.make_default_second_factor(&id(n)).is_ok(),
        Step::MakePrimary(n) => phones.make_primary(&id(n)).is_ok(),
        Step::Remove(n) => phones.remove(&id(n), time, &policy).is_ok(),
        Step::RenewBackupCodes(set) => phones.renew_backup_codes(&backup_codes(set)).is_ok(),
        Step::Redeem(set, which) => phones.redeem_backup_code(backup_codes(set)[which], time).is_ok(),
        Step::AdminAdd(n, second) => phones.add_by_admin(admin(n, second), &backup_codes(1), time).is_ok(),
        Step::AdminSetVerified(n, verified) => phones.set_verified(&id(n), verified, time).is_ok(),
        Step::AdminRemove(n) => phones.remove_by_admin(&id(n), time).is_ok(),
        Step::AdminReplace(n) => {
            phones.replace_all(admin(n, false), time);
            true
        }
        Step::DisableSecondFactors => {
            phones.disable_second_factors(time);
            true
        }
        Step::Wait(seconds) => {
            *now += seconds;
            true
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_invariants_hold_after_every_step(steps in proptest::collection::vec((0..3usize, step()), 1..80)) {
        let mut users = vec![UserPhones::default(); 3];
        let mut now = 0;
        for (user, step) in &steps {
            let before = users[*user].clone();
            let others: Vec<UserPhones> = users.clone();
            let passed = take(&mut users[*user], step, &mut now);
            let phones = &users[*user];
            // default ⇒ reserved ⇒ verified, exactly one default while a second factor is on, the
            // primary number verified: what `restore` checks.
            prop_assert_eq!(phones.check(), Ok(()));
            prop_assert!(passed || *phones == before, "a refused step changed something");
            for number in phones.numbers() {
                prop_assert!(number.verification.attempts().is_none_or(|attempts| attempts <= policy().max_attempts));
            }
            let defaults = phones.numbers().iter().filter(|number| phones.is_default_second_factor(&number.id)).count();
            prop_assert_eq!(defaults, usize::from(phones.has_reserved_number()));
            // A user who could sign in by phone still can, unless an administrator stepped in.
            let identifies = |phones: &UserPhones| phones.numbers().iter().any(PhoneNumber::identifies);
            let by_admin = matches!(step, Step::AdminAdd(..) | Step::AdminSetVerified(..) | Step::AdminRemove(_) | Step::AdminReplace(_));
            prop_assert!(by_admin || !identifies(&before) || identifies(phones));
            for (other, unchanged) in users.iter().zip(&others).enumerate().filter(|(other, _)| other != user).map(|(_, pair)| pair) {
                prop_assert_eq!(other, unchanged);
            }
        }
    }

    #[test]
    fn a_closed_verification_never_verifies_without_a_new_code(tries in proptest::collection::vec((any::<bool>(), 0..200i64), 1..40)) {
        let mut phones = UserPhones::default();
        phones.add(id(0), number(0), at(0), &policy()).unwrap();
        phones.prepare(&id(0), right(0), at(0), &policy()).unwrap();
        let (mut now, mut closed, mut counted) = (0, false, 0u8);
        for (is_right, wait) in tries {
            now += wait;
            let tried = if is_right { right(0) } else { wrong(0) };
            match phones.attempt(&id(0), tried, at(now), &policy()) {
                Ok(AttemptOutcome::Verified) => { prop_assert!(!closed && is_right && now < 600 && counted < 5); break; }
                Ok(AttemptOutcome::WrongCode { attempts_left }) => {
                    counted += 1;
                    prop_assert!(!closed && !is_right);
                    prop_assert_eq!(attempts_left + counted, 5);
                }
                Ok(AttemptOutcome::Failed) => { prop_assert!(closed || counted == 4); closed = true; }
                Ok(AttemptOutcome::Expired) => { prop_assert!(now >= 600); closed = true; }
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }

    #[test]
    fn a_backup_code_works_once(picks in proptest::collection::vec(0..10usize, 1..40)) {
        let mut phones = with_second_factors(2);
        let mut used = std::collections::BTreeSet::new();
        for pick in picks {
            let first = used.insert(pick);
            prop_assert_eq!(phones.redeem_backup_code(backup_codes(0)[pick], at(9)).is_ok(), first);
        }
    }
}
