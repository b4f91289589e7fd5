//! Outcomes that the API answers with an error.

use phoneproof_domain::use_cases::{Done, FactorOutcome};

use crate::http::present::error::ApiError;

/// What was tried must have been right; what was wrong is counted already.
pub(crate) fn passed(done: Done<FactorOutcome>) -> Result<Done<()>, ApiError> {
    match done.outcome {
        FactorOutcome::Passed => Ok(done.map(|_| ())),
        wrong => Err(ApiError::Factor(wrong)),
    }
}
