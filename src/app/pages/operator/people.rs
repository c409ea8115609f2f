//! People: their limits and use, and the actions on an account.

use leptos::either::Either;
use leptos::prelude::*;

use super::dollars;
use crate::app::components::{Answers, LocalTime, Question, QuestionButton, grouped};
use crate::app::server::operator::{
    OperatorDelete, OperatorDisable, OperatorEnable, OperatorMakeLink, OperatorSetQuota, OperatorSetRole,
};
use crate::model::operator::{People, Person};
use crate::model::{Role, count_words};

/// The search, one page of people, and a link to the next page.
#[component]
pub fn PeopleSection(people: People, query: String, members: u64, guests: u64, disabled: u64) -> impl IntoView {
    let People { people, next, default_quota } = people;
    let words =
        format!("Members: {} · Guests: {} · Disabled: {}", grouped(members), grouped(guests), grouped(disabled));
    let searched = query.clone();
    let list = match people.is_empty() {
        true => Either::Left(view! { <p class="soft">"No address contains this."</p> }),
        false => Either::Right(view! {
            <ul class="rows" id="people" data-testid="people">
                {people.into_iter().map(|person| view! { <PersonRow person default_quota /> }).collect_view()}
            </ul>
        }),
    };
    let more = next.map(|before| {
        view! {
            <form id="more-people" action="/operator">
                <input type="hidden" name="q" value=searched />
                <input type="hidden" name="before" value=before />
                <button class="button" type="submit">
                    "More people"
                </button>
            </form>
        }
    });
    view! {
        <section class="stack" aria-labelledby="people-title">
            <div class="cluster spread">
                <h2 id="people-title">"People"</h2>
                <form class="search" role="search" method="get" action="/operator">
                    <label class="visually-hidden" for="q">
                        "Search by e-mail address"
                    </label>
                    <input
                        class="input"
                        id="q"
                        name="q"
                        type="search"
                        placeholder="Search by e-mail address"
                        value=query
                    />
                </form>
            </div>
            <div class="stack" data-live="idle">
                <p class="soft">{words}</p>
                {list}
                {more}
            </div>
        </section>
    }
}

#[component]
fn PersonRow(person: Person, default_quota: u64) -> impl IntoView {
    let name = person.email.clone().unwrap_or_else(|| format!("Guest {}", person.id));
    let is_operator = person.role == Some(Role::Operator);
    let (state, badge) = match (person.disabled_at.is_some(), is_operator) {
        (true, _) => ("failed", "Disabled"),
        (false, true) => ("active", "Operator"),
        (false, false) => ("done", "Member"),
    };
    let row_id = format!("person-{}", person.id);
    let quota = person.quota_tokens.unwrap_or(default_quota);
    let used = format!("{} of {} tokens used", count_words(person.used_tokens), count_words(quota));
    let spent = format!("{} today, {} in all", dollars(person.spent_today), dollars(person.spent_total));
    let seen = match person.last_seen_at {
        Some(at) => Either::Left(view! { <span>"Last seen "<LocalTime at day=true /></span> }),
        None => Either::Right(view! { <span>"Not seen yet"</span> }),
    };
    view! {
        <li class="row person" id=row_id>
            <div>
                <span class="row-title">{name.clone()}</span>
                <p class="row-meta">
                    <span>{used}</span>
                    <span>{spent}</span>
                    {seen}
                </p>
                <PersonActions person name />
            </div>
            <div class="row-end">
                <span class="badge" data-state=state>
                    {badge}
                </span>
            </div>
        </li>
    }
}

/// The actions on an account.
#[component]
fn PersonActions(person: Person, name: String) -> impl IntoView {
    let Person { id, email, role, disabled_at, quota_tokens, .. } = person;
    let is_operator = role == Some(Role::Operator);
    let (removal, disabling) = (format!("removal-{id}"), format!("disabling-{id}"));
    let quota_id = format!("quota-{id}");
    let (id, name) = (StoredValue::new(id), StoredValue::new(name));
    let (enable, disable) = (ServerAction::<OperatorEnable>::new(), ServerAction::<OperatorDisable>::new());
    let (delete, set_quota) = (ServerAction::<OperatorDelete>::new(), ServerAction::<OperatorSetQuota>::new());
    let (link, set_role) = (ServerAction::<OperatorMakeLink>::new(), ServerAction::<OperatorSetRole>::new());
    let hidden_id = move || view! { <input type="hidden" name="id" value=id.get_value() /> };
    let access = match disabled_at {
        Some(_) => Either::Left(view! {
            <ActionForm action=enable>
                {hidden_id()} <button class="button small" type="submit">
                    "Enable"
                </button>
            </ActionForm>
        }),
        None => Either::Right(view! {
            <QuestionButton asks=disabling.clone() class="button small">
                "Disable…"
            </QuestionButton>
        }),
    };
    let member = email.map(|_| {
        view! {
            <ActionForm action=link>
                {hidden_id()} <button class="button small" type="submit">
                    "Make a password link"
                </button>
            </ActionForm>
            <ActionForm action=set_role>
                {hidden_id()} <input type="hidden" name="is_operator" value=(!is_operator).to_string() />
                <button class="button small" type="submit">
                    {if is_operator { "Remove operator role" } else { "Make operator" }}
                </button>
            </ActionForm>
        }
    });
    view! {
        <details>
            <summary>"Manage"</summary>
            <div class="stack tight">
                <ActionForm action=set_quota attr:class="pasted">
                    {hidden_id()}
                    <label class="field-label" for=quota_id.clone()>
                        "Quota in tokens"
                    </label>
                    <input
                        class="input"
                        id=quota_id
                        name="tokens"
                        inputmode="numeric"
                        placeholder="default"
                        autocomplete="off"
                        value=quota_tokens.map(|tokens| tokens.to_string()).unwrap_or_default()
                    />
                    <button class="button small" type="submit">
                        "Set quota"
                    </button>
                </ActionForm>
                <div class="cluster">
                    {access} {member} <QuestionButton asks=removal.clone() class="button small danger">
                        "Delete…"
                    </QuestionButton>
                </div>
            </div>
        </details>
        <Question id=disabling.clone() title="Disable this account?">
            <ActionForm action=disable attr:class="stack">
                {hidden_id()}
                <p>
                    <strong>{name.get_value()}</strong>
                    " cannot sign in, and sessions and tokens stop working. Nothing is deleted. Running jobs finish."
                </p>
                <Answers of=disabling yes="Disable it" />
            </ActionForm>
        </Question>
        <Question id=removal.clone() title="Delete this account?">
            <ActionForm action=delete attr:class="stack">
                {hidden_id()}
                <p>
                    "All documents, files and tokens of "<strong>{name.get_value()}</strong>
                    " are deleted permanently. Running batches are cancelled. The sums of what was spent stay."
                </p>
                <Answers of=removal yes="Delete everything" />
            </ActionForm>
        </Question>
    }
}
