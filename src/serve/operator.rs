//! `coldbrew user`: what an operator does at the command line of the server. It needs no role, and the audit log records it.

use super::Config;
use super::parts::{SharedTime, deletion, membership, operators};
use crate::accounts::{Membership, Operator, Operators};
use crate::changes::Changes;
use crate::error::{Error, Result};
use crate::model::operator::{InvitationRequest, Person};
use crate::model::{EndedAccess, Role};
use crate::store::sql::SqlStore;

const HERE: Operator = Operator::command_line();

/// The use cases of one command, and its data.
struct Command<'a> {
    config: &'a Config,
    store: SqlStore,
    time: SharedTime,
    operators: Operators,
}

impl<'a> Command<'a> {
    async fn open(config: &'a Config) -> Result<Self> {
        let store = config.storage.store().await?;
        let time = SharedTime::of(&store).await?;
        let operators = operators(config, &store, &time, Changes::default());
        Ok(Self { config, store, time, operators })
    }

    fn membership(&self) -> Membership {
        membership(self.config, &self.store, &self.time, Changes::default())
    }

    /// The address of a page of this server, with the code of a link.
    fn link(&self, path: &str, code: &str) -> String {
        let own = self.config.site.public_url.clone().unwrap_or_else(|| format!("http://{}", self.config.server.addr));
        format!("{}{path}?code={code}", own.trim_end_matches('/'))
    }

    async fn set_password_link(&self, id: &str) -> Result<String> {
        Ok(self.link("/set-password", &self.operators.make_link(&HERE, id).await?))
    }
}

/// The id of the account with this id or e-mail address.
async fn account_id(store: &SqlStore, account: &str) -> Result<String> {
    let id = store.find_account(&account.to_lowercase()).await?;
    id.ok_or_else(|| Error::internal(format!("there is no account {account}")))
}

/// Makes an operator of the account with this e-mail address, and makes the account if there is none. Returns a link to set a password if the
/// account has no way to sign in.
pub async fn make_operator(config: &Config, email: &str) -> Result<Option<String>> {
    let command = Command::open(config).await?;
    let (id, has_way_in) = match command.store.find_account(&email.trim().to_lowercase()).await? {
        Some(id) => {
            command.operators.set_role(&HERE, &id, Some(Role::Operator)).await?;
            let has_way_in = command.membership().has_way_in(&id, email).await?;
            (id, has_way_in)
        }
        None => (command.operators.create_operator(&HERE, email).await?, false),
    };
    if has_way_in { Ok(None) } else { command.set_password_link(&id).await.map(Some) }
}

/// Takes the role from an operator.
pub async fn remove_operator(config: &Config, account: &str) -> Result<()> {
    let command = Command::open(config).await?;
    let id = account_id(&command.store, account).await?;
    command.operators.set_role(&HERE, &id, None).await
}

/// A link with which a person sets a new password.
pub async fn reset_link(config: &Config, account: &str) -> Result<String> {
    let command = Command::open(config).await?;
    let id = account_id(&command.store, account).await?;
    command.set_password_link(&id).await
}

/// All members whose address contains `search`, newest first.
pub async fn list_people(config: &Config, search: &str) -> Result<Vec<Person>> {
    let command = Command::open(config).await?;
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = command.operators.people(&HERE, search, before.as_deref()).await?;
        all.extend(page.people);
        before = page.next;
        if before.is_none() {
            return Ok(all);
        }
    }
}

/// Makes an invitation, and returns its link.
pub async fn invite(config: &Config, asked: InvitationRequest) -> Result<String> {
    let command = Command::open(config).await?;
    Ok(command.link("/invitation", &command.operators.invite(&HERE, asked).await?))
}

/// Disables an account, or enables it again.
pub async fn set_disabled(config: &Config, account: &str, is_disabled: bool) -> Result<()> {
    let command = Command::open(config).await?;
    let id = account_id(&command.store, account).await?;
    match is_disabled {
        true => command.operators.disable(&HERE, &id).await,
        false => command.operators.enable(&HERE, &id).await,
    }
}

/// Gives an account a quota of its own. `None` restores the default.
pub async fn set_quota(config: &Config, account: &str, tokens: Option<u64>) -> Result<()> {
    let command = Command::open(config).await?;
    let id = account_id(&command.store, account).await?;
    command.operators.set_quota(&HERE, &id, tokens).await
}

/// Sets a random password for a member who forgot theirs, and ends all sessions and tokens. Returns the password, which is stored nowhere, and
/// what has ended.
pub async fn reset_password(config: &Config, account: &str) -> Result<(String, EndedAccess)> {
    let command = Command::open(config).await?;
    let id = account_id(&command.store, account).await?;
    let reset = command.membership().reset_password(&id).await?;
    command.operators.note(&HERE, "reset_password", &id).await?;
    Ok(reset)
}

/// Ends all sessions and tokens of an account.
pub async fn lock_out(config: &Config, account: &str) -> Result<EndedAccess> {
    let command = Command::open(config).await?;
    let id = account_id(&command.store, account).await?;
    let ended = command.membership().lock_out(&id).await?;
    command.operators.note(&HERE, "lock_out", &id).await?;
    Ok(ended)
}

/// Deletes an account with everything that it owns.
pub async fn delete_account(config: &Config, account: &str) -> Result<()> {
    let command = Command::open(config).await?;
    let id = account_id(&command.store, account).await?;
    let deletion = deletion(&command.store, config, &command.time, Changes::default());
    deletion.delete_for(&command.operators, &HERE, &id).await
}

/// Says once in the log that a server which others can reach has no operator.
pub(super) async fn warn_without_operator(config: &Config, operators: &Operators) -> Result<()> {
    if config.access.needs_operator && !operators.has_operator().await? {
        tracing::warn!("this server has no operator yet: run `coldbrew user operator YOU@EXAMPLE.ORG` on it");
    }
    Ok(())
}

/// A line of `coldbrew user list`: address, role, state, quota, used tokens, dollars today and in total, and when it was last seen.
pub fn person_line(person: &Person) -> String {
    let dollars = crate::accounts::spending::dollars;
    [
        person.email.clone().unwrap_or_else(|| person.id.clone()),
        person.role.map_or("member", |role| role.into_str()).to_owned(),
        if person.disabled_at.is_some() { "disabled" } else { "enabled" }.to_owned(),
        person.quota_tokens.map_or_else(|| "default".to_owned(), |tokens| tokens.to_string()),
        person.used_tokens.to_string(),
        dollars(person.spent_today),
        dollars(person.spent_total),
        person.last_seen_at.map_or_else(|| "never".to_owned(), crate::model::UnixMs::rfc3339),
    ]
    .join("\t")
}
