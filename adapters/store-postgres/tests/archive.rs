//! What a copy is made of.

use std::collections::BTreeSet;

use phoneproof_domain::ports::Part;
use phoneproof_store_postgres::testing::Database;
use phoneproof_store_rows::archive::table_of;

/// Tables that no copy takes along: every store has its own.
const OWN: [&str; 2] = ["__diesel_schema_migrations", "copies"];

#[test]
fn every_table_is_a_part_or_belongs_to_the_store_itself() {
    let database = Database::create();
    let tables = database.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    let parts = Part::ALL.map(table_of).into_iter().chain(OWN);
    assert_eq!(
        tables.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        parts.collect()
    );
    // Nothing is numbered by the database, which would begin again after a copy.
    let sequences = database.query("SELECT sequencename FROM pg_sequences");
    assert_eq!(sequences, [""; 0]);
}
