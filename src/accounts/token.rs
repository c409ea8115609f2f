//! The text of an API token: `cbw_`, 43 random characters and 6 characters of checksum.
//!
//! Programs that look for leaked secrets recognise the prefix. A mistyped token is refused without a look into the database.

use sha2::{Digest, Sha256};

const PREFIX: &str = "cbw_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// As many as 256 random bits need.
const RANDOM_CHARS: usize = 43;
/// As many as 32 bits need.
const CHECKSUM_CHARS: usize = 6;

/// The token of a random secret.
pub(super) fn token_of(secret: &str) -> String {
    let random = base62(Sha256::digest(secret).to_vec(), RANDOM_CHARS);
    format!("{PREFIX}{random}{}", checksum(&random))
}

/// Whether a secret has the form of an API token.
pub fn is_token(secret: &str) -> bool {
    secret.starts_with(PREFIX)
}

/// Whether a secret is well-formed. Secrets of sessions and of earlier tokens have another form, which is not checked.
pub fn is_well_formed(secret: &str) -> bool {
    let Some(text) = secret.strip_prefix(PREFIX) else { return true };
    let parts = text.split_at_checked(RANDOM_CHARS);
    text.is_ascii() && parts.is_some_and(|(random, end)| end == checksum(random))
}

fn checksum(text: &str) -> String {
    base62(crc32(text.as_bytes()).to_be_bytes().to_vec(), CHECKSUM_CHARS)
}

/// The number with these big-endian bytes, in this many digits.
fn base62(mut number: Vec<u8>, digits: usize) -> String {
    let mut text = vec![b'0'; digits];
    for digit in text.iter_mut().rev() {
        let mut rest = 0_usize;
        for byte in &mut number {
            let value = rest * 256 + usize::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or_default();
            rest = value % 62;
        }
        *digit = ALPHABET.get(rest).copied().unwrap_or(b'0');
    }
    text.into_iter().map(char::from).collect()
}

/// CRC-32 as in zip files and PNG (<https://www.w3.org/TR/png-3/#D-CRCAppendix>).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_prefix_random_part_and_checksum() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926, "the check value of CRC-32");
        assert_eq!(base62(vec![0xFF; 32], RANDOM_CHARS).len(), 43);
        assert_eq!(base62(vec![1, 0], 3), "048");
        let token = token_of("a secret");
        assert_eq!(token.len(), 4 + 43 + 6);
        assert!(is_token(&token) && is_well_formed(&token), "{token}");
        assert_ne!(token, token_of("another secret"));
    }

    #[test]
    fn token_with_any_character_changed_is_malformed() {
        let token = token_of("a secret");
        for at in 4..token.len() {
            let other = if &token[at..=at] == "a" { "b" } else { "a" };
            assert!(!is_well_formed(&format!("{}{other}{}", &token[..at], &token[at + 1..])), "{at}");
        }
        for text in ["cbw_", "cbw_ü", &token[..token.len() - 1], &format!("{token}0")] {
            assert!(!is_well_formed(text), "{text}");
        }
        assert!(is_well_formed(&"0".repeat(64)), "a secret of an earlier version");
    }
}
