//! The one-time code that is texted.

use std::fmt;

use crate::ports::Entropy;

/// Six decimal digits, drawn uniformly.
///
/// NIST SP 800-63B-4 §3.1.3.2 asks for at least 20 bits, or six digits with limited tries.
/// `Debug` hides the digits; [`OtpCode::reveal`] is for the text to the user alone.
///
/// ```
/// # use phoneproof_domain::OtpCode;
/// assert_eq!(OtpCode::parse(" 042042 ").unwrap().reveal(), "042042");
/// assert!(OtpCode::parse("42042").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct OtpCode(String);

/// The text cannot be a code, whatever code was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCode {
    /// Nothing but blanks.
    #[error("the code is empty")]
    Empty,
    /// Not six ASCII digits.
    #[error("a code is six digits")]
    NotSixDigits,
}

impl OtpCode {
    /// How many digits a code has.
    pub const DIGITS: usize = 6;

    /// Draws a new code.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        const CODES: u32 = 1_000_000;
        // Values past the last whole multiple would make some codes likelier: draw again.
        const LIMIT: u32 = u32::MAX - u32::MAX % CODES;
        loop {
            let mut bytes = [0u8; 4];
            entropy.fill(&mut bytes);
            let value = u32::from_be_bytes(bytes);
            if value < LIMIT {
                return Self(format!("{:06}", value % CODES));
            }
        }
    }

    /// Reads what a user typed: six ASCII digits, blanks around them ignored.
    ///
    /// # Errors
    /// [`MalformedCode`]; such a text is no try.
    pub fn parse(text: &str) -> Result<Self, MalformedCode> {
        let digits = text.trim();
        if digits.is_empty() {
            return Err(MalformedCode::Empty);
        }
        if digits.len() == Self::DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(digits.to_owned()))
        } else {
            Err(MalformedCode::NotSixDigits)
        }
    }

    /// The digits. Whoever calls this hands them to the user and to nobody else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(••••••)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bytes, Counting};
    use proptest::prelude::*;

    #[test]
    fn leading_zeros_are_kept_and_biased_draws_thrown_away() {
        assert_eq!(OtpCode::generate(&Bytes::of(&[0, 0, 0, 7])).reveal(), "000007");
        assert_eq!(
            OtpCode::generate(&Bytes::of(&[255, 255, 255, 255, 0, 0x0f, 0x42, 0x41])).reveal(),
            "000001"
        );
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        assert_eq!(OtpCode::parse("  "), Err(MalformedCode::Empty));
        for text in [
            "12345",
            "1234567",
            "12345a",
            "１２３４５６",
            "١٢٣٤٥٦",
            "12 456",
            "+12345",
            "1e5000",
            "12345\u{0}",
        ] {
            assert_eq!(OtpCode::parse(text), Err(MalformedCode::NotSixDigits), "{text}");
        }
        assert_eq!(format!("{:?}", OtpCode::parse("123456")), "Ok(OtpCode(••••••))");
    }

    proptest! {
        #[test]
        fn every_drawn_code_is_read_back(seed: u64) {
            let code = OtpCode::generate(&Counting::from(seed));
            prop_assert_eq!(OtpCode::parse(code.reveal()), Ok(code.clone()));
        }
    }
}
