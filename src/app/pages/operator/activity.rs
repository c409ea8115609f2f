//! The audit log: the actions of operators.

use leptos::either::Either;
use leptos::prelude::*;

use crate::app::components::LocalTime;
use crate::model::operator::{AuditEntry, AuditPage};

/// The newest actions, and a link to older ones.
#[component]
pub fn AuditLog(log: AuditPage) -> impl IntoView {
    let AuditPage { entries, next } = log;
    let list = match entries.is_empty() {
        true => Either::Left(view! { <p class="soft">"No operator has done anything yet."</p> }),
        false => Either::Right(view! {
            <div class="card scroll-x receipts" tabindex="0" role="group" aria-label="Audit log">
                <table data-testid="audit-log">
                    <thead>
                        <tr>
                            <th scope="col">"When"</th>
                            <th scope="col">"Operator"</th>
                            <th scope="col">"Action"</th>
                            <th scope="col">"Account"</th>
                            <th scope="col">"Details"</th>
                        </tr>
                    </thead>
                    <tbody>{entries.into_iter().map(|entry| view! { <Entry entry /> }).collect_view()}</tbody>
                </table>
            </div>
        }),
    };
    let older = next.map(|before| {
        view! {
            <form id="older-actions" action="/operator">
                <input type="hidden" name="log" value=before />
                <button class="button" type="submit">
                    "Older actions"
                </button>
            </form>
        }
    });
    view! {
        <section class="stack" aria-labelledby="log-title">
            <h2 id="log-title">"Audit log"</h2>
            <div class="stack" data-live="idle">
                {list}
                {older}
            </div>
        </section>
    }
}

#[component]
fn Entry(entry: AuditEntry) -> impl IntoView {
    let AuditEntry { id, at, operator, action, account, detail } = entry;
    view! {
        <tr id=format!("action-{id}")>
            <td>
                <LocalTime at day=true />
            </td>
            <td>{operator.unwrap_or_else(|| "Command line".to_owned())}</td>
            <th scope="row">{words_of(&action).to_owned()}</th>
            <td>{account.unwrap_or_default()}</td>
            <td>{detail}</td>
        </tr>
    }
}

/// The text for an action. An action that a newer version of the program stored is shown by its name.
fn words_of(action: &str) -> &str {
    match action {
        "disable" => "Disabled",
        "enable" => "Enabled",
        "delete" => "Deleted",
        "set_quota" => "Set the quota",
        "set_role" => "Set the role",
        "create" => "Made an operator's account",
        "make_link" => "Made a password link",
        "invite" => "Made an invitation",
        "revoke_invitation" => "Revoked an invitation",
        "reset_password" => "Reset the password",
        "lock_out" => "Ended all sessions and tokens",
        other => other,
    }
}
