//! The access policy: guests, AI for guests, and sign-up. Each question has one function here, which is called in one place.

use std::sync::Arc;

use crate::accounts::Account;
use crate::error::{Error, Result};
use crate::model::{ErrorCode, GuestAccess, SignUpMode};
use crate::settings::Settings;

/// The operator's settings of access. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AccessPolicy {
    pub guests: GuestAccess,
    pub sign_up: SignUpMode,
    /// Domains of e-mail addresses that may sign up, in lower case. Subdomains are not included.
    pub domains: Arc<[String]>,
    /// The server is public and spends money, so it should have an operator.
    pub needs_operator: bool,
}

impl AccessPolicy {
    /// Reads the settings. With `guests_are_owners`, everything is open by default. Otherwise guests read plain text, and sign-up needs
    /// an invitation.
    pub fn read(from: &mut Settings, guests_are_owners: bool) -> Self {
        let guests = if guests_are_owners { GuestAccess::On } else { GuestAccess::TextOnly };
        let sign_up = if guests_are_owners { SignUpMode::Open } else { SignUpMode::Invitation };
        let policy = Self {
            guests: from.value("access.guests", "COLDBREW_ACCESS_GUESTS", guests),
            sign_up: from.value("access.sign-up", "COLDBREW_ACCESS_SIGN_UP", sign_up),
            domains: from
                .list::<String>("access.domains", "COLDBREW_ACCESS_DOMAINS")
                .unwrap_or_default()
                .iter()
                .map(|domain| domain.trim_start_matches('@').to_lowercase())
                .collect(),
            needs_operator: !guests_are_owners,
        };
        if policy.sign_up == SignUpMode::Domains && policy.domains.is_empty() {
            from.complain("access.sign-up (COLDBREW_ACCESS_SIGN_UP) is domains: list them in access.domains (COLDBREW_ACCESS_DOMAINS)");
        }
        policy
    }

    /// Checks that a guest account may be created.
    ///
    /// # Errors
    /// `guests_not_allowed` if the server takes no guests.
    pub fn admit_guest(&self) -> Result<()> {
        match self.guests {
            GuestAccess::On | GuestAccess::TextOnly => Ok(()),
            GuestAccess::Off => {
                let words = "This server takes no guests. Sign in first.";
                Err(Error::refused(ErrorCode::GuestsNotAllowed, words))
            }
        }
    }

    /// Checks that the account may have pages read by AI.
    ///
    /// # Errors
    /// `guests_text_only` for a guest, unless guests may do everything.
    pub fn admit_ai(&self, account: &Account) -> Result<()> {
        if account.email.is_some() || self.guests == GuestAccess::On {
            return Ok(());
        }
        let words = "Guests of this server can read the plain text. Sign in to use AI.";
        Err(Error::refused(ErrorCode::GuestsTextOnly, words))
    }

    /// Checks that a person may sign up. `email` is the address that they typed, or that the provider has verified.
    ///
    /// # Errors
    /// `sign_up_not_allowed` if the mode of the server does not permit it.
    pub fn admit_sign_up(&self, email: Option<&str>, is_invited: bool) -> Result<()> {
        let words = match self.sign_up {
            SignUpMode::Open => return Ok(()),
            SignUpMode::Invitation | SignUpMode::Domains if is_invited => return Ok(()),
            SignUpMode::Domains if email.is_some_and(|email| self.has_domain_of(email)) => return Ok(()),
            SignUpMode::Invitation => {
                "You need an invitation to sign up here. Ask the operator of this server for a link.".to_owned()
            }
            SignUpMode::Domains => {
                format!("You can sign up here with a verified e-mail address at {}.", self.domains.join(", "))
            }
            SignUpMode::Off => "This server takes no new accounts. Ask its operator.".to_owned(),
        };
        Err(Error::refused(ErrorCode::SignUpNotAllowed, words))
    }

    fn has_domain_of(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map(|(_, domain)| domain.trim().to_lowercase());
        domain.is_some_and(|domain| self.domains.contains(&domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(guests: GuestAccess, sign_up: SignUpMode) -> AccessPolicy {
        AccessPolicy { guests, sign_up, domains: Arc::new(["example.org".to_owned()]), needs_operator: true }
    }

    #[test]
    fn guest_uses_ai_only_where_guests_may_do_everything() {
        let guest = Account { id: "a".into(), email: None, quota_tokens: None };
        let member = Account { email: Some("a@example.org".into()), ..guest.clone() };
        for (mode, makes_guest, uses_ai) in
            [(GuestAccess::On, true, true), (GuestAccess::TextOnly, true, false), (GuestAccess::Off, false, false)]
        {
            let policy = policy(mode, SignUpMode::Open);
            assert_eq!(
                (policy.admit_guest().is_ok(), policy.admit_ai(&guest).is_ok()),
                (makes_guest, uses_ai),
                "{mode:?}"
            );
            assert!(policy.admit_ai(&member).is_ok());
        }
    }

    #[test]
    fn person_signs_up_by_the_servers_mode() {
        let (at_home, elsewhere) = (Some("Ada@Example.ORG"), Some("ada@evil-example.org"));
        let below = Some("ada@mail.example.org");
        for (mode, email, is_invited, admitted) in [
            (SignUpMode::Open, elsewhere, false, true),
            (SignUpMode::Invitation, at_home, false, false),
            (SignUpMode::Invitation, elsewhere, true, true),
            (SignUpMode::Domains, at_home, false, true),
            (SignUpMode::Domains, elsewhere, false, false),
            (SignUpMode::Domains, below, false, false),
            (SignUpMode::Domains, None, false, false),
            (SignUpMode::Domains, None, true, true),
            (SignUpMode::Off, at_home, true, false),
        ] {
            let admits = policy(GuestAccess::On, mode).admit_sign_up(email, is_invited).is_ok();
            assert_eq!(admits, admitted, "{mode:?} {email:?} {is_invited}");
        }
    }
}
