//! Load, decide, commit: how every state changes.

use crate::ports::{Aggregate, Change, CommitError, Loaded, Repository, StoreError, Unique};

/// How often a change starts again after another one came first.
///
/// A commit fails as stale only where another one succeeded, so this many changes of the same
/// aggregate got through meanwhile: somebody hammers on one user, and 409 is the honest answer.
pub const MAX_ROUNDS: u32 = 32;

/// Why a change did not happen.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// The rules refuse it; nothing was written.
    #[error(transparent)]
    Refused(E),
    /// There is no such aggregate.
    #[error("there is nothing to change")]
    Missing,
    /// Another aggregate has what must be unique.
    #[error("another user has this {0:?}")]
    Taken(Unique),
    /// Others changed the same aggregate again and again.
    #[error("too many changes at once")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Decides on `start` (an aggregate that was just loaded, or one that shall be created) and
/// commits the decision, beginning anew with a fresh load as long as others come first.
///
/// `absent` makes the aggregate where the store has none; without it that is
/// [`ChangeError::Missing`]. `decide` may run several times: it must use nothing but the state
/// it is given. A decision that changes nothing commits nothing.
///
/// # Errors
/// See [`ChangeError`].
pub async fn change<A: Aggregate, T, E>(
    repository: &dyn Repository<A>,
    id: &A::Id,
    start: Option<Loaded<A>>,
    absent: Option<&A>,
    mut decide: impl FnMut(&mut A) -> Result<T, E> + Send,
) -> Result<(A, T), ChangeError<E>> {
    let mut loaded = start;
    for _ in 0..MAX_ROUNDS {
        let mut after = match (&loaded, absent) {
            (Some(loaded), _) => loaded.aggregate.clone(),
            (None, Some(new)) => new.clone(),
            (None, None) => return Err(ChangeError::Missing),
        };
        let outcome = decide(&mut after).map_err(ChangeError::Refused)?;
        let change = match loaded.take() {
            Some(before) if before.aggregate == after => return Ok((after, outcome)),
            Some(before) => Change::Replace {
                before,
                after: after.clone(),
            },
            None => Change::Create(after.clone()),
        };
        match repository.commit(change).await {
            Ok(()) => return Ok((after, outcome)),
            Err(CommitError::Stale) => loaded = repository.load(id).await?,
            Err(CommitError::Taken(what)) => return Err(ChangeError::Taken(what)),
            Err(CommitError::Store(error)) => return Err(ChangeError::Store(error)),
        }
    }
    Err(ChangeError::Contended)
}

/// Deletes an aggregate, whatever changes meanwhile, if `permit` lets the state go that is deleted.
///
/// # Errors
/// [`ChangeError::Refused`] with what `permit` says; [`ChangeError::Missing`],
/// [`ChangeError::Contended`], [`ChangeError::Store`].
pub async fn delete<A: Aggregate, E>(
    repository: &dyn Repository<A>,
    id: &A::Id,
    permit: impl Fn(&A) -> Result<(), E> + Send + Sync,
) -> Result<A, ChangeError<E>> {
    for _ in 0..MAX_ROUNDS {
        let loaded = repository.load(id).await?.ok_or(ChangeError::Missing)?;
        permit(&loaded.aggregate).map_err(ChangeError::Refused)?;
        let aggregate = loaded.aggregate.clone();
        match repository.commit(Change::Delete(loaded)).await {
            Ok(()) => return Ok(aggregate),
            Err(CommitError::Stale) => {}
            Err(CommitError::Taken(what)) => return Err(ChangeError::Taken(what)),
            Err(CommitError::Store(error)) => return Err(ChangeError::Store(error)),
        }
    }
    Err(ChangeError::Contended)
}
