//! Drawing a code and writing the text that carries it: committed with what the code is for, sent afterwards.

use super::super::{AuthError, UseCases, UserError};
use crate::actor::RequestContext;
use crate::message::Content;
use crate::ports::{Entropy, Sending};
use crate::{CodeHash, E164, Message, MessageId, OtpCode, PhoneNumberId, Purpose, ShortText, TEST_CODE, User};

/// Whom a code is for.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Recipient<'a> {
    pub(in super::super) number: &'a E164,
    pub(in super::super) phone_number: Option<&'a PhoneNumberId>,
    pub(in super::super) user: Option<&'a User>,
}

/// A code that was drawn, and its text; nothing is written or sent yet.
pub(in super::super) struct Drawn {
    pub(in super::super) hash: CodeHash,
    /// To be committed with whatever the code is for; none for a test number, which is never texted.
    pub(in super::super) message: Option<Message>,
}

impl Drawn {
    /// A code that nobody gets and no code is: all else is as with one that was sent.
    pub(in super::super) fn withheld(self, entropy: &dyn Entropy) -> Self {
        let mut hash = [0; 32];
        entropy.fill(&mut hash);
        Self {
            hash: CodeHash::from_bytes(hash),
            message: self.message.map(Message::withheld),
        }
    }
}

impl UseCases {
    /// Draws a code and writes its text, if the number may be texted at all and not too many were.
    pub(in super::super) async fn draw_code(
        &self,
        request: &RequestContext,
        to: Recipient<'_>,
        purpose: Purpose<'_>,
    ) -> Result<Drawn, AuthError> {
        self.policy.admit(to.number)?;
        if let Some(drawn) = self.drawn_for_test(to.number, purpose) {
            return Ok(drawn);
        }
        self.limit_codes(to.number, to.user.map(|user| &user.id), request.address)
            .await?;
        Ok(self.drawn(request, to, purpose))
    }

    /// The same for somebody who must not learn whether anybody has the number.
    pub(in super::super) async fn draw_code_discreetly(
        &self,
        request: &RequestContext,
        to: Recipient<'_>,
        purpose: Purpose<'_>,
    ) -> Result<Drawn, AuthError> {
        self.policy.admit(to.number)?;
        if let Some(drawn) = self.drawn_for_test(to.number, purpose) {
            return Ok(drawn);
        }
        let user = to.user.map(|user| &user.id);
        let may_be_sent = self.limit_codes_discreetly(to.number, user, request.address).await?;
        let drawn = self.drawn(request, to, purpose);
        Ok(if may_be_sent {
            drawn
        } else {
            drawn.withheld(&*self.ports.entropy)
        })
    }

    /// The fixed code of a test number, if it is one.
    fn drawn_for_test(&self, number: &E164, purpose: Purpose<'_>) -> Option<Drawn> {
        let fixed = OtpCode::parse(TEST_CODE).ok().filter(|_| self.policy.is_test(number))?;
        Some(Drawn {
            hash: self.hasher.otp(purpose, &fixed),
            message: None,
        })
    }

    fn drawn(&self, request: &RequestContext, to: Recipient<'_>, purpose: Purpose<'_>) -> Drawn {
        let entropy = &*self.ports.entropy;
        let (now, code) = (self.now(), OtpCode::generate(entropy));
        let lifetime = self.policy.code_lifetime;
        let own = to.user.and_then(|user| user.profile.locale.as_ref());
        let languages = request.languages.clone().after(own.map(ShortText::as_str));
        let content = Content {
            code: Some(code.reveal().to_owned()),
            text: self.policy.texts.text(&languages, &code, lifetime),
        };
        let id = MessageId::generate(now, entropy);
        let mut message = Message {
            sealed: self.ports.sms_sealer.close(id.as_str(), &content.to_sealable()),
            user: to.user.map(|user| user.id.clone()),
            phone_number: to.phone_number.cloned(),
            ..Message::queued(id, to.number.clone(), now, now.plus(lifetime))
        };
        // The request itself tries first.
        message.lease(now);
        Drawn {
            hash: self.hasher.otp(purpose, &code),
            message: Some(message),
        }
    }

    /// Sends what is committed. Whether a text went out; test numbers get none.
    pub(in super::super) async fn send_sms(&self, message: Option<Message>) -> Result<bool, AuthError> {
        let Some(message) = message else { return Ok(false) };
        if message.is_settled() {
            return Ok(true);
        }
        if self.policy.enumeration_protection {
            // How long a provider takes would tell that one was asked.
            self.ports.sms.hand_over(message);
            return Ok(true);
        }
        match self.ports.sms.send(message).await {
            Sending::Sent | Sending::Underway => Ok(true),
            Sending::Failed(error) => Err(UserError::NotSent(error).into()),
        }
    }
}
