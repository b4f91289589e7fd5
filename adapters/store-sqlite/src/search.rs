//! Filters and orders of lists, as SQL.

use crate::folded::{folded, instr};

phoneproof_store_rows::search!(diesel::sqlite::Sqlite);
