//! Outcomes that the API answers with an error.

use phoneproof_domain::use_cases::{Done, FactorOutcome};
use serde_json::json;

use crate::http::AppState;
use crate::http::extract::visitor::Page;
use crate::http::present::client_json::ClientView;
use crate::http::present::error::ApiError;

/// What was tried must have been right; what was wrong is counted already.
pub(crate) fn passed(done: Done<FactorOutcome>) -> Result<Done<()>, ApiError> {
    match done.outcome {
        FactorOutcome::Passed => Ok(done.map(|_| ())),
        wrong => Err(ApiError::Factor(wrong)),
    }
}

impl Page {
    /// The refusal that leads to a sign-up, with the client: its sign-in says that the number may be taken over.
    pub(crate) async fn transferable<T>(&self, state: &AppState, done: &Done<T>) -> Result<ApiError, ApiError> {
        let view = ClientView::new(state, done.client.as_ref(), &done.users, self.origin.as_deref()).await?;
        Ok(ApiError::SignUpIfMissing(json!(view.json())))
    }
}
