//! What both stores have, as a table.

use std::fmt::Write as _;

use phoneproof_domain::ports::Part;
use phoneproof_domain::use_cases::{Compared, Tally};

/// Bytes of a checksum that are shown. That two differ is told by all of them.
const SHOWN: usize = 12;

pub(super) fn table(compared: &[Compared]) -> String {
    let mut text = row("part", "source", "target", "SHA-256");
    for one in compared {
        let Compared { part, source, target } = one;
        let sums = if one.is_equal() {
            format!("{}… both", shown(source))
        } else {
            format!("{}… DIFFERS from {}…", shown(source), shown(target))
        };
        text += &row(
            part.as_str(),
            &source.records.to_string(),
            &target.records.to_string(),
            &sums,
        );
    }
    let sum = |of: fn(&Compared) -> Tally| compared.iter().map(|one| of(one).records).sum::<u64>().to_string();
    text + &row("all", &sum(|one| one.source), &sum(|one| one.target), "")
}

fn row(part: &str, source: &str, target: &str, sums: &str) -> String {
    let width = Part::ALL
        .iter()
        .map(|part| part.as_str().len())
        .max()
        .unwrap_or_default();
    format!("{part:width$}  {source:>10}  {target:>10}  {sums}")
        .trim_end()
        .to_owned()
        + "\n"
}

fn shown(tally: &Tally) -> String {
    tally.checksum[..SHOWN].iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(records: u64, byte: u8) -> Tally {
        Tally {
            records,
            checksum: [byte; 32],
        }
    }

    #[test]
    fn what_differs_is_told_apart_from_what_does_not() {
        let equal = Compared {
            part: Part::Users,
            source: tally(3, 0xab),
            target: tally(3, 0xab),
        };
        let different = Compared {
            part: Part::PhoneNumbers,
            source: tally(12, 1),
            target: tally(11, 2),
        };
        let expected = "\
part               source      target  SHA-256
users                   3           3  abababababababababababab… both
phone numbers          12          11  010101010101010101010101… DIFFERS from 020202020202020202020202…
all                    15          14
";
        assert_eq!(table(&[equal, different]), expected);
    }
}
