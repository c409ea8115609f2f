//! The sessions and tokens that end when an account changes its password or signs up.

use serde::{Deserialize, Serialize};

/// How many earlier sessions and API tokens ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedAccess {
    pub sessions: u64,
    pub tokens: u64,
}

impl EndedAccess {
    /// The value of `ended` in the account page's address: sessions and tokens, as `2-1`.
    pub fn to_query(self) -> String {
        format!("{}-{}", self.sessions, self.tokens)
    }

    /// Parses [`Self::to_query`]; `None` if the text has another form.
    pub fn from_query(text: &str) -> Option<Self> {
        let (sessions, tokens) = text.split_once('-')?;
        Some(Self { sessions: sessions.parse().ok()?, tokens: tokens.parse().ok()? })
    }

    /// The sentence on the account page.
    pub fn words(self) -> String {
        let things = |number: u64, thing: &str| match number {
            1 => format!("1 {thing}"),
            _ => format!("{number} {thing}s"),
        };
        let (sessions, tokens) = (things(self.sessions, "earlier session"), things(self.tokens, "API token"));
        match (self.sessions, self.tokens) {
            (0, 0) => "There were no other sessions or API tokens.".to_owned(),
            (1, 0) => format!("{sessions} has ended."),
            (_, 0) => format!("{sessions} have ended."),
            (0, 1) => format!("{tokens} has ended."),
            (0, _) => format!("{tokens} have ended."),
            _ => format!("{sessions} and {tokens} have ended."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EndedAccess;

    #[test]
    fn ended_access_words_have_singular_and_plural() {
        for (sessions, tokens, words) in [
            (0, 0, "There were no other sessions or API tokens."),
            (1, 0, "1 earlier session has ended."),
            (0, 2, "2 API tokens have ended."),
            (2, 1, "2 earlier sessions and 1 API token have ended."),
        ] {
            let ended = EndedAccess { sessions, tokens };
            assert_eq!(ended.words(), words);
            assert_eq!(EndedAccess::from_query(&ended.to_query()), Some(ended));
        }
        for not in ["", "1", "-", "1-x", "-1-1"] {
            assert_eq!(EndedAccess::from_query(not), None, "{not}");
        }
    }
}
