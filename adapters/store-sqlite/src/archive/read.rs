//! One page of a part.

use diesel::dsl::{count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use phoneproof_domain::ports::{Part, Record};
use phoneproof_store_rows::archive::{
    AllowedNumberRow, BlockedNumberRow, COUNT_LIMITS, EventRow, LimitRows, Number, SettingRow, SigningKeyRow,
    WholeClientRow, WholeSignInTokenRow, WholeUserRow, records,
};
use phoneproof_store_rows::page_of;
use phoneproof_store_rows::rows::{
    BackupCodeRow, ClientRow, MessageRow, PhoneNumberRow, SessionRow, SignInTokenRow, UserRow,
};
use phoneproof_store_rows::schema::{
    allowlist, backup_codes, blocklist, clients, instance_settings, phone_numbers, sessions, sign_in_tokens,
    signing_keys, sms_messages, users, webhook_events,
};

use crate::readers::ReadError;
use crate::schema::limits;

pub(super) fn count(connection: &mut SqliteConnection, part: Part) -> Result<u64, ReadError> {
    macro_rules! rows {
        ($table:ident) => {
            $table::table.count().get_result::<i64>(connection)?
        };
    }
    let count = match part {
        Part::Users => rows!(users),
        Part::PhoneNumbers => rows!(phone_numbers),
        Part::BackupCodes => rows!(backup_codes),
        Part::Clients => rows!(clients),
        Part::Sessions => rows!(sessions),
        Part::SignInTokens => rows!(sign_in_tokens),
        Part::SigningKeys => rows!(signing_keys),
        Part::Limits => diesel::sql_query(COUNT_LIMITS).get_result::<Number>(connection)?.number,
        Part::Events => rows!(webhook_events),
        Part::Messages => rows!(sms_messages),
        Part::Settings => rows!(instance_settings),
        Part::Blocklist => rows!(blocklist),
        Part::Allowlist => rows!(allowlist),
    };
    Ok(count.unsigned_abs())
}

pub(super) fn page(
    connection: &mut SqliteConnection,
    part: Part,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<Record>, ReadError> {
    macro_rules! load {
        ($query:expr) => {
            $query.load(connection)?
        };
    }
    macro_rules! page {
        ($($what:tt)*) => {
            page_of!(load, after, limit, $($what)*)
        };
    }
    Ok(match part {
        Part::Users => page!(WholeUserRow = UserRow: users by id),
        Part::PhoneNumbers => page!(PhoneNumberRow: phone_numbers by id),
        Part::BackupCodes => backup_codes(connection, after, limit)?,
        Part::Clients => page!(WholeClientRow = ClientRow: clients by id),
        Part::Sessions => page!(SessionRow: sessions by id),
        Part::SignInTokens => page!(WholeSignInTokenRow = SignInTokenRow: sign_in_tokens by id),
        Part::SigningKeys => page!(SigningKeyRow: signing_keys by id),
        Part::Limits => limits(connection, after, limit)?,
        Part::Events => page!(EventRow: webhook_events by id),
        Part::Messages => page!(MessageRow: sms_messages by id),
        Part::Settings => page!(SettingRow: instance_settings by name),
        Part::Blocklist => page!(BlockedNumberRow: blocklist by number),
        Part::Allowlist => page!(AllowedNumberRow: allowlist by number),
    })
}

fn backup_codes(
    connection: &mut SqliteConnection,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<Record>, ReadError> {
    let mut page = backup_codes::table
        .select(BackupCodeRow::as_select())
        .order_by((backup_codes::user_id, backup_codes::position))
        .limit(limit.into())
        .into_boxed();
    if let Some(after) = after {
        let (user, position) = BackupCodeRow::parse_key(&after)?;
        let later = sql::<Bool>("(user_id, position) > (")
            .bind::<Text, _>(user)
            .sql(", ")
            .bind::<Integer, _>(position);
        page = page.filter(later.sql(")"));
    }
    let rows: Vec<BackupCodeRow> = page.load(connection)?;
    Ok(records(&rows)?)
}

fn limits(connection: &mut SqliteConnection, after: Option<String>, limit: u32) -> Result<Vec<Record>, ReadError> {
    let columns = (limits::key, limits::at_ms, limits::forget_at_ms);
    let mut page = limits::table
        .group_by(columns)
        .select((limits::key, limits::at_ms, limits::forget_at_ms, count_star()))
        .order_by(columns)
        .limit(limit.into())
        .into_boxed();
    if let Some(after) = after {
        let (key, at, forget_at) = LimitRows::parse_key(&after)?;
        let later = sql::<Bool>("(key, at_ms, forget_at_ms) > (")
            .bind::<Text, _>(key)
            .sql(", ")
            .bind::<BigInt, _>(at)
            .sql(", ")
            .bind::<BigInt, _>(forget_at);
        page = page.filter(later.sql(")"));
    }
    let rows: Vec<LimitRows> = page.load(connection)?;
    Ok(records(&rows)?)
}
