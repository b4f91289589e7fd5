//! What must come out right however many ask at once: the reason why changes carry a revision.

use futures_util::future::join_all;

use super::given::{
    NOW, RIGHT, WRONG, being_verified, later, loaded, number, number_id, policy, random, second_factor, stored,
    unverified, user, user_with,
};
use crate::change::{self, ChangeError, Draft, NoConsequences, Slot, Stores};
use crate::ports::{Loaded, Unique};
use crate::{AttemptOutcome, PhoneError, PhoneNumber, StoredBackupCode, User, UserPhones, Verification};

/// How many ask at once.
const CROWD: usize = 128;

/// How many change one user at once, all of them successfully: fewer than the rounds that
/// [`change`](change::change) makes.
const QUEUE: u64 = 24;

/// Changes one user.
async fn change<T, E>(
    store: Stores<'_>,
    user: Slot<User>,
    mut decide: impl FnMut(&mut User) -> Result<T, E> + Send,
) -> Result<(User, T), ChangeError<E>> {
    let draft = Draft::of_user(user);
    let decide = |draft: &mut Draft| decide(draft.user().unwrap());
    let (draft, outcome) = Box::pin(change::change(&store, &NoConsequences, draft, decide)).await?;
    let after = draft.user_slot().and_then(Slot::after);
    Ok((after.unwrap().clone(), outcome))
}

/// All races.
pub(super) async fn all(store: Stores<'_>) {
    wrong_guesses_never_exceed_the_limit(store).await;
    a_code_verifies_once(store).await;
    one_default_remains(store).await;
    a_number_has_one_winner(store).await;
    a_username_has_one_winner(store).await;
    a_backup_code_works_once(store).await;
    no_first_request_is_lost(store).await;
}

async fn wrong_guesses_never_exceed_the_limit(store: Stores<'_>) {
    let limits = policy();
    let read = stored(store, &user_with(vec![being_verified(0)])).await;
    let id = read.aggregate.phones.numbers()[0].id.clone();
    let guesses = (0..CROWD).map(|_| {
        change(store, Slot::loaded(read.clone()), |user| {
            user.phones.attempt(&id, WRONG, NOW, &limits)
        })
    });
    let guesses = join_all(guesses).await;
    let counted =
        |guess: &&Result<(User, AttemptOutcome), _>| matches!(guess, Ok((_, AttemptOutcome::WrongCode { .. })));
    assert_eq!(
        guesses.iter().filter(counted).count(),
        usize::from(limits.max_attempts - 1)
    );
    let mut rest = guesses.iter().filter(|guess| !counted(guess));
    assert!(
        rest.all(|guess| matches!(guess, Ok((_, AttemptOutcome::Failed)))),
        "{guesses:?}"
    );
    let now = loaded(store, &read.aggregate.id).await.aggregate;
    let verification = &now.phones.numbers()[0].verification;
    assert!(matches!(verification, Verification::Failed(closed) if closed.attempts == limits.max_attempts));
}

async fn a_code_verifies_once(store: Stores<'_>) {
    let read = stored(store, &user_with(vec![being_verified(0)])).await;
    let id = read.aggregate.phones.numbers()[0].id.clone();
    let limits = policy();
    let attempts = (0..CROWD).map(|_| {
        change(store, Slot::loaded(read.clone()), |user| {
            user.phones.attempt(&id, RIGHT, NOW, &limits)
        })
    });
    let attempts = join_all(attempts).await;
    let (won, lost): (Vec<_>, Vec<_>) = attempts.into_iter().partition(Result::is_ok);
    assert!(matches!(won[..], [Ok((_, AttemptOutcome::Verified))]), "{won:?}");
    let late = |attempt: &Result<_, _>| matches!(attempt, Err(ChangeError::Refused(PhoneError::AlreadyVerified)));
    assert!(lost.iter().all(late), "{lost:?}");
}

