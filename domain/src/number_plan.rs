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
        let Ok(number) = LibNumber::parse(number.as_str(), None) else {
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
