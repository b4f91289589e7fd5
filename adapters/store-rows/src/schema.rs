//! The tables that all stores have alike, as Diesel knows them. The migrations of each store rule; this repeats them.
#![expect(missing_docs, reason = "the migrations say what the columns mean")]

diesel::table! {
    users (id) {
        id -> Text,
        revision -> BigInt,
        first_name -> Nullable<Text>,
        last_name -> Nullable<Text>,
        username -> Nullable<Text>,
        external_id -> Nullable<Text>,
        locale -> Nullable<Text>,
        public_metadata -> Text,
        private_metadata -> Text,
        unsafe_metadata -> Text,
        banned -> Bool,
        locked_until_ms -> Nullable<BigInt>,
        delete_self_enabled -> Bool,
        primary_phone_number_id -> Nullable<Text>,
        mfa_enabled_at_ms -> Nullable<BigInt>,
        mfa_disabled_at_ms -> Nullable<BigInt>,
        last_active_at_ms -> Nullable<BigInt>,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
        password_hash -> Nullable<Text>,
        password_updated_at_ms -> Nullable<BigInt>,
        password_compromised -> Bool,
        failures -> Nullable<Text>,
        texted_notices -> Nullable<Text>,
        credentials_generation -> BigInt,
        sessions_generation -> BigInt,
        last_sign_in_at_ms -> Nullable<BigInt>,
        notice_email -> Nullable<Text>,
        external_account -> Nullable<Text>,
    }
}

diesel::table! {
    phone_numbers (user_id, id) {
        user_id -> Text,
        id -> Text,
        number -> Text,
        held -> Bool,
        reserved_for_second_factor -> Bool,
        default_second_factor -> Bool,
        verification_state -> Text,
        attempts -> Nullable<Integer>,
        code_hash -> Nullable<Binary>,
        prepared_at_ms -> Nullable<BigInt>,
        expires_at_ms -> Nullable<BigInt>,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
        by_back_end -> Nullable<Text>,
        linked -> Bool,
        by_provider -> Bool,
    }
}

diesel::table! {
    instance_settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    blocklist (number) {
        number -> Text,
        id -> Text,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    allowlist (number) {
        number -> Text,
        id -> Text,
        created_at_ms -> BigInt,
    }
}

diesel::table! {
    backup_codes (user_id, position) {
        user_id -> Text,
        position -> Integer,
        hash -> Binary,
        used_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    clients (id) {
        id -> Text,
        revision -> BigInt,
        token_hash -> Binary,
        replaced_tokens -> Nullable<Text>,
        last_active_session_id -> Nullable<Text>,
        last_strategy -> Nullable<Text>,
        sign_up -> Nullable<Text>,
        sign_up_id -> Nullable<Text>,
        sign_in -> Nullable<Text>,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
    }
}

diesel::table! {
    sessions (client_id, id) {
        client_id -> Text,
        id -> Text,
        user_id -> Text,
        ending -> Nullable<Text>,
        generation -> BigInt,
        first_factor_at_ms -> Nullable<BigInt>,
        second_factor_at_ms -> Nullable<BigInt>,
        reverification -> Nullable<Text>,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        created_at_ms -> BigInt,
        last_active_at_ms -> BigInt,
        expire_at_ms -> BigInt,
        updated_at_ms -> BigInt,
    }
}

diesel::table! {
    sign_in_tokens (id) {
        id -> Text,
        revision -> BigInt,
        token_hash -> Binary,
        user_id -> Text,
        status -> Text,
        expires_at_ms -> BigInt,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
    }
}

diesel::table! {
    signing_keys (id) {
        id -> Text,
        sealed -> Binary,
        signs_from_ms -> BigInt,
        retires_at_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    sms_messages (id) {
        id -> Text,
        number -> Text,
        user_id -> Nullable<Text>,
        phone_number_id -> Nullable<Text>,
        sealed -> Nullable<Text>,
        state -> Text,
        gateway -> Nullable<Text>,
        provider_id -> Nullable<Text>,
        tries -> BigInt,
        unsettled -> BigInt,
        segments -> BigInt,
        error -> Nullable<Text>,
        due_at_ms -> Nullable<BigInt>,
        expires_at_ms -> BigInt,
        created_at_ms -> BigInt,
        updated_at_ms -> BigInt,
    }
}

diesel::table! {
    webhook_events (id) {
        id -> Text,
        kind -> Text,
        body -> Text,
        created_at_ms -> BigInt,
        due_at_ms -> Nullable<BigInt>,
        tries -> Integer,
        delivered_at_ms -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    copies (unfinished) {
        unfinished -> Bool,
        source -> Text,
        part -> Text,
        after -> Nullable<Text>,
    }
}

diesel::joinable!(phone_numbers -> users (user_id));
diesel::joinable!(sessions -> clients (client_id));
diesel::allow_tables_to_appear_in_same_query!(users, phone_numbers, backup_codes, sessions, clients);
