//! Where a number belongs and what kind of line it is, by libphonenumber's metadata.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber as LibNumber, PhoneNumberType, Region};

use crate::E164;

/// A country or territory that has telephone numbers: two capital letters of ISO 3166-1.
///
/// ```
/// # use phoneproof_domain::Country;
/// assert_eq!("US".parse::<Country>().unwrap().as_str(), "US");
/// assert!("XX".parse::<Country>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// The text is not the code of a country with telephone numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the two-letter code of a country with telephone numbers")]
pub struct UnknownCountry;

impl Country {
    /// The two letters, for instance `US`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII letters come in; the fallback is never met.
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    fn of_region(region: Region) -> Option<Self> {
        let name = region.as_region_str();
        <[u8; 2]>::try_from(name.as_str().as_bytes()).ok().map(Self)
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        PHONE_NUMBER_UTIL
            .get_supported_regions()
            .filter_map(Self::of_region)
            .find(|country| country.as_str() == text)
            .ok_or(UnknownCountry)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of line a number is, in libphonenumber's words.
#[expect(missing_docs, reason = "the names are libphonenumber's and explain themselves")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberKind {
    FixedLine,
    Mobile,
    FixedLineOrMobile,
    TollFree,
    PremiumRate,
    SharedCost,
    Voip,
    PersonalNumber,
    Pager,
    Uan,
    Voicemail,
    Unknown,
}

impl NumberKind {
    /// The kind in lower-case snake case, for instance `fixed_line_or_mobile`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FixedLine => "fixed_line",
            Self::Mobile => "mobile",
            Self::FixedLineOrMobile => "fixed_line_or_mobile",
            Self::TollFree => "toll_free",
            Self::PremiumRate => "premium_rate",
            Self::SharedCost => "shared_cost",
            Self::Voip => "voip",
            Self::PersonalNumber => "personal_number",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::Unknown => "unknown",
        }
    }
}

/// The number as the library keeps it. Its own parser would first guess at what is certain here.
fn split(number: &E164) -> Option<LibNumber> {
    let digits = number.as_str().strip_prefix('+')?;
    // No calling code begins with another one (ITU-T E.164 §6.2.1), so the first that fits is it.
    let (code, national) = (1..=3).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        let code = code.parse().ok()?;
        PHONE_NUMBER_UTIL.get_region_for_country_code(code)?;
        Some((code, national))
    })?;
    // The library holds the national number as an integer, and apart from it the zeros that stand
    // before it (Italy's, among others); a last zero is a digit of the integer.
    let zeros = national.bytes().take_while(|byte| *byte == b'0').count();
    let zeros = zeros.min(national.len().checked_sub(1)?);
    let mut split = LibNumber {
        country_code: code,
        national_number: national.parse().ok()?,
        ..LibNumber::default()
    };
    if zeros > 0 {
        split.italian_leading_zero = Some(true);
        split.number_of_leading_zeros = i32::try_from(zeros).ok();
    }
    Some(split)
}

/// The country and the kind of line of one number.
///
/// ```
/// # use phoneproof_domain::{E164, NumberPlan};
/// let jamaican: E164 = "+18765550100".parse().unwrap();
/// assert_eq!(NumberPlan::of(&jamaican).country().unwrap().as_str(), "JM");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberPlan {
    country: Option<Country>,
    kind: NumberKind,
    calling_code: i32,
}

impl NumberPlan {
    /// Looks `number` up. Area codes decide inside +1, not the prefix: +1 876 is Jamaica.
    #[must_use]
    pub fn of(number: &E164) -> Self {
        let Some(number) = split(number) else {
            return Self {
                country: None,
                kind: NumberKind::Unknown,
                calling_code: 0,
            };
        };
        let kind = match number.get_type() {
            PhoneNumberType::FixedLine => NumberKind::FixedLine,
            PhoneNumberType::Mobile => NumberKind::Mobile,
            PhoneNumberType::FixedLineOrMobile => NumberKind::FixedLineOrMobile,
            PhoneNumberType::TollFree => NumberKind::TollFree,
            PhoneNumberType::PremiumRate => NumberKind::PremiumRate,
            PhoneNumberType::SharedCost => NumberKind::SharedCost,
            PhoneNumberType::VoIP => NumberKind::Voip,
            PhoneNumberType::PersonalNumber => NumberKind::PersonalNumber,
            PhoneNumberType::Pager => NumberKind::Pager,
            PhoneNumberType::UAN => NumberKind::Uan,
            PhoneNumberType::VoiceMail => NumberKind::Voicemail,
            PhoneNumberType::Unknown => NumberKind::Unknown,
        };
        Self {
            country: number.get_region_code().and_then(Country::of_region),
            kind,
            calling_code: number.country_code,
        }
    }

    /// The country; none for numbers of the whole world (satellite, international toll-free…).
    #[must_use]
    pub const fn country(&self) -> Option<Country> {
        self.country
    }

    /// The kind of line.
    #[must_use]
    pub const fn kind(&self) -> NumberKind {
        self.kind
    }

    /// The country calling code, for instance 1 or 44; 0 when the number cannot be placed.
    #[must_use]
    pub const fn calling_code(&self) -> i32 {
        self.calling_code
    }
}
