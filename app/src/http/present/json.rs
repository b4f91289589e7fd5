//! The objects of the contract's section 5, as they stand on the wire.

use std::borrow::Cow;

use phoneproof_domain::{
    BackupCode, Channel, ExternalAccount, Lockout, PhoneError, PhoneNumber, PhoneNumberId, Proof, Timestamp, UseCases,
    User, Verification, VerificationStatus,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// An object without fields.
#[derive(Serialize)]
pub(crate) struct Empty {}

/// 5.2
#[derive(Serialize)]
pub(crate) struct VerificationJson {
    object: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    status: Option<&'static str>,
    strategy: Option<&'static str>,
    attempts: Option<u8>,
    expire_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'static str>,
}

impl VerificationJson {
    pub(crate) fn of(verification: &Verification, now: Timestamp) -> Option<Self> {
        // Two shapes alone are read here by the generated SDKs (Python, Rust): the proof by a code, and that by the word of
        // somebody else. `linked_to` tells whose.
        let by_admin = matches!(verification, Verification::ByAdmin | Verification::ByProvider);
        let status = match verification.status(now)? {
            VerificationStatus::Unverified => "unverified",
            VerificationStatus::Verified => "verified",
            VerificationStatus::Failed => "failed",
            VerificationStatus::Expired => "expired",
        };
        Some(Self {
            object: Cow::Borrowed(if by_admin {
                "verification_admin"
            } else {
                "verification_otp"
            }),
            id: None,
            status: Some(status),
            strategy: Some(if by_admin { "admin" } else { "phone_code" }),
            attempts: verification.attempts(),
            expire_at: verification.expires_at().map(Timestamp::as_millis),
            channel: (!by_admin).then_some(Channel::Sms.as_str()),
        })
    }

    /// Of the proof of a factor.
    pub(crate) fn of_proof(proof: &Proof, now: Timestamp) -> Self {
        match proof {
            Proof::Texted {
                strategy, verification, ..
            } => Self {
                strategy: Some(strategy.as_str()),
                ..Self::of(verification, now).unwrap_or_else(Self::not_begun)
            },
            Proof::Given { strategy } => Self {
                object: Cow::Owned(format!("verification_{}", strategy.as_str())),
                status: Some("verified"),
                strategy: Some(strategy.as_str()),
                ..Self::not_begun()
            },
        }
    }

    /// Of what has not begun: without status and strategy.
    pub(crate) const fn not_begun() -> Self {
        Self {
            object: Cow::Borrowed("verification_otp"),
            id: None,
            status: None,
            strategy: None,
            attempts: None,
            expire_at: None,
            channel: None,
        }
    }

    /// As the SDK asks for it where a right code leads to a sign-up.
    pub(crate) fn transferable(self) -> Self {
        Self {
            status: Some("transferable"),
            ..self
        }
    }

    /// With the id by which a back end tries a code on it.
    pub(crate) fn with_id(self, id: &str) -> Self {
        Self {
            id: Some(id.to_owned()),
            ..self
        }
    }
}

/// 5.3: the account of an identity provider, which vouches for the number.
#[derive(Serialize)]
struct IdentificationLinkJson<'a> {
    r#type: String,
    id: &'a str,
}

impl<'a> IdentificationLinkJson<'a> {
    fn of(account: &'a ExternalAccount) -> Self {
        Self {
            r#type: format!("oauth_{}", account.provider),
            id: account.id.as_str(),
        }
    }
}

/// 5.1
#[derive(Serialize)]
pub(crate) struct PhoneNumberJson<'a> {
    id: &'a str,
    object: &'static str,
    phone_number: &'a str,
    reserved_for_second_factor: bool,
    default_second_factor: bool,
    reserved: bool,
    verification: Option<VerificationJson>,
    linked_to: Vec<IdentificationLinkJson<'a>>,
    backup_codes: Option<Vec<&'a str>>,
    created_at: i64,
    updated_at: i64,
}

