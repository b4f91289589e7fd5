//! An error with all its causes, for the log.

use std::fmt;

/// An error with all its causes, as one text.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    Chain(error).to_string()
}

/// An error with all its causes, to be written.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