async fn one_default_remains(store: Stores<'_>) {
    let read = stored(store, &user_with((0..QUEUE).map(second_factor).collect())).await;
    let wishes = read.aggregate.phones.numbers().iter().map(|number| {
        change(store, Slot::loaded(read.clone()), |user| {
            user.phones.make_default_second_factor(&number.id)
        })
    });
    for wish in join_all(wishes).await {
        wish.unwrap();
    }
    let now = loaded(store, &read.aggregate.id).await.aggregate.phones;
    let defaults = now
        .numbers()
        .iter()
        .filter(|number| now.is_default_second_factor(&number.id));
    assert_eq!(defaults.count(), 1);
}

async fn a_number_has_one_winner(store: Stores<'_>) {
    let wanted = number();
    let mut readers = Vec::new();
    for _ in 0..CROWD {
        let number = PhoneNumber {
            number: wanted.clone(),
            ..being_verified(0)
        };
        readers.push(stored(store, &user_with(vec![number])).await);
    }
    let limits = policy();
    let claims = readers.into_iter().map(|read: Loaded<User>| {
        let limits = &limits;
        async move {
            let claim = change(store, Slot::loaded(read), |user| {
                let number = user.phones.numbers()[0].id.clone();
                user.phones.attempt(&number, RIGHT, NOW, limits)
            });
            claim.await.map(|(user, _)| user)
        }
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(claims).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let taken = |claim: &Result<User, _>| matches!(claim, Err(ChangeError::Taken(Unique::PhoneNumber)));
    assert!(lost.iter().all(taken), "{lost:?}");
}

async fn a_username_has_one_winner(store: Stores<'_>) {
    let name: crate::Username = format!("u{:016x}", random()).parse().unwrap();
    let users: Vec<User> = (0..CROWD).map(|_| user()).collect();
    let claims = users.iter().map(|absent| {
        change::<_, PhoneError>(store, Slot::new(absent.clone()), |user| {
            user.profile.username = Some(name.clone());
            Ok(())
        })
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(claims).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let taken = |claim: &Result<_, _>| matches!(claim, Err(ChangeError::Taken(Unique::Username)));
    assert!(lost.iter().all(taken), "{lost:?}");
}

async fn a_backup_code_works_once(store: Stores<'_>) {
    let mut user = user_with(vec![second_factor(0)]);
    let mut parts = user.phones.parts().clone();
    parts.backup_codes = [WRONG, RIGHT].map(StoredBackupCode::unused).into();
    user.phones = UserPhones::restore(parts).unwrap();
    let read = stored(store, &user).await;
    let tries = (0..CROWD).map(|_| {
        change(store, Slot::loaded(read.clone()), |user| {
            user.phones.redeem_backup_code(RIGHT, NOW)
        })
    });
    let (won, lost): (Vec<_>, Vec<_>) = join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    let late = |attempt: &Result<_, _>| matches!(attempt, Err(ChangeError::Refused(PhoneError::WrongBackupCode)));
    assert!(lost.iter().all(late), "{lost:?}");
    let now = loaded(store, &user.id).await.aggregate;
    let spent = now
        .phones
        .parts()
        .backup_codes
        .iter()
        .filter(|code| code.used_at.is_some());
    assert_eq!(spent.count(), 1);
}

/// Many requests of a user at first sight: all create, one does, and the others add to it.
async fn no_first_request_is_lost(store: Stores<'_>) {
    let (absent, limits) = (user(), policy());
    let requests = (0..QUEUE).map(|at| {
        let (id, number) = (number_id(later(at)), unverified(at).number);
        let (absent, limits) = (&absent, &limits);
        async move {
            change(store, Slot::new(absent.clone()), |user| {
                user.phones.add(id.clone(), number.clone(), later(at), limits)
            })
            .await
        }
    });
    for request in join_all(requests).await {
        request.unwrap();
    }
    let now = loaded(store, &absent.id).await.aggregate;
    assert_eq!(now.phones.numbers().len() as u64, QUEUE);
    assert!(now.phones.numbers().is_sorted_by_key(|number| number.created_at));
}
