//! Telephone numbers, in the one spelling that is stored, compared and sent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use rlibphonenumber::{PhoneNumber as LibNumber, PhoneNumberFormat};

/// Longest input that is looked at, in bytes: any real spelling is far shorter, and the parser
/// behind it never sees what an attacker made long.
const MAX_INPUT_BYTES: usize = 64;

/// A telephone number as ITU-T E.164 §6 writes it: `+`, country code, at most 15 digits.
///
/// This is what `PhoneNumber.toString()` gives: [`Display`](fmt::Display) and [`E164::as_str`]
/// are the whole number, for the wire and the carrier; `Debug` and [`E164::masked`] are for logs.
///
/// ```
/// # use phoneproof_domain::E164;
/// let number: E164 = "+15555550100".parse().unwrap();
/// assert_eq!(number.to_string(), "+15555550100");
/// assert_eq!(number.masked().to_string(), "+1•••••••0100");
/// assert!("555-0100".parse::<E164>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct E164(String);

/// Why a spelling is not a number that one can text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Nothing but blanks.
    #[error("the phone number is empty")]
    Empty,
    /// Over 64 bytes.
    #[error("the phone number is too long")]
    TooLong,
    /// A letter, an extension, an invisible mark, a digit that is not ASCII…
    #[error("the phone number has a character that does not belong into one")]
    Character,
    /// It does not start with `+` (or `00`), so its country is unknown.
    #[error("the phone number does not start with a plus sign and the country code")]
    NoCountryCode,
    /// Well-formed, but libphonenumber knows no such number.
    #[error("no such phone number exists")]
    NotAssigned,
}

impl E164 {
    /// Reads any reasonable international spelling: `+1 (415) 555-2671`, `+44 (0)20 7946 0958`,
    /// `0014155552671`, and answers the number only if libphonenumber's metadata call it valid.
    ///
    /// Blanks, dashes, dots, slashes and parentheses are dropped. Letters (vanity numbers),
    /// extensions, digits of other scripts and invisible marks are refused rather than guessed:
    /// a wrong guess texts a stranger. `00` is read as `+`, because people type it.
    ///
    /// ```
    /// # use phoneproof_domain::E164;
    /// assert_eq!(E164::parse_input(" +1 (415) 555-2671 ").unwrap().as_str(), "+14155552671");
    /// assert!(E164::parse_input("4155552671").is_err());
    /// ```
    ///
    /// # Errors
    /// A [`NumberError`] that says what is wrong with the spelling.
    pub fn parse_input(input: &str) -> Result<Self, NumberError> {
        let dialled = dialled(input)?;
        let number = LibNumber::parse(dialled.as_str(), None).map_err(|_| NumberError::NotAssigned)?;
        if !number.is_valid() {
            return Err(NumberError::NotAssigned);
        }
        number.format_as(PhoneNumberFormat::E164).parse()
    }

    /// The whole number, for instance `+14155552671`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as a page may show it before its user is known: `+1******2671` (contract 5.8).
    #[must_use]
    pub fn safe(&self) -> String {
        let digits = &self.0[1..];
        let (start, end) = (digits.len().min(1), digits.len().saturating_sub(4));
        format!("+{}******{}", &digits[..start], &digits[end..])
    }

    /// The number as it may stand in a log: first and last digits only.
    #[must_use]
    pub fn masked(&self) -> Masked<'_> {
        Masked(&self.0)
    }
}

/// Reduces a spelling to `+` and digits, or says what does not belong.
pub(crate) fn dialled(input: &str) -> Result<String, NumberError> {
    if input.len() > MAX_INPUT_BYTES {
        return Err(NumberError::TooLong);
    }
    let trimmed = input.trim();
    if trimmed.is_empty() {
        return Err(NumberError::Empty);
    }
    let mut dialled = String::with_capacity(trimmed.len());
    for (at, character) in trimmed.chars().enumerate() {
        match character {
            '+' if at == 0 => dialled.push('+'),
            '0'..='9' => dialled.push(character),
            // Separators: ASCII ones, and those that address books paste (no-break spaces, dashes).
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{202f}' | '\u{2010}'..='\u{2013}' => {}
            _ => return Err(NumberError::Character),
        }
    }
    if let Some(international) = dialled.strip_prefix("00") {
        dialled = format!("+{international}");
    }
    if !dialled.starts_with('+') {
        return Err(NumberError::NoCountryCode);
    }
    Ok(dialled)
}

impl TryFrom<String> for E164 {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl From<E164> for String {
    fn from(number: E164) -> Self {
        number.0
    }
}

impl FromStr for E164 {
    type Err = NumberError;

