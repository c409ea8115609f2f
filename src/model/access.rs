//! Access: what guests may do, how people sign up, and the role of an account.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// What people without an account may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum GuestAccess {
    /// Everything, within the limits of guests.
    #[default]
    On,
    /// Read the plain text of documents, without AI.
    TextOnly,
    /// Nothing.
    Off,
}

/// How a person becomes a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum SignUpMode {
    /// Everyone can sign up.
    #[default]
    Open,
    /// People sign up with an invitation.
    Invitation,
    /// People sign up with an e-mail address at a listed domain, or with an invitation.
    Domains,
    /// Sign-up is closed.
    Off,
}

macro_rules! from_words {
    ($($type:ty, $wish:literal: $($word:literal => $value:expr),+;)+) => {
        $(impl std::str::FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok($value),)+
                    _ => Err($wish),
                }
            }
        })+
    };
}

from_words! {
    GuestAccess, "it must be on, text-only or off": "on" => Self::On, "text-only" => Self::TextOnly, "off" => Self::Off;
    SignUpMode, "it must be open, invitation, domains or off":
        "open" => Self::Open, "invitation" => Self::Invitation, "domains" => Self::Domains, "off" => Self::Off;
}

/// What an account may do besides using its own documents. The name is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Role {
    /// Manages people, invitations and spending.
    Operator,
}

/// The access settings and the rights of this browser, for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessView {
    /// This browser has an account.
    pub known: bool,
    /// The account is a member's.
    pub is_member: bool,
    pub is_operator: bool,
    pub guests: GuestAccess,
    pub sign_up: SignUpMode,
    pub domains: Vec<String>,
    /// The server has no operator yet, and its settings need one.
    pub lacks_operator: bool,
}

impl AccessView {
    /// Whether this browser may only read the text of files.
    pub fn is_text_only(&self) -> bool {
        !self.is_member && self.guests != GuestAccess::On
    }

    /// Whether this browser must sign in before anything else.
    pub fn must_sign_in(&self) -> bool {
        !self.known && self.guests == GuestAccess::Off
    }
}
