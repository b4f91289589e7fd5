//! The object that tells the SDK's components how this instance is configured (contract 4.2).

use serde_json::{Value, json};

use crate::config::Settings;

/// All nine keys that every attribute has.
struct Attribute {
    enabled: bool,
    required: bool,
    first: &'static [&'static str],
    second: &'static [&'static str],
    verifications: &'static [&'static str],
}

const OFF: Attribute = Attribute {
    enabled: false,
    required: false,
    first: &[],
    second: &[],
    verifications: &[],
};

impl Attribute {
    fn json(&self) -> Value {
        json!({
            "enabled": self.enabled, "required": self.required,
            "used_for_first_factor": !self.first.is_empty(), "first_factors": self.first,
            "used_for_second_factor": !self.second.is_empty(), "second_factors": self.second,
            "verifications": self.verifications, "verify_at_sign_up": !self.verifications.is_empty(),
            "immutable": false,
        })
    }
}

/// The environment of an instance. It follows from the configuration alone.
#[expect(clippy::too_many_lines, reason = "one object, as the contract prints it")]
pub(crate) fn environment(settings: &Settings) -> Value {
    let policy = &settings.policy;
    let first_factor = policy.used_for_first_factor;
    let on = Attribute { enabled: true, ..OFF };
    let mut phone_number = Attribute {
        enabled: true,
        required: first_factor,
        first: if first_factor { &["phone_code"] } else { &[] },
        second: &["phone_code"],
        verifications: &["phone_code"],
    }
    .json();
    phone_number["channels"] = json!(["sms"]);
    let backup_code = Attribute {
        enabled: policy.backup_codes,
        second: if policy.backup_codes { &["backup_code"] } else { &[] },
        ..OFF
    };
    let password = Attribute {
        enabled: policy.passwords,
        ..OFF
    };
    let word = |on: bool| if on { "on" } else { "off" };
    let mut first_factors = vec![];
    if first_factor {
        first_factors.push("phone_code");
    }
    if policy.passwords {
        first_factors.extend(["password", "reset_password_phone_code"]);
    }
    first_factors.push("ticket");
    let mut second_factors = vec!["phone_code"];
    if policy.backup_codes {
        second_factors.push("backup_code");
    }
    let lockout = &policy.lockout;
    json!({
        "auth_config": {
            "object": "auth_config", "id": "aconf_phoneproof",
            "first_name": "on", "last_name": "on", "email_address": "off",
            "phone_number": if first_factor { "required" } else { "on" },
            "username": "off", "password": word(policy.passwords),
            "identification_requirements": [["phone_number"]], "identification_strategies": ["phone_number"],
            "first_factors": first_factors, "second_factors": second_factors,
            "email_address_verification_strategies": [], "single_session_mode": policy.single_session,
            "enhanced_email_deliverability": false, "test_mode": policy.test_mode, "url_based_session_syncing": true,
            "claimed_at": null, "reverification": policy.reverify_after.is_some(), "preferred_channels": {},
        },
        "display_config": display_config(settings),
        "user_settings": {
            "attributes": {
                "phone_number": phone_number,
                "backup_code": backup_code.json(),
                "password": password.json(),
                "first_name": on.json(), "last_name": on.json(),
                "email_address": OFF.json(), "username": OFF.json(), "web3_wallet": OFF.json(),
                "authenticator_app": OFF.json(), "ticket": on.json(), "passkey": OFF.json(),
            },
            "social": {}, "saml": { "enabled": false }, "enterprise_sso": { "enabled": false },
            "sign_in": { "second_factor": { "required": policy.second_factor_required, "enabled": true } },
            "sign_up": {
                "captcha_enabled": false, "captcha_widget_type": "smart", "custom_action_required": false, "progressive": true,
                "mode": if policy.sign_up_open { "public" } else { "restricted" },
                "legal_consent_enabled": false, "mfa": { "required": policy.second_factor_required },
            },
            "restrictions": {
                "allowlist": { "enabled": false }, "blocklist": { "enabled": true },
                "allowlist_blocklist_disabled_on_sign_in": { "enabled": false },
                "block_email_subaddresses": { "enabled": false }, "block_disposable_email_domains": { "enabled": false },
            },
            "password_settings": {
                "disable_hibp": true, "disable_password_reverification": false,
                "min_length": phoneproof_domain::Password::MIN_CHARS, "max_length": phoneproof_domain::Password::MAX_CHARS,
                "require_special_char": false, "require_numbers": false, "require_uppercase": false,
                "require_lowercase": false, "show_zxcvbn": false, "min_zxcvbn_strength": 0,
                "enforce_hibp_on_sign_in": false, "allowed_special_characters": "",
            },
            "username_settings": {
                "min_length": 4, "max_length": 64, "allow_extended_special_characters": false,
                "allow_numeric_usernames": false,
            },
            "actions": { "delete_self": true, "create_organization": false, "create_organizations_limit": null },
            "attack_protection": {
                "user_lockout": {
                    "enabled": lockout.attempts.is_some(), "max_attempts": lockout.attempts,
                    "duration_in_minutes": lockout.duration.as_secs().div_ceil(60),
                },
                "pii": { "enabled": true }, "email_link": { "require_same_client": false },
                "enumeration_protection": { "enabled": policy.enumeration_protection },
            },
            "passkey_settings": {
                "allow_autofill": false, "show_sign_in_button": false, "satisfies_second_factor": false,
            },
        },
        "organization_settings": {
            "enabled": false, "max_allowed_memberships": 0, "actions": { "admin_delete": false },
            "domains": { "enabled": false, "enrollment_modes": [], "default_role": "" },
            "slug": { "disabled": true }, "creator_role": "",
        },
        "commerce_settings": { "billing": {
            "stripe_publishable_key": null, "free_trial_requires_payment_method": false,
            "user": { "enabled": false, "has_paid_plans": false },
            "organization": { "enabled": false, "has_paid_plans": false },
        } },
        "api_keys_settings": { "enabled": false, "user_api_keys_enabled": false, "orgs_api_keys_enabled": false },
        "maintenance_mode": false, "client_debug_mode": false, "partitioned_cookies": false,
    })
}