    /// Takes the canonical form alone (what a store keeps); whether the number exists is not asked.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let digits = text.strip_prefix('+').ok_or(NumberError::NoCountryCode)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NumberError::Character);
        }
        match digits.len() {
            0..=3 => Err(NumberError::NotAssigned),
            4..=15 if digits.starts_with('0') => Err(NumberError::NotAssigned),
            4..=15 => Ok(Self(text.to_owned())),
            _ => Err(NumberError::TooLong),
        }
    }
}

impl fmt::Display for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E164({})", self.masked())
    }
}

/// Shows the first digit and the last four of a number: `+1•••••••0100`. Always seven dots, so
/// that not even the length tells.
#[derive(Clone, Copy)]
pub struct Masked<'a>(&'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A number so short that five digits would nearly be all of it shows only its first.
        let tail = if self.0.len() >= 8 {
            &self.0[self.0.len() - 4..]
        } else {
            ""
        };
        write!(f, "{}•••••••{tail}", &self.0[..2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(input: &str) -> Result<String, NumberError> {
        E164::parse_input(input).map(|number| number.to_string())
    }

    #[test]
    fn every_reasonable_spelling_is_the_same_number() {
        for spelling in [
            "+14155552671",
            "+1 415 555 2671",
            "+1 (415) 555-2671",
            "+1.415.555.2671",
            "+1-415-555-2671",
            "  +1 415 555 2671\t",
            "0014155552671",
            "00 1 415 555 2671",
            "+1\u{a0}415\u{a0}555\u{a0}2671",
            "+1 415\u{2011}555\u{2011}2671",
            "+1/415/5552671",
        ] {
            assert_eq!(parsed(spelling).as_deref(), Ok("+14155552671"), "{spelling}");
        }
        assert_eq!(parsed("+44 (0)20 7946 0958").as_deref(), Ok("+442079460958"));
        assert_eq!(parsed("+39 06 698 12345").as_deref(), Ok("+390669812345"));
    }

    #[test]
    fn what_cannot_be_read_for_certain_is_refused() {
        let long = format!("+1{}", "4".repeat(40));
        let longer = format!("+1{}", "4".repeat(10_000));
        for (input, error) in [
            ("", NumberError::Empty),
            ("   ", NumberError::Empty),
            ("+", NumberError::NotAssigned),
            ("++14155552671", NumberError::Character),
            ("+1415555+2671", NumberError::Character),
            ("4155552671", NumberError::NoCountryCode),
            ("(415) 555-2671", NumberError::NoCountryCode),
            ("+1 415 555 CALL", NumberError::Character),
            ("+1 415 555 2671 ext. 5", NumberError::Character),
            ("+14155552671;ext=5", NumberError::Character),
            ("+14155552671;phone-context=+1", NumberError::Character),
            ("+dwPAA;phone-context=AA", NumberError::Character),
            ("tel:+14155552671", NumberError::Character),
            ("+１４１５５５５２６７１", NumberError::Character),
            ("+١٤١٥٥٥٥٢٦٧١", NumberError::Character),
            ("\u{202a}+14155552671\u{202c}", NumberError::Character),
            ("+1415555\u{200b}2671", NumberError::Character),
            ("+1415555\u{0}2671", NumberError::Character),
            (long.as_str(), NumberError::NotAssigned),
            (longer.as_str(), NumberError::TooLong),
            ("+1 415 555 267", NumberError::NotAssigned),
            ("+1 415 555 26711", NumberError::NotAssigned),
            ("+1 555 555 0100", NumberError::NotAssigned),
            ("+999 123 456 789", NumberError::NotAssigned),
        ] {
            assert_eq!(parsed(input), Err(error), "{input}");
        }
    }

    #[test]
    fn the_stored_form_is_read_back_and_nothing_else() {
        for refused in [
            "",
            "+",
            "14155552671",
            "+0123456",
            "+12",
            "+1415555267a",
            "+1234567890123456",
            "+1 415",
        ] {
            assert!(refused.parse::<E164>().is_err(), "{refused}");
        }
        assert_eq!(
            "+2901234".parse::<E164>().map(|n| n.masked().to_string()),
            Ok("+2•••••••1234".to_owned())
        );
        assert_eq!(
            "+6831".parse::<E164>().map(|n| n.masked().to_string()),
            Ok("+6•••••••".to_owned())
        );
        assert_eq!(
            format!("{:?}", "+14155552671".parse::<E164>()),
            "Ok(E164(+1•••••••2671))"
        );
    }

    proptest! {
        #[test]
        fn parsing_what_was_printed_changes_nothing(area in 200u32..1000, line in 0u32..10_000_000) {
            if let Ok(number) = E164::parse_input(&format!("+1 {area} {line:07}")) {
                prop_assert_eq!(E164::parse_input(number.as_str()), Ok(number.clone()));
                prop_assert_eq!(number.as_str().parse::<E164>(), Ok(number));
            }
        }

        #[test]
        fn no_input_brings_it_down(input in "\\PC{0,80}") {
            let _ = E164::parse_input(&input);
        }
    }
}
