//! Why a sign-in with the provider failed, as the account page's address says it.

use strum::{EnumString, IntoStaticStr};

/// Why a sign-in with the provider failed. The variants' names are part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SignInProblem {
    /// The user or the provider declined.
    Declined,
    /// The provider's answer does not belong to this browser's sign-in, or cannot be verified.
    Failed,
    /// Another account has the e-mail address.
    Taken,
    /// The person has not confirmed to own the account that the provider was to be connected to.
    NotConfirmed,
    /// This server lets people sign up with an invitation, at some domains, or not at all.
    NotAllowed,
    /// The invitation was used or has expired.
    NotInvited,
    /// An operator has disabled the account.
    Disabled,
    /// The provider or the database does not answer.
    Away,
}

impl SignInProblem {
    /// The sentence for people: what happened and what to do.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Declined => "The sign-in was not completed. Nothing has changed. Try again if you like.",
            Self::Failed => "The sign-in could not be verified. Nothing has changed. Try again.",
            Self::Taken => {
                "An account with this e-mail address already exists. Sign in with its password, then connect it here."
            }
            Self::NotConfirmed => {
                "Nothing was connected, because your confirmation is too old. Confirm again, then connect."
            }
            Self::NotAllowed => {
                "You cannot sign up here with this account. Ask the operator of this server for an invitation."
            }
            Self::NotInvited => {
                "This invitation was used already or has expired. Ask the operator of this server for a new one."
            }
            Self::Disabled => "This account is disabled. Ask the operator of this server.",
            Self::Away => "The sign-in failed because a service did not answer. Try again in a few minutes.",
        }
    }
}
