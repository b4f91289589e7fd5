//! In which languages somebody reads, and which of those at hand fits best (RFC 4647).

use std::collections::BTreeMap;

/// The longest range that is looked at; longer ones are nobody's language (RFC 5646 §4.4.1).
const LONGEST: usize = 35;

/// A language priority list (RFC 4647 §2.3): language ranges such as `de-CH`, the one that is wanted most first.
///
/// ```
/// # use std::collections::BTreeMap;
/// # use phoneproof_domain::Languages;
/// let at_hand = BTreeMap::from([("en".to_owned(), "hello"), ("es".to_owned(), "hola")]);
/// let languages = Languages::by_weight([("es", 900), ("ca", 1000)]);
/// assert_eq!(languages.lookup(&at_hand), Some(&"hola"));
/// assert_eq!(languages.after(Some("en-GB")).lookup(&at_hand), Some(&"hello"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Languages {
    /// In lower case.
    wanted: Vec<String>,
    /// Those that are not acceptable, in lower case.
    refused: Vec<String>,
}

impl Languages {
    /// Ranges with their weights, in thousandths: 1000 is wanted most, and 0 is not acceptable. Of those with one weight the
    /// first is wanted most. What is no language range is left out; so is `*`, which says only that any language will do.
    pub fn by_weight<T: AsRef<str>>(ranges: impl IntoIterator<Item = (T, u16)>) -> Self {
        let ranges = ranges.into_iter();
        let mut known: Vec<(String, u16)> = ranges
            .filter_map(|(text, weight)| Some((range(text.as_ref())?, weight)))
            .collect();
        // A stable sort: the order decides between equals.
        known.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let (wanted, refused): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, weight)| *weight > 0);
        let texts = |ranges: Vec<(String, u16)>| ranges.into_iter().map(|(range, _)| range).collect();
        Self {
            wanted: texts(wanted),
            refused: texts(refused),
        }
    }

    /// These, after the language that somebody is known to read. What is no language tag changes nothing.
    #[must_use]
    pub fn after(mut self, own: Option<&str>) -> Self {
        if let Some(own) = own.and_then(range) {
            self.wanted.insert(0, own);
        }
        self
    }

    /// The entry that fits best (RFC 4647 §3.4): each range in turn, first as it is, then ever less specific. The names of
    /// entries are language tags in lower case.
    #[must_use]
    pub fn lookup<'e, T>(&self, entries: &'e BTreeMap<String, T>) -> Option<&'e T> {
        self.wanted.iter().find_map(|range| {
            let candidates = std::iter::successors(Some(range.as_str()), |tag| less_specific(tag));
            candidates
                .filter(|tag| !self.refuses(tag))
                .find_map(|tag| entries.get(tag))
        })
    }

    /// The most specific range that matches a tag says whether it is acceptable.
    fn refuses(&self, tag: &str) -> bool {
        let closest = |ranges: &[String]| ranges.iter().filter(|range| matches(range, tag)).map(String::len).max();
        closest(&self.refused) > closest(&self.wanted)
    }
}

/// A language range in lower case; `None` for anything else, and for `*`. `de_CH` is how some systems spell `de-CH`.
fn range(text: &str) -> Option<String> {
    let range = text.trim().replace('_', "-").to_ascii_lowercase();
    let is_subtag = |subtag: &str| {
        (1..=8).contains(&subtag.len())
            && subtag
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    (range.len() <= LONGEST && range.split('-').all(is_subtag)).then_some(range)
}

/// The tag without its last subtag, nor a single letter before that, which only introduces what follows.
fn less_specific(tag: &str) -> Option<&str> {
    let (rest, _) = tag.rsplit_once('-')?;
    match rest.rsplit_once('-') {
        Some((shorter, single)) if single.len() == 1 => Some(shorter),
        _ => Some(rest),
    }
}

/// Whether a range covers a tag (basic filtering, RFC 4647 §3.3.1).
fn matches(range: &str, tag: &str) -> bool {
    tag.strip_prefix(range)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(languages: &Languages) -> &'static str {
        let entries = ["de", "en", "es", "fr", "pt", "pt-br", "zh"].map(|tag| (tag.to_owned(), tag));
        languages.lookup(&BTreeMap::from(entries)).copied().unwrap_or("none")
    }

    #[test]
    fn the_best_of_what_is_wanted_is_found() {
        for (ranges, expected) in [
            (&[("ca", 1000), ("es", 900)][..], "es"),
            (&[("es", 900), ("fr", 1000)], "fr"),
            (&[("es", 500), ("fr", 500)], "es"),
            (&[("de-CH", 0), ("fr", 1000)], "fr"),
            (&[("pt-BR", 1000)], "pt-br"),
            (&[("pt-PT", 1000)], "pt"),
            (&[("zh-Hant-TW-x-private", 1000), ("en", 900)], "zh"),
            (&[("DE_at", 1000)], "de"),
            (&[("*", 1000), ("fr", 1)], "fr"),
            (&[("*", 1000)], "none"),
            (&[("xx", 1000)], "none"),
            (&[], "none"),
        ] {
            assert_eq!(
                found(&Languages::by_weight(ranges.iter().copied())),
                expected,
                "{ranges:?}"
            );
        }
    }

    #[test]
    fn what_is_refused_is_not_found_by_way_of_another_range() {
        for (ranges, expected) in [
            // Not German at all, whichever.
            (&[("de-CH", 1000), ("de", 0), ("fr", 100)][..], "fr"),
            // Only this German is refused.
            (&[("de-CH", 0), ("de", 1000)], "de"),
            (&[("pt-BR", 0), ("pt", 1000)], "pt"),
            // The more specific range says more of it.
            (&[("pt-BR", 1000), ("pt", 0)], "pt-br"),
            (&[("de", 0)], "none"),
        ] {
            assert_eq!(
                found(&Languages::by_weight(ranges.iter().copied())),
                expected,
                "{ranges:?}"
            );
        }
    }

    #[test]
    fn the_users_own_language_comes_first_and_the_others_after() {
        let asked = Languages::by_weight([("fr", 1000)]);
        assert_eq!(found(&asked.clone().after(Some("de-CH"))), "de");
        assert_eq!(
            found(&asked.clone().after(Some("ca"))),
            "fr",
            "nothing is written in it"
        );
        assert_eq!(found(&asked.clone().after(Some("no language!"))), "fr");
        assert_eq!(found(&asked.after(None)), "fr");
    }

    proptest! {
        #[test]
        fn whatever_is_asked_only_what_is_at_hand_is_found(ranges in proptest::collection::vec(("[a-zA-Z*_-]{0,12}", 0..=1000u16), 0..8)) {
            let languages = Languages::by_weight(ranges);
            let _ = found(&languages);
        }
    }
}
