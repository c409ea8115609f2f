//! What can come of a sign-in, as the account page's address tells it.

/// Why somebody who went to the provider, or sent a plain form, is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// The person, or the provider, said no.
    Declined,
    /// The answer did not belong to this browser's sign-in, or could not be verified.
    Failed,
    /// Another account has the e-mail address.
    Taken,
    /// There is no account with this address and password.
    Wrong,
    /// Not an e-mail address, or a password that is too short or easy to guess.
    Invalid,
    /// Too many wrong passwords, or too many requests.
    TooMany,
    /// The provider, or the record, does not answer.
    Away,
}

impl SignInProblem {
    const ALL: [Self; 7] =
        [Self::Declined, Self::Failed, Self::Taken, Self::Wrong, Self::Invalid, Self::TooMany, Self::Away];

    /// As it stands in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::Taken => "taken",
            Self::Wrong => "wrong",
            Self::Invalid => "invalid",
            Self::TooMany => "too-many",
            Self::Away => "away",
        }
    }

    /// The problem of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|problem| problem.name() == name)
    }

    /// What happened, and what can be done.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Declined => "The sign-in was not completed. Nothing has changed.",
            Self::Failed => "The sign-in could not be verified. Nothing has changed. Begin again from here.",
            Self::Taken => {
                "There is an account with this e-mail address already. Sign in to it with its password, then connect it here."
            }
            Self::Wrong => "The e-mail address or the password is not right.",
            Self::Invalid => {
                "Signing up takes an e-mail address and a password of at least 10 characters that is not easy to guess. Try four words that do not belong together."
            }
            Self::TooMany => {
                "There were too many wrong passwords for this e-mail address. Try again in a quarter of an hour."
            }
            Self::Away => "The sign-in could not be finished, because a service does not answer. Try again in a while.",
        }
    }
}
