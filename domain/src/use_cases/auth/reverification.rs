//! Proving a factor again, within a session (contract 6.5).

use super::change::Subject;
use super::second_factor::{note_success, second_factor_number};
use super::sign_in::may_sign_in;
use super::{Acting, Auth, AuthError, Changed, FirstFactor, SecondFactor, Tried, Visit};
use crate::proof::{Proof, Strategy};
use crate::session::{Level, Reverification, ReverificationStatus};
use crate::{Client, OtpCode, PhoneNumberId, Purpose, SessionId};

impl Auth {
    /// Begins a reverification in the place of any other one of the session.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn begin_reverification(
        &self,
        visit: &Visit,
        acting: &Acting,
        level: Level,
    ) -> Result<Changed<()>, AuthError> {
        let begun = Reverification::new(level, &acting.user);
        self.change_client(visit, |client| {
            let session = client.session_mut(&acting.session.id).ok_or(AuthError::SessionOver)?;
            session.reverification = Some(begun.clone());
            Ok(())
        })
        .await
    }

    /// Sends a code as first factor.
    ///
    /// # Errors
    /// [`AuthError::ReverificationMissing`], [`AuthError::ReverificationStep`], and those of
    /// [`Auth::prepare_first_factor`].
    pub async fn prepare_first_reverification(
        &self,
        visit: &Visit,
        acting: &Acting,
        number: Option<&PhoneNumberId>,
    ) -> Result<Changed<()>, AuthError> {
        let (now, id) = (self.now(), &acting.session.id);
        let reverification = waiting(acting, ReverificationStatus::NeedsFirstFactor)?;
        may_sign_in(&acting.user, now)?;
        let to = self.first_factor_number(&acting.user, None, Strategy::PhoneCode, number)?;
        Proof::must_be_due(reverification.first.as_ref(), now, self.policy())?;
        let purpose = Purpose::ReverifyFirst(id, &to.id);
        self.text_proof(visit, &acting.user, to, purpose, Strategy::PhoneCode, |client| {
            Ok(&mut current(client, id, ReverificationStatus::NeedsFirstFactor)?.first)
        })
        .await
    }

    /// Tries a first factor.
    ///
    /// # Errors
    /// [`AuthError::ReverificationMissing`], [`AuthError::ReverificationStep`], and those of
    /// [`Auth::attempt_first_factor`].
    pub async fn attempt_first_reverification(
        &self,
        visit: &Visit,
        acting: &Acting,
        factor: FirstFactor<'_>,
    ) -> Result<Changed<Tried>, AuthError> {
        let (now, id) = (self.now(), &acting.session.id);
        self.limit_attempts("factor-attempts/address", visit.address).await?;
        let reverification = waiting(acting, ReverificationStatus::NeedsFirstFactor)?;
        let hash =
            |_, number: &PhoneNumberId, code: &OtpCode| self.users.hasher.otp(Purpose::ReverifyFirst(id, number), code);
        let proof = reverification.first.as_ref();
        let evidence = self.first_evidence(&acting.user, proof, &factor, hash).await?;
        let fresh = self.fresh(visit);
        self.change_both(visit, &fresh, Subject::Known(acting.user.id.clone()), |client, user| {
            may_sign_in(user, now)?;
            let reverification = current(client, id, ReverificationStatus::NeedsFirstFactor)?;
            let tried = self.judge_first(&evidence, &mut reverification.first, user, now)?;
            if tried == Tried::Passed {
                note_success(user, !user.phones.two_factor_enabled(), now);
                if let Some(session) = client.session_mut(id) {
                    session.first_factor_at = Some(now);
                    session.updated_at = now;
                }
            }
            Ok(tried)
        })
        .await
    }

    /// Sends a code as second factor.
    ///
    /// # Errors
    /// [`AuthError::ReverificationMissing`], [`AuthError::ReverificationStep`], and those of
    /// [`Auth::prepare_second_factor`].
    pub async fn prepare_second_reverification(
        &self,
        visit: &Visit,
        acting: &Acting,
        number: Option<&PhoneNumberId>,
    ) -> Result<Changed<()>, AuthError> {
        let (now, id) = (self.now(), &acting.session.id);
        let reverification = waiting(acting, ReverificationStatus::NeedsSecondFactor)?;
        may_sign_in(&acting.user, now)?;
        let to = second_factor_number(&acting.user, number)?;
        Proof::must_be_due(reverification.second.as_ref(), now, self.policy())?;
        let purpose = Purpose::ReverifySecond(id, &to.id);
        self.text_proof(visit, &acting.user, to, purpose, Strategy::PhoneCode, |client| {
            Ok(&mut current(client, id, ReverificationStatus::NeedsSecondFactor)?.second)
        })
        .await
    }

    /// Tries a second factor.
    ///
    /// # Errors
    /// [`AuthError::ReverificationMissing`], [`AuthError::ReverificationStep`], and those of
    /// [`Auth::attempt_second_factor`].
    pub async fn attempt_second_reverification(
        &self,
        visit: &Visit,
        acting: &Acting,
        factor: SecondFactor<'_>,
    ) -> Result<Changed<Tried>, AuthError> {
        let (now, id) = (self.now(), &acting.session.id);
        self.limit_attempts("factor-attempts/address", visit.address).await?;
        let reverification = waiting(acting, ReverificationStatus::NeedsSecondFactor)?;
        let hash =
            |number: &PhoneNumberId, code: &OtpCode| self.users.hasher.otp(Purpose::ReverifySecond(id, number), code);
        let evidence = self.second_evidence(&acting.user, reverification.second.as_ref(), &factor, hash)?;
        let fresh = self.fresh(visit);
        self.change_both(visit, &fresh, Subject::Known(acting.user.id.clone()), |client, user| {
            may_sign_in(user, now)?;
            let reverification = current(client, id, ReverificationStatus::NeedsSecondFactor)?;
            let tried = self.judge_second(&evidence, &mut reverification.second, user, now)?;
            if tried == Tried::Passed {
                note_success(user, true, now);
                if let Some(session) = client.session_mut(id) {
                    session.second_factor_at = Some(now);
                    session.updated_at = now;
                }
            }
            Ok(tried)
        })
        .await
    }
}

/// The reverification of the session, if it waits for this.
fn waiting(acting: &Acting, status: ReverificationStatus) -> Result<&Reverification, AuthError> {
    let reverification = acting.session.reverification.as_ref();
    let reverification = reverification.ok_or(AuthError::ReverificationMissing)?;
    if reverification.status() == status {
        Ok(reverification)
    } else {
        Err(AuthError::ReverificationStep)
    }
}

fn current<'a>(
    client: &'a mut Client,
    id: &SessionId,
    status: ReverificationStatus,
) -> Result<&'a mut Reverification, AuthError> {
    let session = client.session_mut(id).filter(|session| session.ending.is_none());
    let reverification = session.ok_or(AuthError::SessionOver)?.reverification.as_mut();
    let reverification = reverification.ok_or(AuthError::ReverificationMissing)?;
    if reverification.status() == status {
        Ok(reverification)
    } else {
        Err(AuthError::ReverificationStep)
    }
}
