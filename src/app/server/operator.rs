//! Calls of the operator's page. To everybody else they answer as if they did not exist.

use leptos::prelude::*;

use crate::model::ApiError;
use crate::model::operator::{AuditPage, InvitationView, Overview, People};

/// What the server does and costs at present.
#[server(prefix = "/api", endpoint = "operator_overview")]
pub async fn operator_overview() -> Result<Overview, ApiError> {
    let operator = crate::web::operator().await?;
    operator.answer(operator.operators().overview(&operator.rights).await)
}

/// People whose address contains `query`, newest first.
#[server(prefix = "/api", endpoint = "operator_people")]
pub async fn operator_people(query: String, before: Option<String>) -> Result<People, ApiError> {
    let operator = crate::web::operator().await?;
    operator.answer(operator.operators().people(&operator.rights, &query, before.as_deref()).await)
}

/// Invitations, newest first.
#[server(prefix = "/api", endpoint = "operator_invitations")]
pub async fn operator_invitations() -> Result<Vec<InvitationView>, ApiError> {
    let operator = crate::web::operator().await?;
    operator.answer(operator.operators().invitations(&operator.rights).await)
}

/// Actions of operators, newest first.
#[server(prefix = "/api", endpoint = "operator_audit_log")]
pub async fn operator_audit_log(before: Option<String>) -> Result<AuditPage, ApiError> {
    let operator = crate::web::operator().await?;
    operator.answer(operator.operators().audit_log(&operator.rights, before.as_deref()).await)
}

/// Disables an account.
#[server(prefix = "/api", endpoint = "operator_disable")]
pub async fn operator_disable(id: String) -> Result<(), ApiError> {
    let operator = crate::web::operator().await?;
    operator.done(operator.operators().disable(&operator.rights, &id).await, "The account is disabled.")
}

/// Enables an account again.
#[server(prefix = "/api", endpoint = "operator_enable")]
pub async fn operator_enable(id: String) -> Result<(), ApiError> {
    let operator = crate::web::operator().await?;
    operator.done(operator.operators().enable(&operator.rights, &id).await, "The account is enabled again.")
}

/// Deletes an account with everything that it owns.
#[server(prefix = "/api", endpoint = "operator_delete")]
pub async fn operator_delete(id: String) -> Result<(), ApiError> {
    let operator = crate::web::operator().await?;
    let (deletion, operators) = (&operator.services.deletion, operator.operators());
    operator.done(deletion.delete_for(operators, &operator.rights, &id).await, "The account is deleted.")
}

/// Sets the quota of an account. An empty field restores the default.
#[server(prefix = "/api", endpoint = "operator_set_quota")]
pub async fn operator_set_quota(id: String, tokens: String) -> Result<(), ApiError> {
    let operator = crate::web::operator().await?;
    let tokens = operator.answer(crate::web::quota_of(&tokens))?;
    operator.done(operator.operators().set_quota(&operator.rights, &id, tokens).await, "The quota is set.")
}

/// Makes an account an operator, or no operator any more.
#[server(prefix = "/api", endpoint = "operator_set_role")]
pub async fn operator_set_role(id: String, is_operator: bool) -> Result<(), ApiError> {
    let operator = crate::web::operator().await?;
    let role = is_operator.then_some(crate::model::Role::Operator);
    operator.done(operator.operators().set_role(&operator.rights, &id, role).await, "The role is set.")
}

/// Makes a link with which a person sets a new password. The page shows it once.
#[server(prefix = "/api", endpoint = "operator_make_link")]
pub async fn operator_make_link(id: String) -> Result<String, ApiError> {
    let operator = crate::web::operator().await?;
    let code = operator.operators().make_link(&operator.rights, &id).await;
    operator.show_link(code, "/set-password", "Link to set a new password, valid for one day")
}

/// Makes an invitation. The page shows its link once.
#[server(prefix = "/api", endpoint = "operator_invite")]
pub async fn operator_invite(
    note: String,
    tokens: String,
    days: u32,
    is_operator: Option<bool>,
) -> Result<String, ApiError> {
    let operator = crate::web::operator().await?;
    let asked = operator.answer(crate::web::invitation_of(note, &tokens, days, is_operator.unwrap_or_default()))?;
    let name = format!("Invitation, valid for {} days", asked.days);
    operator.show_link(operator.operators().invite(&operator.rights, asked).await, "/invitation", &name)
}

/// Ends an invitation that was not used.
#[server(prefix = "/api", endpoint = "operator_revoke_invitation")]
pub async fn operator_revoke_invitation(id: String) -> Result<(), ApiError> {
    let operator = crate::web::operator().await?;
    operator.done(operator.operators().revoke_invitation(&operator.rights, &id).await, "The invitation is revoked.")
}
