//! Invitations: the form to create one, and the list.

use leptos::prelude::*;

use crate::app::components::LocalTime;
use crate::app::server::operator::{OperatorInvite, OperatorRevokeInvitation};
use crate::model::count_words;
use crate::model::operator::InvitationView;

/// The form and the list.
#[component]
pub fn Invitations(invitations: Vec<InvitationView>) -> impl IntoView {
    let invite = ServerAction::<OperatorInvite>::new();
    view! {
        <section class="stack" aria-labelledby="invitations-title">
            <h2 id="invitations-title">"Invitations"</h2>
            <p class="soft">
                "An invitation is a link with which one person signs up. Send it over a way that you trust."
            </p>
            <ActionForm action=invite attr:class="card stack">
                <div class="field">
                    <label class="field-label" for="invitation-note">
                        "Whom is it for?"
                    </label>
                    <input
                        class="input"
                        id="invitation-note"
                        name="note"
                        maxlength="100"
                        placeholder="Only operators see this"
                        autocomplete="off"
                    />
                </div>
                <div class="field">
                    <label class="field-label" for="invitation-tokens">
                        "Quota in tokens"
                    </label>
                    <input
                        class="input"
                        id="invitation-tokens"
                        name="tokens"
                        inputmode="numeric"
                        placeholder="default"
                        autocomplete="off"
                    />
                </div>
                <div class="field">
                    <label class="field-label" for="invitation-days">
                        "Valid for days"
                    </label>
                    <input
                        class="input"
                        id="invitation-days"
                        name="days"
                        type="number"
                        min="1"
                        max="90"
                        value="7"
                        required
                    />
                </div>
                <label>
                    <input type="checkbox" name="is_operator" value="true" />
                    " Make this person an operator"
                </label>
                <button class="button primary" type="submit">
                    "Make an invitation"
                </button>
            </ActionForm>
            <div data-live="idle">
                {(!invitations.is_empty())
                    .then(|| {
                        view! {
                            <ul class="rows" id="invitations" data-testid="invitations">
                                {invitations
                                    .into_iter()
                                    .map(|invitation| view! { <InvitationRow invitation /> })
                                    .collect_view()}
                            </ul>
                        }
                    })}
            </div>
        </section>
    }
}

#[component]
fn InvitationRow(invitation: InvitationView) -> impl IntoView {
    let InvitationView { id, note, role, quota_tokens, created_at, expires_at, used_at, used_by } = invitation;
    let revoke = ServerAction::<OperatorRevokeInvitation>::new();
    let name = if note.is_empty() { "Invitation".to_owned() } else { note };
    let row_id = format!("invitation-{id}");
    let is_open = used_at.is_none();
    view! {
        <li class="row person" id=row_id>
            <div>
                <span class="row-title">{name.clone()}</span>
                <p class="row-meta">
                    <span>"Made "<LocalTime at=created_at day=true /></span>
                    {is_open.then(|| view! { <span>"Valid until "<LocalTime at=expires_at day=true /></span> })}
                    {used_at.map(|at| view! { <span>"Used "<LocalTime at day=true /></span> })}
                    {used_by.map(|email| view! { <span>{format!("by {email}")}</span> })}
                    {quota_tokens.map(|tokens| view! { <span>{count_words(tokens)}" tokens"</span> })}
                    {role.map(|_| view! { <span>"Operator"</span> })}
                </p>
            </div>
            <div class="row-end">
                {is_open
                    .then(|| {
                        view! {
                            <ActionForm action=revoke>
                                <input type="hidden" name="id" value=id />
                                <button class="button small" aria-label=format!("Revoke {name}")>
                                    "Revoke"
                                </button>
                            </ActionForm>
                        }
                    })}
            </div>
        </li>
    }
}
