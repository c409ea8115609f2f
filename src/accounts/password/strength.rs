//! Which new passwords are refused: too short, endless, or among the first that an attacker tries.

use zxcvbn::zxcvbn;

use crate::error::{Error, Result};
use crate::model::ErrorCode;

const CHARS_MIN: usize = 10;
/// Longer ones would make hashing a way to keep the server busy.
pub(crate) const BYTES_MAX: usize = 1_000;
/// A password that is found within fewer guesses is refused. The guesses are zxcvbn's: its lists of common passwords, names and
/// words, with the usual changes to them. An attacker who has to wait between guesses makes some ten thousand a year.
const GUESSES_MIN: u64 = 1_000_000;
/// Characters that are looked at. Those of a hostile password take a tenth of a second; of three times as many, seconds.
const CHARS_JUDGED: usize = 32;

/// Refuses a password by its length alone.
pub(crate) fn see_length(password: &str) -> Result<()> {
    if password.len() > BYTES_MAX {
        return Err(refused(&format!("Choose a password of at most {BYTES_MAX} bytes.")));
    }
    if password.chars().count() < CHARS_MIN {
        return Err(refused(&format!("Choose a password of at least {CHARS_MIN} characters.")));
    }
    Ok(())
}

/// Refuses a password that is easy to guess for an account of that address. To be called where it may take a moment.
pub(crate) fn see_guesses(password: &str, email: &str) -> Result<()> {
    let name = email.split('@').next().unwrap_or_default();
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let judged: String = password.chars().take(CHARS_JUDGED).collect();
    if zxcvbn(&judged, &[email, name, &letters, "coldbrew"]).guesses() >= GUESSES_MIN {
        return Ok(());
    }
    let words = "This password is easy to guess: it is common, or made from your e-mail address. \
                 Choose another one, for example four words that do not belong together.";
    Err(refused(words))
}

fn refused(words: &str) -> Error {
    Error::refused(ErrorCode::InvalidSignUp, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_passwords_and_the_own_name_are_refused() {
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
            assert!(see_guesses(common, "ada.lovelace@example.org").is_err(), "{common}");
        }
    }

    #[test]
    fn uncommon_passwords_are_taken() {
        for good in
            ["a good long one", "a quiet afternoon", "correct horse battery staple", "xK9#mQ2$vL7p", "пароль-для-кофе"]
        {
            assert!(see_length(good).is_ok() && see_guesses(good, "ada.lovelace@example.org").is_ok(), "{good}");
        }
    }

    #[test]
    fn length_of_a_password_has_two_ends() {
        assert!(see_length("ninechars").is_err() && see_length(&"x".repeat(BYTES_MAX + 1)).is_err());
        assert!(see_length("äöüäöüäöüä").is_ok(), "characters count, not bytes");
    }
}
