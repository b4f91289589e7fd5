//! Times as JavaScript writes a `Date` into JSON, and so Clerk's back-end SDK.

use std::ops::Range;

/// `2027-01-15T08:00:00.000Z` (the profile of RFC 3339 that `Date.toISOString` writes) as
/// milliseconds since the Unix epoch. The fraction may be left out.
pub(crate) fn millis(text: &str) -> Option<i64> {
    let number = |digits: Range<usize>| -> Option<i64> {
        let digits = text.get(digits)?;
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then(|| digits.parse().ok()).flatten()
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !marks.iter().all(|(at, mark)| text.as_bytes().get(*at) == Some(mark)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let milli = match text.get(19..)? {
        "Z" => 0,
        fraction if fraction.len() == 5 && fraction.starts_with('.') && fraction.ends_with('Z') => number(20..23)?,
        _ => return None,
    };
    let date_exists = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    if !date_exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1000 + milli)
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the years 0 to 9999.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // Leap years before `year`, the year 0 included.
    let leap_years = |year: i64| (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let years = (year - 1970) * 365 + leap_years(year) - leap_years(1970);
    years + (1..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_javascript_are_read() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2027-01-15T08:00:00.000Z", 1_800_000_000_000),
            ("2000-02-29T12:34:56.789Z", 951_827_696_789),
            ("2000-03-01T00:00:00.000Z", 951_868_800_000),
            ("1900-03-01T00:00:00.000Z", -2_203_891_200_000),
            ("0000-01-01T00:00:00.000Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_such_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2027-01-15",
            "2027-01-15T08:00:00",
            "2027-01-15T08:00:00.1Z",
            "2027-01-15T08:00:00,000Z",
            "2027-01-15T08:00:00+01:00",
            "2027-01-15 08:00:00Z",
            "2027-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2027-13-01T00:00:00Z",
            "2027-00-01T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "2027-01-01T00:60:00Z",
            "2027-01-01T00:00:60Z",
            "+027-01-01T00:00:00Z",
            "2027-01-01T00:00:00.\u{e9}0Z",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
