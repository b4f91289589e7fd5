//! Writing one page of a part.

use diesel::prelude::*;
use phoneproof_domain::ports::{Part, Record, StoreError};
use phoneproof_store_rows::archive::{
    AllowedNumberRow, BlockedNumberRow, EventRow, LimitRows, SettingRow, SigningKeyRow, WholeClientRow,
    WholeSignInTokenRow, WholeUserRow, rows,
};
use phoneproof_store_rows::rows::{BackupCodeRow, MessageRow, PhoneNumberRow, SessionRow};
use phoneproof_store_rows::schema::{
    allowlist, backup_codes, blocklist, clients, instance_settings, phone_numbers, sessions, sign_in_tokens,
    signing_keys, sms_messages, users, webhook_events,
};

use crate::errors::Failure;
use crate::limiter;

/// What writes a page, in the writing thread. It may be done twice.
type Insert = Box<dyn Fn(&mut SqliteConnection) -> Result<(), Failure> + Send>;

/// Understands `records` here, so that the writing thread has only to write.
pub(super) fn insert(part: Part, records: &[Record]) -> Result<Insert, StoreError> {
    macro_rules! each {
        ($row:ty: $table:ident) => {{
            let rows: Vec<$row> = rows(records)?;
            Box::new(move |connection| {
                for row in &rows {
                    diesel::insert_into($table::table).values(row).execute(connection)?;
                }
                Ok(())
            })
        }};
    }
    Ok(match part {
        Part::Users => each!(WholeUserRow: users),
        Part::PhoneNumbers => each!(PhoneNumberRow: phone_numbers),
        Part::BackupCodes => each!(BackupCodeRow: backup_codes),
        Part::Clients => each!(WholeClientRow: clients),
        Part::Sessions => each!(SessionRow: sessions),
        Part::SignInTokens => each!(WholeSignInTokenRow: sign_in_tokens),
        Part::SigningKeys => each!(SigningKeyRow: signing_keys),
        Part::Limits => limits(rows(records)?),
        Part::Events => each!(EventRow: webhook_events),
        Part::Messages => each!(MessageRow: sms_messages),
        Part::Settings => each!(SettingRow: instance_settings),
        Part::Blocklist => each!(BlockedNumberRow: blocklist),
        Part::Allowlist => each!(AllowedNumberRow: allowlist),
    })
}

fn limits(rows: Vec<LimitRows>) -> Insert {
    Box::new(move |connection| {
        for row in &rows {
            for _ in 0..row.times {
                let number = limiter::last(connection, &row.key)? + 1;
                limiter::insert(connection, &row.key, number, row.at_ms, row.forget_at_ms)?;
            }
        }
        Ok(())
    })
}
