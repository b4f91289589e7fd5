//! The rules of PhoneProof: phone numbers, their verification, the second factor.
//!
//! This crate knows no HTTP, no SQL, no provider, no file and no system clock; what it needs from
//! the world it asks of its [`ports`]. [`UseCases`] is what a caller can ask for; [`UserPhones`]
//! holds the rules, as pure transitions; [`change`](change::change) joins the two.
//!
//! # Testing your own service with the mocks
//!
//! With the feature `mock`, each port has a ready mock (mockall). A team that embeds the domain
//! tests its own service without a store or a carrier:
//!
//! ```
//! # #[cfg(feature = "mock")]
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use phoneproof_domain::ports::{MockSmsGateway, Receipt, SendError, Sms, SmsGateway};
//! use std::time::Duration;
//!
//! /// The service under test: falls back to a second carrier when the first one throttles.
//! async fn send(first: &dyn SmsGateway, second: &dyn SmsGateway, sms: &Sms) -> Result<Receipt, SendError> {
//!     match first.send(sms).await {
//!         Err(SendError::Throttled { .. }) => second.send(sms).await,
//!         other => other,
//!     }
//! }
//!
//! let (mut first, mut second) = (MockSmsGateway::new(), MockSmsGateway::new());
//! first.expect_send().times(1)
//!     .returning(|_| Err(SendError::Throttled { retry_after: Duration::from_secs(1) }));
//! second.expect_send().times(1)
//!     .withf(|sms| sms.to.as_str() == "+14155552671" && sms.body().contains("123456"))
//!     .returning(|_| Ok(Receipt::of("SM1")));
//!
//! let sms = Sms::new(
//!     "sms_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E".parse().unwrap(),
//!     "+14155552671".parse().unwrap(),
//!     Some(phoneproof_domain::OtpCode::parse("123456").unwrap()),
//!     "123456 is your Acme code.".into(),
//!     Duration::from_secs(600),
//! );
//! assert_eq!(send(&first, &second, &sms).await.unwrap().provider_id, "SM1");
//! # });
//! ```
//!
//! With the feature `conformance`, [`conformance`] holds what every adapter of a port must do;
//! the tests of an adapter call it on the real thing.

mod actor;
mod address;
mod allowlist;
mod backup_code;
pub mod change;
mod client;
mod e164;
mod email;
mod external_account;
mod factor;
mod failures;
mod id;
mod instance;
mod languages;
mod message;
mod notice;
mod number_plan;
mod otp;
mod password;
mod phone_number;
mod policy;
pub mod ports;
mod profile;
mod proof;
mod secrets;
mod segments;
mod session;
mod sign_in;
mod sign_in_token;
mod sign_up;
mod test_number;
#[cfg(test)]
mod testing;
mod texts;
mod time;
mod token;
pub mod use_cases;
mod user;
mod user_phones;
mod verification;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use actor::{Action, Actor, ByToken, ClientContext, InSession, RequestContext};
pub use address::Address;
pub use allowlist::{Allowlist, NotAllowed};
pub use backup_code::{BackupCode, MalformedBackupCode, StoredBackupCode};
pub use client::{Client, ReplacedToken};
pub use e164::{E164, Masked, NumberError};
pub use email::{EmailAddress, MalformedEmail};
pub use external_account::{ExternalAccount, MalformedProviderName, PhoneClaim, ProviderName, ProviderPhone};
pub use factor::{Channel, SecondFactorKind};
pub use failures::{FactorClosed, Failures, Ledger, LedgerKind, Lockout};
pub use id::{
    AllowlistId, BackEndVerificationId, BlocklistId, ClientId, ExternalAccountId, MalformedId, MessageId,
    PhoneNumberId, SessionId, SignInId, SignInTokenId, SignUpId, UserId, passing_id,
};
pub use instance::{
    AllowedNumber, BlockedNumber, Entrance, InstanceSettings, ListedNumber, LiveSettings, Restrictions, SettingsChange,
};
pub use languages::Languages;
pub use message::{Content, MESSAGE_LEASE, MOST_UNSETTLED, Message, MessageState, SendOutcome};
pub use notice::Notice;
pub use number_plan::{Country, NumberKind, NumberPlan, UnknownCountry};
pub use otp::{MalformedCode, OtpCode};
pub use password::{Password, PasswordError, PasswordHash};
pub use phone_number::PhoneNumber;
pub use policy::{CODE_LIFETIME, Policy};
pub use profile::{Metadata, Patch, Profile, ProfileError, ShortText, Username};
pub use proof::{Factor, FactorNumber, Proof, ProofError, Strategy};
pub use secrets::{CodeHash, CodeHasher, InstanceSecret, Purpose, WeakSecret};
pub use segments::Segments;
pub use session::{Activity, Ending, Level, Reverification, ReverificationStatus, Session, SessionStatus};
pub use sign_in::{Disguise, NewPassword, SignIn, Step};
pub use sign_in_token::{SignInToken, TICKET_LIFETIME, TicketError, TicketStatus};
pub use sign_up::{ABANDONED_AFTER, SignUp, SignUpUpdate};
pub use test_number::{TEST_CODE, is_test_number};
pub use texts::{FALLBACK, NoticeTemplate, Template, TemplateError, Texts};
pub use time::Timestamp;
pub use token::{Token, TokenHash};
pub use use_cases::UseCases;
pub use user::{StoredPassword, User};
pub use user_phones::{AdminNumber, Contradiction, PhoneError, Standing, UserPhones, UserPhonesParts};
pub use verification::{AttemptOutcome, BackEndVerification, Closed, Verification, VerificationStatus};
