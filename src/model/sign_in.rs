//! What can come of a sign-in, as the account page's address tells it.

use strum::{EnumString, IntoStaticStr};

/// Why a reader who went to the provider is not signed in. Its name stands in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SignInProblem {
    /// The person, or the provider, said no.
    Declined,
    /// The answer did not belong to this browser's sign-in, or could not be verified.
    Failed,
    /// Another account has the e-mail address.
    Taken,
    /// This server lets people sign up with an invitation, at some domains, or not at all.
    NotAllowed,
    /// The invitation was used or has expired.
    NotInvited,
    /// An operator has disabled the account.
    Disabled,
    /// The provider, or the record, does not answer.
    Away,
}

impl SignInProblem {
    /// What happened, and what can be done.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Declined => "The sign-in was not completed. Nothing has changed.",
            Self::Failed => "The sign-in could not be verified. Nothing has changed. Begin again from here.",
            Self::Taken => {
                "There is an account with this e-mail address already. Sign in to it with its password, then connect it here."
            }
            Self::NotAllowed => {
                "You cannot sign up here with this account. Ask the operator of this server for an invitation."
            }
            Self::NotInvited => {
                "This invitation was used already or has expired. Ask the operator of this server for a new one."
            }
            Self::Disabled => "This account is disabled. Ask the operator of this server.",
            Self::Away => "The sign-in could not be finished, because a service does not answer. Try again in a while.",
        }
    }
}
