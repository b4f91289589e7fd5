//! The objects of the contract's section 5 and 8, a line each.

use serde_json::{Map, Value, json};

/// Name and fields. A field is `name:type`, text if no type is given; `?` before a type means that it may be
/// null, `~` before a name that it may be absent. Types: `s` text, `b` boolean, `i` integer, `o` object,
/// `[…]` list, `=…` this very text, `*` anything, else a schema.
const SCHEMAS: &[(&str, &str)] = &[
    (
        "PhoneNumber",
        "id object:=phone_number phone_number reserved_for_second_factor:b default_second_factor:b reserved:b \
         verification:?Verification linked_to:[IdentificationLink] backup_codes:?[s] created_at:i updated_at:i",
    ),
    (
        "Verification",
        "object ~id status:?s strategy:?s ~attempts:?i ~expire_at:?i ~channel ~next_action ~supported_strategies:[s] ~error:?o",
    ),
    ("IdentificationLink", "type id"),
    (
        "User",
        "id object:=user username:?s first_name:?s last_name:?s image_url has_image:b primary_phone_number_id:?s \
         password_enabled:b two_factor_enabled:b totp_enabled:b backup_code_enabled:b phone_numbers:[PhoneNumber] \
         email_addresses:[o] web3_wallets:[o] passkeys:[o] external_accounts:[o] password_last_updated_at:?i \
         public_metadata:o unsafe_metadata:o ~private_metadata:o external_id:?s last_sign_in_at:?i banned:b locked:b \
         lockout_expires_in_seconds:?i verification_attempts_remaining:?i created_at:i updated_at:i delete_self_enabled:b \
         last_active_at:?i mfa_enabled_at:?i mfa_disabled_at:?i locale:?s",
    ),
    (
        "Session",
        "object:=session id status expire_at:i abandon_at:i last_active_at:i actor:?o tasks:?[o] \
         factor_verification_age:?[i] user:?User public_user_data:?o last_active_token:?Token created_at:i updated_at:i",
    ),
    (
        "SessionWithActivities",
        "object id status expire_at:i abandon_at:i last_active_at:i ~actor:?o latest_activity:?o",
    ),
    (
        "Client",
        "object:=client id sessions:[Session] sign_in:?SignIn sign_up:?SignUp last_active_session_id:?s \
         last_authentication_strategy:?s cookie_expires_at:?i captcha_bypass:b created_at:i updated_at:i",
    ),
    (
        "SignUp",
        "object:=sign_up_attempt id status required_fields:[s] optional_fields:[s] missing_fields:[s] unverified_fields:[s] \
         verifications:o phone_number:?s has_password:b first_name:?s last_name:?s unsafe_metadata:o created_session_id:?s \
         created_user_id:?s abandon_at:i locale:?s",
    ),
    (
        "SignIn",
        "object:=sign_in_attempt id status supported_identifiers:[s] identifier:?s supported_first_factors:?[Factor] \
         supported_second_factors:?[Factor] first_factor_verification:?Verification second_factor_verification:?Verification \
         user_data:?o created_session_id:?s abandon_at:i",
    ),
    (
        "Factor",
        "strategy ~phone_number_id ~safe_identifier ~primary:b ~default:b",
    ),
    (
        "SessionReverification",
        "object:=session_reverification id status level session:Session supported_first_factors:?[Factor] \
         supported_second_factors:?[Factor] first_factor_verification:?Verification second_factor_verification:?Verification",
    ),
    (
        "BackupCodes",
        "object:=backup_code id codes:[s] created_at:i updated_at:i",
    ),
    ("Deleted", "object id deleted:b"),
    ("Token", "object:=token jwt"),
    ("DevBrowser", "id"),
    (
        "Environment",
        "auth_config:o display_config:o user_settings:o organization_settings:o",
    ),
    ("Keys", "keys:[o]"),
    (
        "BackEndSession",
        "object:=session id user_id client_id actor:?o status last_active_at:i latest_activity:?o expire_at:i \
         abandon_at:i tasks:?[o] created_at:i updated_at:i",
    ),
    (
        "BackEndClient",
        "object:=client id session_ids:[s] sessions:[BackEndSession] sign_in_id:?s sign_up_id:?s last_active_session_id:?s \
         last_authentication_strategy:?s created_at:i updated_at:i",
    ),
    (
        "SignInToken",
        "object:=sign_in_token id status user_id ~token ~url:?s created_at:i updated_at:i",
    ),
    ("TestingToken", "object:=testing_token token expires_at:i"),
    ("TotalCount", "object:=total_count total_count:i"),
    ("UserId", "user_id"),
    ("Verified", "verified:b"),
    ("VerifiedCode", "verified:b code_type:=backup_code"),
    ("Nothing", "data:[o] total_count:i"),
    ("Instance", "object:=instance id environment_type allowed_origins:[s]"),
    (
        "Restrictions",
        "object:=instance_restrictions allowlist:b blocklist:b allowlist_blocklist_disabled_on_sign_in:b \
         block_email_subaddresses:b block_disposable_email_domains:b ignore_dots_for_gmail_addresses:b",
    ),
    (
        "AllowlistIdentifier",
        "object:=allowlist_identifier id identifier identifier_type instance_id invitation_id:?s created_at:i updated_at:i",
    ),
    (
        "BlocklistIdentifier",
        "object:=blocklist_identifier id identifier identifier_type created_at:i updated_at:i",
    ),
    (
        "SmsMessage",
        "object:=sms_message id to_phone_number user_id:?s phone_number_id:?s status gateway:?s provider_message_id:?s \
         attempts:i segments:i error:?s next_attempt_at:?i expire_at:i created_at:i updated_at:i",
    ),
    ("Blocklist", "data:[BlocklistIdentifier] total_count:i"),
    ("Communication", "object blocked_country_codes:[s]"),
    ("HandshakePayload", "directives:[s]"),
    ("Health", "status store"),
    ("Readiness", "status"),
    ("Error", "code message long_message ~meta:?o"),
    ("Errors", "errors:[Error] ~clerk_trace_id"),
];

pub(super) fn all() -> Map<String, Value> {
    SCHEMAS
        .iter()
        .map(|(name, fields)| ((*name).to_owned(), object(fields)))
        .collect()
}

fn object(fields: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in fields.split_whitespace() {
        let (name, kind) = field.split_once(':').unwrap_or((field, "s"));
        let known = name.trim_start_matches('~');
        properties.insert(known.to_owned(), reference(kind));
        if known == name {
            required.push(name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// A type of the notation above.
pub(super) fn reference(kind: &str) -> Value {
    if let Some(kind) = kind.strip_prefix('?') {
        return match reference(kind) {
            // A plain type takes null beside it; a reference or list stands beside it.
            Value::Object(plain) if plain.len() == 1 && plain.contains_key("type") => {
                json!({ "type": [plain["type"], "null"] })
            }
            other => json!({ "anyOf": [other, { "type": "null" }] }),
        };
    }
    if let Some(items) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        return json!({ "type": "array", "items": reference(items) });
    }
    if let Some(text) = kind.strip_prefix('=') {
        return json!({ "const": text });
    }
    match kind {
        "s" => json!({ "type": "string" }),
        "b" => json!({ "type": "boolean" }),
        "i" => json!({ "type": "integer" }),
        "o" => json!({ "type": "object" }),
        "*" => json!({}),
        schema => json!({ "$ref": format!("#/components/schemas/{schema}") }),
    }
}
