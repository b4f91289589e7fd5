//! Following what an identity provider says of a user's phone number.

use super::consequences::By;
use super::decide::{end_of_change_by_token, must_be_in_good_standing};
use super::{AuthError, UseCases, UserError};
use crate::allowlist::NotAllowed;
use crate::change::{Draft, Slot};
use crate::ports::{Identity, Loaded, StoreError, Unique};
use crate::{E164, ExternalAccount, ExternalAccountId, PhoneClaim, PhoneError, PhoneNumberId, ProviderPhone, User};

/// A claim about a number that conflicts with the rules. The request that brought it goes on as without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimConflict {
    /// The number, if the claim names one.
    pub number: Option<E164>,
    /// What it conflicts with.
    pub reason: ConflictReason,
}

/// What a claim conflicts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConflictReason {
    /// It is no number that exists. Nothing was changed.
    #[error("the claim is no phone number")]
    Malformed,
    /// The number may not be added. Nothing was changed.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// Another user owns the number. Nothing was changed.
    #[error("another user owns the number")]
    Taken,
    /// The claim was followed, but the number that was linked before stays: its user still needs it.
    #[error("the number that was linked before stays, without a link")]
    StillNeeded(#[source] PhoneError),
}

type Found = (Option<Loaded<User>>, Option<ClaimConflict>);

impl UseCases {
    /// Follows what a token says of its user's number, in a commit of its own: whatever becomes of the request, the claim
    /// was made. A claim that was decided on before costs nothing, a refused one for an hour; only news is written.
    ///
    /// The rules are those of a number that its user adds and proves: country, owner, standing, notices, events, the end of
    /// the user's sessions. Limits do not apply, for nothing is texted to the number.
    pub(super) async fn follow(
        &self,
        identity: &Identity,
        said: &ProviderPhone,
        user: Option<Loaded<User>>,
    ) -> Result<Found, StoreError> {
        if !self.must_follow(user.as_ref().map(|user| &user.aggregate), said) {
            return Ok((user, None));
        }
        let mut refusal = self.refusal(identity, said).await?;
        // A second time if another user was quicker to own the number.
        loop {
            if let (None, Some(reason)) = (&user, refusal) {
                // Nobody is made for the sake of a claim that is not followed.
                return Ok((None, Some(conflict(said, reason))));
            }
            match self.commit_claim(identity, said, user.clone(), refusal).await {
                Ok(reason) => {
                    let user = self.ports.users.load(&identity.user).await?;
                    return Ok((user, reason.map(|reason| conflict(said, reason))));
                }
                Err(AuthError::User(UserError::Taken(Unique::PhoneNumber))) if refusal.is_none() => {
                    refusal = Some(ConflictReason::Taken);
                }
                Err(AuthError::User(UserError::Store(error))) => return Err(error),
                // The user is gone, or changed too often at once: the next request follows.
                Err(_) => return Ok((self.ports.users.load(&identity.user).await?, None)),
            }
        }
    }

    /// Whether there is anything to decide: the claim is news, and the user may add numbers.
    fn must_follow(&self, user: Option<&User>, said: &ProviderPhone) -> bool {
        let now = self.now();
        let is_news = match user.and_then(|user| user.external_account.as_ref()) {
            Some(account) => account.is_news(said, now),
            // Nothing is linked that an unverified number could replace.
            None => !matches!(said.claim, PhoneClaim::Number { verified: false, .. }),
        };
        is_news && user.is_none_or(|user| must_be_in_good_standing(user, now).is_ok())
    }

    /// Why the claim cannot be followed, whatever the state of its user. A number that is not verified adds nothing, and is
    /// not looked at.
    async fn refusal(&self, identity: &Identity, said: &ProviderPhone) -> Result<Option<ConflictReason>, StoreError> {
        let number = match &said.claim {
            PhoneClaim::Malformed => return Ok(Some(ConflictReason::Malformed)),
            PhoneClaim::Number { verified: false, .. } => return Ok(None),
            PhoneClaim::Number { number, .. } => number,
        };
        if self.policy.parse_number(number.as_str()).is_err() {
            return Ok(Some(ConflictReason::Malformed));
        }
        if let Err(error) = self.policy.admit(number) {
            return Ok(Some(error.into()));
        }
        let owner = self.owner_of(number).await?;
        Ok(owner
            .filter(|owner| *owner != identity.user)
            .map(|_| ConflictReason::Taken))
    }

    /// Follows the claim, or remembers that it is refused.
    async fn commit_claim(
        &self,
        identity: &Identity,
        said: &ProviderPhone,
        user: Option<Loaded<User>>,
        refusal: Option<ConflictReason>,
    ) -> Result<Option<ConflictReason>, AuthError> {
        let now = self.now();
        let entropy = &*self.ports.entropy;
        let number_id = PhoneNumberId::generate(now, entropy);
        let account_id = ExternalAccountId::generate(now, entropy);
        let slot = Slot::found(identity.user.clone(), user);
        let slot = match refusal {
            Some(_) => slot,
            None => slot.or(User::new(identity.user.clone(), now)),
        };
        let decide = |draft: &mut Draft| {
            let user = draft.user()?;
            // Another request with the same claim may have come first.
            if !self.must_follow(Some(user), said) {
                return Ok(None);
            }
            let known = user.external_account.take();
            let was_followed = known
                .as_ref()
                .is_some_and(|account| account.is_same_claim(said) && account.refused_at.is_none());
            user.external_account = Some(ExternalAccount {
                id: known.map_or_else(|| account_id.clone(), |account| account.id),
                provider: said.provider.clone(),
                claim: said.claim.clone(),
                issued_at: said.issued_at,
                refused_at: refusal.map(|_| now).filter(|_| !was_followed),
            });
            let PhoneClaim::Number { number, verified } = &said.claim else {
                return Ok(refusal);
            };
            // Where the provider has got another name and nothing else, the number that its user removed stays away.
            if was_followed || refusal.is_some() {
                return Ok(refusal.filter(|_| !was_followed));
            }
            let kept = user
                .phones
                .follow(number, *verified, number_id.clone(), now, &self.policy);
            end_of_change_by_token(draft, identity.email.as_ref(), now);
            Ok(kept.map(ConflictReason::StillNeeded))
        };
        let (_, conflict) = self.commit(By::User, Draft::of_user(slot), decide).await?;
        Ok(conflict)
    }
}

fn conflict(said: &ProviderPhone, reason: ConflictReason) -> ClaimConflict {
    let number = match &said.claim {
        PhoneClaim::Number { number, .. } => Some(number.clone()),
        PhoneClaim::Malformed => None,
    };
    ClaimConflict { number, reason }
}
