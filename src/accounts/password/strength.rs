//! The rules for new passwords: not too short, not too long, and not easy to guess.

use zxcvbn::zxcvbn;

use crate::error::{Error, Result};
use crate::model::ErrorCode;

const CHARS_MIN: usize = 10;
/// A limit for the cost of hashing one password.
pub(crate) const BYTES_MAX: usize = 1_000;
/// A password that zxcvbn finds within fewer guesses is refused. It tries common passwords, names and words with their usual variations.
/// With the delays between attempts, an attacker makes some ten thousand guesses a year.
const GUESSES_MIN: u64 = 1_000_000;
/// Only this many characters are rated. Rating a hostile password of this length takes 0.1 s, and one of three times the length takes
/// seconds.
const CHARS_RATED: usize = 32;

/// Checks the length of a password.
///
/// # Errors
/// `invalid_sign_up` if it is too short or too long.
pub(crate) fn check_length(password: &str) -> Result<()> {
    if password.len() > BYTES_MAX {
        return Err(refused(&format!("Choose a password of at most {BYTES_MAX} bytes.")));
    }
    if password.chars().count() < CHARS_MIN {
        return Err(refused(&format!("Choose a password of at least {CHARS_MIN} characters.")));
    }
    Ok(())
}

/// Checks that a password is hard to guess for an account with this address. Takes up to 0.1 s: call it where blocking is allowed.
///
/// # Errors
/// `invalid_sign_up` if it is easy to guess.
pub(crate) fn check_guesses(password: &str, email: &str) -> Result<()> {
    let name = email.split('@').next().unwrap_or_default();
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let rated: String = password.chars().take(CHARS_RATED).collect();
    if zxcvbn(&rated, &[email, name, &letters, "coldbrew"]).guesses() >= GUESSES_MIN {
        return Ok(());
    }
    let message = "This password is easy to guess: it is common, or made from your e-mail address. \
                   Choose another one, for example four words that do not belong together.";
    Err(refused(message))
}

fn refused(message: &str) -> Error {
    Error::refused(ErrorCode::InvalidSignUp, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_and_own_names_are_refused() {
        for common in [
            "password123",
            "Password123!",
            "P@ssw0rd123",
            "1234567890",
            "qwertyuiop",
            "iloveyou123",
            "letmein1234",
            "trustno1trustno1",
            "aaaaaaaaaaaa",
            "1q2w3e4r5t",
            "ada.lovelace",
            "AdaLovelace1",
            "ada.lovelace@example.org",
        ] {
            assert!(check_guesses(common, "ada.lovelace@example.org").is_err(), "{common}");
        }
    }

    #[test]
    fn uncommon_passwords_are_accepted() {
        for good in
            ["a good long one", "a quiet afternoon", "correct horse battery staple", "xK9#mQ2$vL7p", "пароль-для-кофе"]
        {
            assert!(check_length(good).is_ok() && check_guesses(good, "ada.lovelace@example.org").is_ok(), "{good}");
        }
    }

    #[test]
    fn password_too_short_or_too_long_is_refused() {
        assert!(check_length("ninechars").is_err() && check_length(&"x".repeat(BYTES_MAX + 1)).is_err());
        assert!(check_length("äöüäöüäöüä").is_ok(), "characters count, not bytes");
    }
}
