//! The tables, as Diesel knows them. The migrations rule; this repeats them.

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

diesel::allow_tables_to_appear_in_same_query!(users, phone_numbers, backup_codes);
