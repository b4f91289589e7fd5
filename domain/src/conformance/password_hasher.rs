//! What a [`PasswordHasher`] must do.

use crate::ports::PasswordHasher;
use crate::{Password, PasswordHash};

/// Everything.
pub async fn all(hasher: &dyn PasswordHasher) {
    let password = Password::parse("correct horse battery staple").unwrap();
    let hash = hasher.hash(&password).await.unwrap();
    assert!(hasher.verify(&password, &hash).await.unwrap());
    let read = PasswordHash::new(hash.as_str().to_owned());
    assert!(hasher.verify(&password, &read).await.unwrap(), "a hash is read back");
    let again = hasher.hash(&password).await.unwrap();
    assert_ne!(hash, again, "each has a salt of its own");
    assert!(!hash.as_str().contains("correct"), "a hash does not hold the password");
    for wrong in ["correct horse battery stapl", "Correct horse battery staple", ""] {
        assert!(
            !hasher.verify(&Password::tried(wrong), &hash).await.unwrap(),
            "{wrong:?}"
        );
    }
    let garbage = PasswordHash::new("garbage".to_owned());
    assert!(!hasher.verify(&password, &garbage).await.unwrap());
}
