//! What a text costs: GSM-7 and UCS-2 segments (3GPP TS 23.038 §6.2.1, TS 23.040 §9.2.3.24.1).

/// The basic alphabet of GSM 03.38; each takes one septet.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Its extension; each takes two.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// How a text travels, and in how many parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// So many parts; each is paid.
    pub count: u32,
    /// Whether every character is in the GSM alphabet; with one that is not, 70 instead of 160 fit a part.
    pub gsm: bool,
}

impl Segments {
    /// Counts the segments of `text`.
    ///
    /// ```
    /// # use phoneproof_domain::Segments;
    /// assert_eq!(Segments::of("123456 is your code").count, 1);
    /// assert!(!Segments::of("123456 — your code").gsm);
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Self {
        let septets = text.chars().map(|char| {
            if BASIC.contains(char) {
                Some(1)
            } else {
                EXTENDED.contains(char).then_some(2)
            }
        });
        match septets.collect::<Option<Vec<usize>>>() {
            // A part of several carries a header of six octets: seven septets.
            Some(widths) => Self::new(&widths, 160, 153, true),
            None => Self::new(&text.chars().map(char::len_utf16).collect::<Vec<_>>(), 70, 67, false),
        }
    }

    /// A character of two units is never torn apart.
    fn new(widths: &[usize], alone: usize, joined: usize, gsm: bool) -> Self {
        if widths.iter().sum::<usize>() <= alone {
            return Self { count: 1, gsm };
        }
        let (mut count, mut filled) = (1, 0);
        for width in widths {
            if filled + width > joined {
                count += 1;
                filled = 0;
            }
            filled += width;
        }
        Self { count, gsm }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_end_where_the_standard_says() {
        for (text, count, gsm) in [
            (String::new(), 1, true),
            ("a".repeat(160), 1, true),
            ("a".repeat(161), 2, true),
            ("a".repeat(306), 2, true),
            ("a".repeat(307), 3, true),
            // Two septets each.
            ("€".repeat(80), 1, true),
            ("€".repeat(81), 2, true),
            // 153 is odd: the last septet of a part stays empty.
            ("€".repeat(152), 2, true),
            ("€".repeat(153), 3, true),
            ("ж".repeat(70), 1, false),
            ("ж".repeat(71), 2, false),
            ("ж".repeat(134), 2, false),
            ("ж".repeat(135), 3, false),
            // Outside the basic plane: two units.
            ("🦀".repeat(35), 1, false),
            ("🦀".repeat(36), 2, false),
            ("🦀".repeat(66), 2, false),
            ("🦀".repeat(67), 3, false),
            // One curly quote makes the whole text UCS-2.
            (format!("{}’", "a".repeat(70)), 2, false),
        ] {
            assert_eq!(
                Segments::of(&text),
                Segments { count, gsm },
                "{} chars",
                text.chars().count()
            );
        }
    }

    proptest! {
        #[test]
        fn more_text_never_costs_less(text in "\\PC{0,400}", more in "[a-z]{0,50}") {
            let (short, long) = (Segments::of(&text), Segments::of(&format!("{text}{more}")));
            prop_assert!(short.count >= 1 && short.count <= long.count);
        }
    }
}
