//! `/operator`: people, invitations, spending, jobs and the audit log. Everybody but operators gets the page for a missing address.

mod activity;
mod invitations;
mod people;
mod spending;

use leptos::either::EitherOf3;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use super::not_found::{NotFound, is_absent};
use crate::app::PageContext;
use crate::app::components::Trouble;
use crate::app::server::operator::{operator_audit_log, operator_invitations, operator_overview, operator_people};
use crate::model::operator::{AuditPage, InvitationView, Overview, People};
use crate::model::{ApiError, Flash};
use activity::AuditLog;
use invitations::Invitations;
use people::PeopleSection;
use spending::{Jobs, Spending};

/// What the page shows.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Everything {
    overview: Overview,
    people: People,
    invitations: Vec<InvitationView>,
    log: AuditPage,
}

/// `?q=` searches for addresses, `?before=` pages through people, `?log=` through the audit log.
#[component]
pub fn OperatorPage() -> impl IntoView {
    let asked = use_query_map()
        .with_untracked(|query| (query.get("q").unwrap_or_default(), query.get("before"), query.get("log")));
    let query = asked.0.clone();
    let found = Resource::new(move || asked.clone(), |(query, before, log)| everything(query, before, log));
    view! {
        <Suspense>
            {move || {
                let query = query.clone();
                Suspend::new(async move {
                    match found.await {
                        Ok(all) => EitherOf3::A(view! { <Management all query /> }),
                        Err(error) if is_absent(&error) => EitherOf3::B(view! { <NotFound /> }),
                        Err(error) => {
                            EitherOf3::C(
                                view! {
                                    <main id="main" class="container" tabindex="-1">
                                        <Trouble error />
                                    </main>
                                },
                            )
                        }
                    }
                })
            }}
        </Suspense>
    }
}

async fn everything(query: String, before: Option<String>, log: Option<String>) -> Result<Everything, ApiError> {
    Ok(Everything {
        overview: operator_overview().await?,
        people: operator_people(query, before).await?,
        invitations: operator_invitations().await?,
        log: operator_audit_log(log).await?,
    })
}

#[component]
fn Management(all: Everything, query: String) -> impl IntoView {
    let Everything { overview, people, invitations, log } = all;
    view! {
        <Title text="Operator" />
        <main id="main" class="container" tabindex="-1">
            <div class="stack loose">
                <h1>"Operator"</h1>
                <div data-said="">
                    <NewLink />
                </div>
                <ModelNotice notice=overview.model_notice />
                <div class="pair" data-live="idle">
                    <Spending spending=overview.spending />
                    <Jobs jobs=overview.jobs />
                </div>
                <PeopleSection
                    people
                    query
                    members=overview.members
                    guests=overview.guests
                    disabled=overview.disabled
                />
                <Invitations invitations />
                <AuditLog log />
            </div>
        </main>
    }
}

/// What is wrong with the model in use.
#[component]
fn ModelNotice(notice: Option<String>) -> impl IntoView {
    notice.map(|notice| {
        view! {
            <p class="notice warn" data-testid="model-notice">
                {notice}
                " Choose another model with GEMINI_MODEL."
            </p>
        }
    })
}

/// A link that was just made. It is shown this once.
#[component]
fn NewLink() -> impl IntoView {
    let made = match use_context::<PageContext>().and_then(|page| page.flash) {
        Some(Flash::Link { name, url }) => Some((name, url)),
        _ => None,
    };
    made.map(|(name, url)| {
        view! {
            <div class="notice good stack" role="status">
                <p>{name}". Copy it now: it is shown only once, and it works once."</p>
                <div class="pasted">
                    <input
                        class="input mono"
                        id="new-link"
                        readonly
                        aria-label="The new link"
                        data-testid="new-link"
                        value=url
                    />
                    <button class="button" type="button" data-copy="new-link">
                        "Copy"
                    </button>
                </div>
            </div>
        }
    })
}

/// A number of micro-dollars as people read it: `$12.34`.
fn dollars(micro_dollars: u64) -> String {
    let cents = micro_dollars.saturating_add(5_000) / 10_000;
    match (micro_dollars, cents) {
        (1.., 0) => "under $0.01".to_owned(),
        _ => format!("${}.{:02}", cents / 100, cents % 100),
    }
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn amount_is_rounded_to_cents() {
        for (amount, words) in
            [(0, "$0.00"), (4_999, "under $0.01"), (5_000, "$0.01"), (1_234_567, "$1.23"), (50_000_000, "$50.00")]
        {
            assert_eq!(dollars(amount), words);
        }
    }
}
