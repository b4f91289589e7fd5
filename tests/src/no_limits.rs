/// The limits across users.
const LIMITS: [&str; 13] = [
    "CODES_PER_NUMBER",
    "CODE_WAITS_SECONDS",
    "CODES_PER_RANGE",
    "CODES_PER_USER",
    "CODES_PER_ADDRESS",
    "CODES_PER_NETWORK",
    "CODES_IN_ALL",
    "NEW_NUMBERS_PER_USER",
    "SIGN_INS_PER_ADDRESS",
    "ATTEMPTS_PER_ADDRESS",
    "ATTEMPTS_PER_NUMBER",
    "NOTICES_PER_USER",
    "BACK_END_REQUESTS",
];

/// An environment without limits across users: all tests share one address, and few are about how
/// often something may be asked for. What belongs to one number or code holds on.
pub(crate) fn no_limits() -> impl Iterator<Item = (String, String)> {
    LIMITS
        .iter()
        .map(|limit| (format!("PHONEPROOF__LIMITS__{limit}"), String::new()))
}
