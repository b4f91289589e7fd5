//! Writing one page of a part.

use diesel::prelude::*;
use diesel::query_builder::QueryFragment;
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

use crate::schema::limits;
use crate::transaction::Step;

/// Rows of one `INSERT`. A statement has at most 65,535 parameters, and the widest row less than 60 columns.
const ROWS: usize = 1000;

/// The statements that write a page.
pub(super) fn steps(part: Part, records: &[Record]) -> Result<Vec<Step>, StoreError> {
    macro_rules! insert {
        ($row:ty: $table:ident) => {{
            let rows: Vec<$row> = rows(records)?;
            in_parts(rows, |part| diesel::insert_into($table::table).values(part))
        }};
    }
    Ok(match part {
        Part::Users => insert!(WholeUserRow: users),
        Part::PhoneNumbers => insert!(PhoneNumberRow: phone_numbers),
        Part::BackupCodes => insert!(BackupCodeRow: backup_codes),
        Part::Clients => insert!(WholeClientRow: clients),
        Part::Sessions => insert!(SessionRow: sessions),
        Part::SignInTokens => insert!(WholeSignInTokenRow: sign_in_tokens),
        Part::SigningKeys => insert!(SigningKeyRow: signing_keys),
        Part::Limits => {
            let events = rows::<LimitRows>(records)?.into_iter().flat_map(|row| {
                let event = (
                    limits::key.eq(row.key),
                    limits::at_ms.eq(row.at_ms),
                    limits::forget_at_ms.eq(row.forget_at_ms),
                );
                std::iter::repeat_n(event, usize::try_from(row.times).unwrap_or_default())
            });
            in_parts(events.collect(), |part| diesel::insert_into(limits::table).values(part))
        }
        Part::Events => insert!(EventRow: webhook_events),
        Part::Messages => insert!(MessageRow: sms_messages),
        Part::Settings => insert!(SettingRow: instance_settings),
        Part::Blocklist => insert!(BlockedNumberRow: blocklist),
        Part::Allowlist => insert!(AllowedNumberRow: allowlist),
    })
}

fn in_parts<R, S>(mut rows: Vec<R>, insert: impl Fn(Vec<R>) -> S) -> Vec<Step>
where
    S: QueryFragment<diesel::pg::Pg> + Send + Sync + 'static,
{
    let mut steps = Vec::new();
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(ROWS));
        steps.push(Step::new(insert(rows)));
        rows = rest;
    }
    steps
}
