//! Records as `COPY` takes them: a line a row, fields between tabs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phoneproof_domain::ports::{Part, Record, StoreError};
use phoneproof_store_rows::archive::table_of;
use phoneproof_store_rows::corrupt;
use serde_json::{Map, Value};

/// The column of [`Part::Limits`] that is none: it says how many rows are alike.
const TIMES: &str = "times";

/// Rows of one table.
pub(super) struct CopyText {
    /// `COPY table (columns) FROM STDIN`; none if there are no rows.
    pub(super) statement: Option<String>,
    /// What to say to it.
    pub(super) lines: Vec<u8>,
}

type Fields = BTreeMap<String, Value>;

impl CopyText {
    /// The columns are those of the first record, and every record must have the same.
    pub(super) fn of(part: Part, records: &[Record]) -> Result<Self, StoreError> {
        let (mut columns, mut lines): (Vec<String>, _) = (Vec::new(), String::new());
        for record in records {
            let wrong = |what: &str| corrupt("the archive", &record.key, what);
            let mut fields = fields(record)?;
            let times = match part {
                Part::Limits => fields.remove(TIMES).and_then(|times| times.as_u64()),
                _ => Some(1),
            };
            let times = times.ok_or_else(|| wrong("it does not say how many they are"))?;
            if columns.is_empty() {
                columns = fields.keys().cloned().collect();
            } else if !fields.keys().eq(&columns) {
                return Err(wrong("it has other columns than those before it"));
            }
            for _ in 0..times {
                line(&mut lines, &fields).map_err(|what| wrong(&what))?;
            }
        }
        let quoted: Vec<String> = columns
            .iter()
            .map(|column| format!("\"{}\"", column.replace('"', "\"\"")))
            .collect();
        let statement = format!("COPY {} ({}) FROM STDIN", table_of(part), quoted.join(", "));
        Ok(Self {
            statement: (!records.is_empty()).then_some(statement),
            lines: lines.into_bytes(),
        })
    }
}

/// The columns of a record. Objects in it are groups of columns, and have no name in a table.
fn fields(record: &Record) -> Result<Fields, StoreError> {
    fn collect(object: Map<String, Value>, into: &mut Fields) {
        for (name, value) in object {
            match value {
                Value::Object(group) => collect(group, into),
                value => drop(into.insert(name, value)),
            }
        }
    }
    let object = serde_json::from_str(&record.content);
    let object = object.map_err(|error| corrupt("the archive", &record.key, error))?;
    let mut fields = Fields::new();
    collect(object, &mut fields);
    Ok(fields)
}

fn line(lines: &mut String, fields: &Fields) -> Result<(), String> {
    for (at, (column, value)) in fields.iter().enumerate() {
        if at > 0 {
            lines.push('\t');
        }
        match value {
            Value::Null => lines.push_str("\\N"),
            Value::Bool(value) => lines.push(if *value { 't' } else { 'f' }),
            Value::Number(number) => drop(write!(lines, "{number}")),
            Value::String(text) => escape(lines, text),
            Value::Array(_) | Value::Object(_) => return Err(format!("{column} is a list")),
        }
    }
    lines.push('\n');
    Ok(())
}

fn escape(lines: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\n', '\r', '\t']) {
        lines.push_str(&rest[..at]);
        lines.push_str(match rest.as_bytes()[at] {
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    lines.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(content: &str) -> Record {
        Record {
            key: "key".to_owned(),
            content: content.to_owned(),
        }
    }

    fn told(part: Part, contents: &[&str]) -> (String, String) {
        let records: Vec<Record> = contents.iter().map(|content| record(content)).collect();
        let page = CopyText::of(part, &records).unwrap();
        (
            page.statement.unwrap_or_default(),
            String::from_utf8(page.lines).unwrap(),
        )
    }

    #[test]
    fn groups_of_columns_and_every_kind_of_value_have_their_place() {
        let content =
            r#"{"row":{"id":"a","profile":{"name":"x\ty\nz\\N","hash":"\\x00ff","at":-1,"none":null}},"is":true}"#;
        let (statement, lines) = told(Part::Users, &[content]);
        assert_eq!(
            statement,
            r#"COPY users ("at", "hash", "id", "is", "name", "none") FROM STDIN"#
        );
        assert_eq!(lines, "-1\t\\\\x00ff\ta\tt\tx\\ty\\nz\\\\N\t\\N\n");
    }

    #[test]
    fn limits_that_are_alike_are_as_many_lines() {
        let (statement, lines) = told(Part::Limits, &[r#"{"key":"a","times":2}"#, r#"{"key":"b","times":1}"#]);
        assert_eq!(statement, r#"COPY limits ("key") FROM STDIN"#);
        assert_eq!(lines, "a\na\nb\n");
    }

    #[test]
    fn nothing_is_no_statement() {
        assert_eq!(told(Part::Users, &[]), (String::new(), String::new()));
    }

    #[test]
    fn what_is_no_row_is_refused() {
        for contents in [
            vec!["[]"],
            vec![r#"{"a":[1]}"#],
            vec![r#"{"a":1}"#, r#"{"b":1}"#],
            vec![r#"{"a":1}"#, r#"{"a":1,"b":1}"#],
        ] {
            let records: Vec<Record> = contents.iter().map(|content| record(content)).collect();
            assert!(CopyText::of(Part::Users, &records).is_err(), "{contents:?}");
        }
        assert!(CopyText::of(Part::Limits, &[record(r#"{"key":"a"}"#)]).is_err());
    }
}
