//! What can come of another password, as the account page's address tells it.

/// What became of a member's wish for another password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    Changed,
    /// The one before was not right.
    Wrong,
    /// The new one is too short, endless or easy to guess.
    Weak,
    /// Too many that were not right came before.
    TooMany,
    /// The record does not answer.
    Away,
}

impl PasswordChange {
    const ALL: [Self; 5] = [Self::Changed, Self::Wrong, Self::Weak, Self::TooMany, Self::Away];

    /// As it stands in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Wrong => "wrong",
            Self::Weak => "weak",
            Self::TooMany => "too-many",
            Self::Away => "away",
        }
    }

    /// The outcome of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// What happened, and what can be done.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Changed => {
                "Your password is changed. You are signed out everywhere else, and your API tokens have ended."
            }
            Self::Wrong => "The current password is not right. Nothing has changed.",
            Self::Weak => {
                "A password has at least 10 characters and is not easy to guess. Nothing has changed. Try four words that do not belong together."
            }
            Self::TooMany => {
                "There were too many wrong passwords. Nothing has changed. Try again in a quarter of an hour."
            }
            Self::Away => "The password could not be changed, because a service does not answer. Try again in a while.",
        }
    }
}
