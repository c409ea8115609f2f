//! What can come of another password, as the account page's address tells it.

/// What became of a member's wish for another password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordChange {
    Changed,
    /// The one before was not right.
    Wrong,
    /// The new one is too short, or endless.
    Weak,
    /// The record does not answer.
    Away,
}

impl PasswordChange {
    const ALL: [Self; 4] = [Self::Changed, Self::Wrong, Self::Weak, Self::Away];

    /// As it stands in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Wrong => "wrong",
            Self::Weak => "weak",
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
            Self::Changed => "Your password is changed. You are signed out everywhere else; API tokens go on.",
            Self::Wrong => "The current password is not right. Nothing has changed.",
            Self::Weak => "A password has at least 10 characters. Nothing has changed.",
            Self::Away => "The password could not be changed, because a service does not answer. Try again in a while.",
        }
    }
}
