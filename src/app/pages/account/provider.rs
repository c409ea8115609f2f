//! The sign-in with the operator's provider, if there is one. The browser goes to the provider and comes back signed in.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use super::bring::BringLink;
use super::sessions::ConfirmForm;
use crate::app::PageContext;
use crate::app::server::{fetch_sessions, is_connected};
use crate::model::SignInProblem;
use crate::model::wire::AccessReport;

/// The link to the provider. A member sees it until the provider is connected.
#[component]
pub fn ProviderLink(member: bool) -> impl IntoView {
    let name = use_context::<PageContext>().and_then(|page| page.provider);
    let connected = Resource::new(
        || (),
        move |()| async move {
            let is_connected = member && is_connected().await.unwrap_or(true);
            (is_connected, if member { fetch_sessions().await.unwrap_or_default() } else { AccessReport::default() })
        },
    );
    name.map(|name| {
        view! {
            <Suspense>
                {move || {
                    let name = name.clone();
                    let words = if member { format!("Connect {name}") } else { format!("Sign in with {name}") };
                    Suspend::new(async move {
                        match connected.await {
                            (true, _) => ().into_any(),
                            (false, report) if member && !report.is_confirmed => {
                                view! { <ConfirmForm provider=name has_password=report.has_password /> }.into_any()
                            }
                            _ => {
                                view! {
                                    <p>
                                        <a
                                            class="button"
                                            href="/sign-in/provider"
                                            rel="external"
                                            data-testid="provider"
                                        >
                                            {words}
                                        </a>
                                    </p>
                                    {(!member).then(|| view! { <BringLink name=name.clone() /> })}
                                }
                                    .into_any()
                            }
                        }
                    })
                }}
            </Suspense>
        }
    })
}

/// Why the sign-in with the provider failed.
#[component]
pub fn SignInTrouble() -> impl IntoView {
    let problem = use_query_map()
        .with_untracked(|query| query.get("sign-in").and_then(|name| name.parse::<SignInProblem>().ok()));
    problem.map(|problem| {
        view! {
            <p class="notice" role="alert" data-testid="sign-in-trouble">
                {problem.words()}
            </p>
        }
    })
}