impl<'a> PhoneNumberJson<'a> {
    /// One number of a user. `codes` are the backup codes that this very answer issues.
    pub(crate) fn of(
        user: &'a User,
        id: &PhoneNumberId,
        codes: Option<&'a [BackupCode]>,
        now: Timestamp,
    ) -> Result<Self, PhoneError> {
        let number = user.phones.get(id).ok_or(PhoneError::NotFound)?;
        Ok(Self::new(user, number, codes, now))
    }

    fn new(user: &'a User, number: &'a PhoneNumber, codes: Option<&'a [BackupCode]>, now: Timestamp) -> Self {
        let account = user.external_account.as_ref().filter(|_| number.linked);
        Self {
            id: number.id.as_str(),
            object: "phone_number",
            phone_number: number.number.as_str(),
            reserved_for_second_factor: number.reserved_for_second_factor,
            default_second_factor: user.phones.is_default_second_factor(&number.id),
            reserved: number.held,
            verification: VerificationJson::of(&number.verification, now),
            linked_to: account.map(IdentificationLinkJson::of).into_iter().collect(),
            backup_codes: codes.map(|codes| codes.iter().map(BackupCode::reveal).collect()),
            created_at: number.created_at.as_millis(),
            updated_at: number.updated_at.as_millis(),
        }
    }
}

/// All numbers of a user, oldest first.
pub(crate) fn phone_numbers(user: &User, now: Timestamp) -> Vec<PhoneNumberJson<'_>> {
    user.phones
        .numbers()
        .iter()
        .map(|number| PhoneNumberJson::new(user, number, None, now))
        .collect()
}

/// 5.4
#[expect(clippy::struct_excessive_bools, reason = "the contract has them")]
#[derive(Serialize)]
pub(crate) struct UserJson<'a> {
    id: &'a str,
    object: &'static str,
    username: Option<&'a str>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    image_url: &'static str,
    profile_image_url: &'static str,
    has_image: bool,
    primary_email_address_id: Option<()>,
    primary_phone_number_id: Option<&'a str>,
    primary_web3_wallet_id: Option<()>,
    password_enabled: bool,
    two_factor_enabled: bool,
    totp_enabled: bool,
    backup_code_enabled: bool,
    email_addresses: [(); 0],
    phone_numbers: Vec<PhoneNumberJson<'a>>,
    web3_wallets: [(); 0],
    passkeys: [(); 0],
    organization_memberships: [(); 0],
    external_accounts: [(); 0],
    saml_accounts: [(); 0],
    enterprise_accounts: [(); 0],
    password_last_updated_at: Option<i64>,
    public_metadata: &'a Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_metadata: Option<&'a Map<String, Value>>,
    unsafe_metadata: &'a Map<String, Value>,
    external_id: Option<&'a str>,
    last_sign_in_at: Option<i64>,
    banned: bool,
    locked: bool,
    lockout_expires_in_seconds: Option<u64>,
    verification_attempts_remaining: Option<u32>,
    created_at: i64,
    updated_at: i64,
    delete_self_enabled: bool,
    create_organization_enabled: bool,
    create_organizations_limit: Option<u32>,
    last_active_at: Option<i64>,
    mfa_enabled_at: Option<i64>,
    mfa_disabled_at: Option<i64>,
    legal_accepted_at: Option<i64>,
    locale: Option<&'a str>,
}

impl<'a> UserJson<'a> {
    /// As the user may see it.
    pub(crate) fn for_user(user: &'a User, cases: &UseCases) -> Self {
        Self::at(user, cases.now(), &cases.policy().lockout)
    }

