//! Proving a factor again, within a session (contract 6.5).

use super::super::decide::must_be_in_good_standing;
use super::super::{AuthError, Done, UseCases};
use super::factor_check::{FactorOutcome, Place, TriedFactor, ensure_open, verify_factor};
use super::second_factor::second_factor_number;
use crate::actor::InSession;
use crate::change::{Draft, Slot};
use crate::proof::{Proof, Strategy};
use crate::session::{Level, Reverification, ReverificationStatus};
use crate::{Client, PhoneNumberId, SessionId};

/// Which factor of a reverification is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The first.
    First,
    /// The second.
    Second,
}

impl Turn {
    const fn status(self) -> ReverificationStatus {
        match self {
            Self::First => ReverificationStatus::NeedsFirstFactor,
            Self::Second => ReverificationStatus::NeedsSecondFactor,
        }
    }

    const fn place(self, session: &SessionId) -> Place<'_> {
        match self {
            Self::First => Place::FirstAgain(session),
            Self::Second => Place::SecondAgain(session),
        }
    }

    fn proof(self, reverification: &Reverification) -> Option<&Proof> {
        match self {
            Self::First => reverification.first.as_ref(),
            Self::Second => reverification.second.as_ref(),
        }
    }

    fn proof_mut(self, reverification: &mut Reverification) -> &mut Option<Proof> {
        match self {
            Self::First => &mut reverification.first,
            Self::Second => &mut reverification.second,
        }
    }
}

impl UseCases {
    /// Begins a reverification in the place of any other one of the session.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn begin_reverification(&self, acting: &InSession, level: Level) -> Result<Done<()>, AuthError> {
        let (id, context) = (&acting.session.id, &acting.context);
        let draft = |draft: Draft| draft.and_user(Slot::loaded(acting.user.clone()));
        self.in_client(context, self.fresh_token(context), draft, |draft| {
            let (client, user) = draft.client_and_user()?;
            self.live_session(client, id, user)?;
            let session = client.session_mut(id).ok_or(AuthError::SessionOver)?;
            session.reverification = Some(Reverification::new(level, user));
            Ok(())
        })
        .await
    }

    /// Sends a code as the factor whose turn it is.
    ///
    /// # Errors
    /// [`AuthError::ReverificationMissing`], [`AuthError::ReverificationStep`], and those of
    /// [`UseCases::prepare_first_factor`] and [`UseCases::prepare_second_factor`].
    pub async fn prepare_reverification(
        &self,
        acting: &InSession,
        turn: Turn,
        number: Option<&PhoneNumberId>,
    ) -> Result<Done<()>, AuthError> {
        let (now, id, context) = (self.now(), &acting.session.id, &acting.context);
        let reverification = waiting(acting.session.reverification.as_ref(), turn)?;
        let user = &acting.user;
        must_be_in_good_standing(&user.aggregate, now)?;
        let strategy = Strategy::PhoneCode;
        ensure_open(&user.aggregate, turn.place(id), strategy, now, &self.policy)?;
        let to = match turn {
            Turn::First => self.first_factor_number(&user.aggregate, None, strategy, number)?,
            Turn::Second => second_factor_number(&user.aggregate, number)?,
        };
        Proof::must_be_due(turn.proof(reverification), now, &self.policy)?;
        let purpose = turn.place(id).purpose(strategy, &to.id);
        let drawn = self.draw_for(context, &user.aggregate, to, purpose).await?;
        let message = drawn.message.clone();
        let draft = |draft: Draft| draft.and_user(Slot::loaded(user.clone())).and_message(message);
        let done = self
            .in_client(context, self.fresh_token(context), draft, |draft| {
                let (client, user) = draft.client_and_user()?;
                self.live_session(client, id, user)?;
                must_be_in_good_standing(user, now)?;
                ensure_open(user, turn.place(id), strategy, now, &self.policy)?;
                let proof = turn.proof_mut(current(client, id, turn)?);
                Proof::must_be_due(proof.as_ref(), now, &self.policy)?;
                *proof = Some(Proof::texted(strategy, to.id.clone(), drawn.hash, now, &self.policy));
                Ok(())
            })
            .await?;
        self.send_sms(drawn.message).await?;
        Ok(done)
    }

    /// Tries the factor whose turn it is. The right one gives the client a new token: one that was stolen before is
    /// worthless for what follows.
    ///
    /// # Errors
    /// [`AuthError::ReverificationMissing`], [`AuthError::ReverificationStep`], and those of
    /// [`UseCases::attempt_first_factor`] and [`UseCases::attempt_second_factor`].
    pub async fn attempt_reverification(
        &self,
        acting: &InSession,
        turn: Turn,
        factor: TriedFactor<'_>,
    ) -> Result<Done<FactorOutcome>, AuthError> {
        let (now, id, context) = (self.now(), &acting.session.id, &acting.context);
        self.limit_attempts("factor-attempts/address", context.request.address)
            .await?;
        let reverification = waiting(acting.session.reverification.as_ref(), turn)?;
        let place = turn.place(id);
        let evidence = self
            .evidence(place, &acting.user, turn.proof(reverification), factor)
            .await?;
        let fresh = self.fresh_token(context);
        let token = fresh.hash();
        let user = match factor {
            // A password was counted since the user was loaded.
            TriedFactor::Password(_) => Slot::named(acting.user.aggregate.id.clone()),
            TriedFactor::Code(..) | TriedFactor::BackupCode(_) => Slot::loaded(acting.user.clone()),
        };
        self.in_client(
            context,
            fresh,
            |draft| draft.and_user(user),
            |draft| {
                let (client, user) = draft.client_and_user()?;
                must_be_in_good_standing(user, now)?;
                let session = client.session(id).ok_or(AuthError::SessionOver)?;
                if !self.status(session, Some(user)).is_live() {
                    return Err(AuthError::SessionOver);
                }
                let proof = turn.proof_mut(current(client, id, turn)?);
                let outcome = verify_factor(place, &evidence, proof, user, now, &self.policy)?;
                if outcome == FactorOutcome::Passed {
                    if let Some(session) = client.session_mut(id) {
                        match turn {
                            Turn::First => session.first_factor_at = Some(now),
                            Turn::Second => session.second_factor_at = Some(now),
                        }
                        session.updated_at = now;
                    }
                    client.replace_token(token, now);
                }
                Ok(outcome)
            },
        )
        .await
    }
}

fn waiting(reverification: Option<&Reverification>, turn: Turn) -> Result<&Reverification, AuthError> {
    let reverification = reverification.ok_or(AuthError::ReverificationMissing)?;
    if reverification.status() == turn.status() {
        Ok(reverification)
    } else {
        Err(AuthError::ReverificationStep)
    }
}

fn current<'a>(client: &'a mut Client, id: &SessionId, turn: Turn) -> Result<&'a mut Reverification, AuthError> {
    let session = client.session_mut(id).filter(|session| session.ending.is_none());
    let reverification = &mut session.ok_or(AuthError::SessionOver)?.reverification;
    waiting(reverification.as_ref(), turn)?;
    reverification.as_mut().ok_or(AuthError::ReverificationMissing)
}
