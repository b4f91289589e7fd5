//! Work that goes on when the browser that asked for it leaves.

use crate::http::present::error::ApiError;

/// Runs `work` in a task of its own: a browser that leaves must not keep a committed code from being
/// sent.
pub(crate) async fn detached<T: 'static, E: Into<ApiError> + 'static>(
    work: impl Future<Output = Result<T, E>> + 'static,
) -> Result<T, ApiError> {
    match actix_web::rt::spawn(work).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(ApiError::Internal("the sending task was cancelled")),
        },
    }
}
