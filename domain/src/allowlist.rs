//! Which numbers may be texted at all: the first defence of the SMS bill.

use std::collections::BTreeSet;

use crate::number_plan::{Country, NumberKind, NumberPlan};

/// The countries whose numbers users may add and codes may go to.
///
/// Kinds of numbers that cost the sender or the caller extra, or that receive no text, are
/// refused wherever they are: premium rate, shared cost, toll-free, pager, UAN, voicemail, and
/// the numbers of no country (satellite +870, +881; +882, +883, +979…).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowlist {
    /// Every country.
    AllCountries,
    /// These alone. The default of the house is US and CA.
    Countries(BTreeSet<Country>),
}

/// The number is off the allowlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the number is off the SMS allowlist ({}, {})", country.map_or_else(|| "no country".to_owned(), |c| c.to_string()), kind.as_str())]
pub struct NotAllowed {
    /// The country of the number, if it has one.
    pub country: Option<Country>,
    /// Its calling code, for instance 1.
    pub calling_code: i32,
    /// What kind of line it is.
    pub kind: NumberKind,
}

impl NotAllowed {
    /// The refusal of a number.
    pub(crate) fn of(plan: NumberPlan) -> Self {
        Self {
            country: plan.country(),
            calling_code: plan.calling_code(),
            kind: plan.kind(),
        }
    }
}

impl Allowlist {
    /// Lets a number pass, or says why not.
    ///
    /// # Errors
    /// [`NotAllowed`] with the country and the kind of the number.
    pub fn admit(&self, plan: &NumberPlan) -> Result<(), NotAllowed> {
        let refused = NotAllowed::of(*plan);
        let country = plan.country().ok_or(refused)?;
        let country_allowed = match self {
            Self::AllCountries => true,
            Self::Countries(countries) => countries.contains(&country),
        };
        if country_allowed && can_be_texted(plan.kind()) {
            Ok(())
        } else {
            Err(refused)
        }
    }
}

const fn can_be_texted(kind: NumberKind) -> bool {
    match kind {
        NumberKind::FixedLine
        | NumberKind::Mobile
        | NumberKind::FixedLineOrMobile
        | NumberKind::Voip
        | NumberKind::PersonalNumber
        | NumberKind::Unknown => true,
        NumberKind::TollFree
        | NumberKind::PremiumRate
        | NumberKind::SharedCost
        | NumberKind::Pager
        | NumberKind::Uan
        | NumberKind::Voicemail => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::E164;

    fn admits(allowlist: &Allowlist, number: &str) -> bool {
        let number: E164 = number.parse().unwrap();
        allowlist.admit(&NumberPlan::of(&number)).is_ok()
    }

    fn us_and_canada() -> Allowlist {
        Allowlist::Countries(["US", "CA"].map(|code| code.parse().unwrap()).into())
    }

    #[test]
    fn the_real_region_decides_inside_plus_one() {
        for (number, admitted) in [
            ("+14155552671", true),  // San Francisco
            ("+16045550100", true),  // Vancouver
            ("+18765550100", false), // Jamaica
            ("+12425550100", false), // Bahamas
            ("+18095550100", false), // Dominican Republic
            ("+17875550100", false), // Puerto Rico has a code of its own
            ("+442079460958", false),
        ] {
            assert_eq!(admits(&us_and_canada(), number), admitted, "{number}");
        }
    }

    #[test]
    fn kinds_that_cost_extra_are_refused_in_every_country() {
        for number in [
            "+18005550100",
            "+18885550100",
            "+19005550100",
            "+448001234567",
            "+449098790000",
            "+870773111632",
            "+80012345678",
            "+979123456789",
        ] {
            assert!(!admits(&Allowlist::AllCountries, number), "{number}");
            assert!(!admits(&us_and_canada(), number), "{number}");
        }
        assert!(admits(&Allowlist::AllCountries, "+447400123456"));
    }
}
