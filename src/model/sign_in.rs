//! What can come of a sign-in, as the account page's address tells it.

/// Why a reader who went to the provider is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// The person, or the provider, said no.
    Declined,
    /// The answer did not belong to this browser's sign-in, or could not be verified.
    Failed,
    /// Another account has the e-mail address.
    Taken,
    /// The provider, or the record, does not answer.
    Away,
}

impl SignInProblem {
    const ALL: [Self; 4] = [Self::Declined, Self::Failed, Self::Taken, Self::Away];

    /// As it stands in an address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Failed => "failed",
            Self::Taken => "taken",
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
            Self::Away => "The sign-in could not be finished, because a service does not answer. Try again in a while.",
        }
    }
}
