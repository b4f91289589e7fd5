//! Numbers that a test suite may use: nothing is ever sent to them.

use crate::E164;

/// The code that every test number accepts (Clerk's documentation, "Test emails and phones").
pub const TEST_CODE: &str = "424242";

/// Whether this is one of `+1 XXX 555 0100` to `+1 XXX 555 0199`, which are set aside for fiction
/// (NANPA, 555 line numbers).
#[must_use]
pub fn is_test_number(number: &E164) -> bool {
    let Some(national) = number.as_str().strip_prefix("+1") else {
        return false;
    };
    // An area code starts with 2 to 9 (NANP); all digits are ASCII.
    national.len() == 10
        && national.starts_with(|first| ('2'..='9').contains(&first))
        && national[3..].starts_with("55501")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_numbers_of_each_area_code_are_for_tests() {
        for (number, is_test) in [
            ("+14155550100", true),
            ("+15555550199", true),
            ("+16045550142", true),
            ("+14155550099", false),
            ("+14155550200", false),
            ("+11155550100", false),
            ("+4415555501001", false),
            ("+141555501000", false),
        ] {
            assert_eq!(is_test_number(&number.parse().unwrap()), is_test, "{number}");
        }
    }
}
