//! Parsing agrees with libphonenumber's own results on the example numbers of every region.
//!
//! The fixture says how it was made. `+` spellings alone: what lacks a country code is refused here.

use std::collections::BTreeSet;

use phoneproof_domain::{Country, E164, NumberPlan};

const RESULTS: &str = include_str!("fixtures/libphonenumber-9.0.42.tsv");

struct Row<'a> {
    example_of: &'a str,
    spelling: &'a str,
    e164: Option<&'a str>,
    region: Option<&'a str>,
    kind: &'a str,
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    RESULTS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let mut next = || columns.next();
            let known = |column: &'static str| Some(column).filter(|column| *column != "-");
            let row = Row {
                example_of: next()?,
                spelling: next()?,
                e164: known(next()?),
                region: known(next()?),
                kind: next()?,
            };
            // libphonenumber lets German numbers of 16 digits pass; E.164 ends at 15 (ITU-T E.164 §6.2.1).
            let too_long = row.e164.is_some_and(|number| number.len() > 16);
            Some(if too_long {
                Row {
                    e164: None,
                    region: None,
                    kind: "-",
                    ..row
                }
            } else {
                row
            })
        })
}

#[test]
fn every_verdict_is_libphonenumbers() {
    let differs = |row: &Row<'_>| {
        let number = E164::parse_input(row.spelling).ok();
        let plan = number.as_ref().map(NumberPlan::of);
        let country = plan.and_then(|plan| plan.country());
        let same = number.as_ref().map(E164::as_str) == row.e164
            && country.as_ref().map(Country::as_str) == row.region
            && plan.map_or("-", |plan| plan.kind().as_str()) == row.kind;
        (!same).then(|| {
            format!(
                "{}: {number:?} {plan:?}, expected {:?} {:?} {}",
                row.spelling, row.e164, row.region, row.kind
            )
        })
    };
    let differences: Vec<String> = rows().filter_map(|row| differs(&row)).collect();
    assert!(
        differences.is_empty(),
        "{} differences, for instance {:#?}",
        differences.len(),
        &differences[..differences.len().min(10)]
    );
}

#[test]
fn the_fixture_is_whole() {
    let regions: BTreeSet<&str> = rows().map(|row| row.example_of).collect();
    assert!(regions.len() >= 245, "{} regions", regions.len());
    assert!(rows().count() > 7_500);
    assert!(rows().filter(|row| row.e164.is_none()).count() > 1_000);
    for kind in [
        "mobile",
        "toll_free",
        "premium_rate",
        "shared_cost",
        "pager",
        "uan",
        "voicemail",
        "voip",
        "personal_number",
    ] {
        assert!(rows().any(|row| row.kind == kind), "{kind}");
    }
}