/// Links are left empty: the application says where its pages are when it loads the SDK.
fn display_config(settings: &Settings) -> Value {
    let mut config = json!({
        "object": "display_config", "id": "display_config_phoneproof",
        "instance_environment_type": if settings.is_development() { "development" } else { "production" },
        "application_name": settings.policy.texts.application(), "theme": {}, "preferred_sign_in_strategy": "otp",
        "logo_image_url": null, "favicon_image_url": null,
        "support_email": null, "branded": false, "experimental_force_oauth_first": false, "clerk_js_version": "6",
        "show_devmode_warning": false, "google_one_tap_client_id": null, "help_url": null,
        "privacy_policy_url": null, "terms_url": null, "captcha_public_key": null, "captcha_widget_type": null,
        "captcha_public_key_invisible": null, "captcha_provider": null, "captcha_oauth_bypass": [],
        "captcha_heartbeat": false,
    });
    for link in [
        "home_url",
        "sign_in_url",
        "sign_up_url",
        "user_profile_url",
        "waitlist_url",
        "after_sign_in_url",
        "after_sign_up_url",
        "after_sign_out_one_url",
        "after_sign_out_all_url",
        "after_switch_session_url",
        "after_join_waitlist_url",
        "organization_profile_url",
        "create_organization_url",
        "after_leave_organization_url",
        "after_create_organization_url",
        "logo_link_url",
    ] {
        config[link] = json!("");
    }
    if let Some(url) = &settings.sign_in_url {
        config["sign_in_url"] = json!(url.as_str());
    }
    config
}