    fn at(user: &'a User, now: Timestamp, lockout: &Lockout) -> Self {
        let (profile, phones) = (&user.profile, user.phones.parts());
        let locked_for = user.locked_for(now);
        Self {
            id: user.id.as_str(),
            object: "user",
            username: profile.username.as_ref().map(phoneproof_domain::Username::as_str),
            first_name: profile.first_name.as_ref().map(phoneproof_domain::ShortText::as_str),
            last_name: profile.last_name.as_ref().map(phoneproof_domain::ShortText::as_str),
            image_url: "",
            profile_image_url: "",
            has_image: false,
            primary_email_address_id: None,
            primary_phone_number_id: phones.primary.as_ref().map(phoneproof_domain::PhoneNumberId::as_str),
            primary_web3_wallet_id: None,
            password_enabled: user.password.is_some(),
            two_factor_enabled: user.two_factor_enabled(),
            totp_enabled: false,
            backup_code_enabled: user.phones.backup_code_enabled(),
            email_addresses: [],
            phone_numbers: phone_numbers(user, now),
            web3_wallets: [],
            passkeys: [],
            organization_memberships: [],
            external_accounts: [],
            saml_accounts: [],
            enterprise_accounts: [],
            password_last_updated_at: user.password.as_ref().map(|stored| stored.updated_at.as_millis()),
            public_metadata: profile.public_metadata.as_object(),
            private_metadata: None,
            unsafe_metadata: profile.unsafe_metadata.as_object(),
            external_id: profile.external_id.as_ref().map(phoneproof_domain::ShortText::as_str),
            last_sign_in_at: user.last_sign_in_at.map(Timestamp::as_millis),
            banned: user.banned,
            locked: locked_for.is_some(),
            lockout_expires_in_seconds: locked_for.map(|left| left.as_secs().max(1)),
            verification_attempts_remaining: user.failures.second_factor.remaining(now, lockout),
            created_at: user.created_at.as_millis(),
            updated_at: user.updated_at.as_millis(),
            delete_self_enabled: user.delete_self_enabled,
            create_organization_enabled: false,
            create_organizations_limit: None,
            last_active_at: user.last_active_at.map(Timestamp::as_millis),
            mfa_enabled_at: phones.mfa_enabled_at.map(Timestamp::as_millis),
            mfa_disabled_at: phones.mfa_disabled_at.map(Timestamp::as_millis),
            legal_accepted_at: None,
            locale: profile.locale.as_ref().map(phoneproof_domain::ShortText::as_str),
        }
    }

    /// As a back end may see it: with the private metadata.
    pub(crate) fn for_back_end(user: &'a User, cases: &UseCases) -> Self {
        Self {
            private_metadata: Some(user.profile.private_metadata.as_object()),
            ..Self::for_user(user, cases)
        }
    }
}

/// A user as an event tells of it: as a back end sees it.
pub(crate) fn user_event(user: &User, now: Timestamp, lockout: &Lockout) -> Value {
    json!(UserJson {
        private_metadata: Some(user.profile.private_metadata.as_object()),
        ..UserJson::at(user, now, lockout)
    })
}

/// 5.10
#[derive(Serialize)]
pub(crate) struct DeletedJson<'a> {
    object: &'static str,
    id: &'a str,
    deleted: bool,
}

impl<'a> DeletedJson<'a> {
    pub(crate) fn new(object: &'static str, id: &'a str) -> Self {
        Self {
            object,
            id,
            deleted: true,
        }
    }
}

/// 5.10
#[derive(Serialize)]
pub(crate) struct BackupCodesJson<'a> {
    object: &'static str,
    id: String,
    codes: Vec<&'a str>,
    created_at: i64,
    updated_at: i64,
}

impl<'a> BackupCodesJson<'a> {
    /// A set that is shown this once; `id` names it nowhere else.
    pub(crate) fn new(id: String, codes: &'a [BackupCode], now: Timestamp) -> Self {
        let (created_at, updated_at) = (now.as_millis(), now.as_millis());
        Self {
            object: "backup_code",
            id,
            codes: codes.iter().map(BackupCode::reveal).collect(),
            created_at,
            updated_at,
        }
    }
}
