//! The account page: sign-in, quota, receipts, tokens and deletion.

mod access;
mod bring;
mod invitation;
mod member;
mod password;
mod provider;
mod sessions;
mod set_password;
mod tokens;

use leptos::either::{Either, EitherOf3};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::app::PageContext;
use crate::app::components::grouped;
use crate::app::server::{fetch_me, fetch_sessions, fetch_usage};
use crate::model::wire::{Receipt, Usage, UsageReport};
use crate::model::{Flash, Mode, count_words};
use access::{NoAccess, OperatorLink, WaysIn};
use member::{DeleteSection, Member};
use password::{EndedNotice, PasswordForm};
use provider::{ProviderLink, SignInTrouble};
use sessions::Sessions;
use tokens::Tokens;

pub use invitation::InvitationPage;
pub use set_password::SetPasswordPage;

/// `/account`
#[component]
pub fn Account() -> impl IntoView {
    let found = Resource::new(|| (), |()| async { (fetch_me().await, fetch_usage().await, fetch_sessions().await) });
    let made = match use_context::<PageContext>().and_then(|page| page.flash) {
        Some(Flash::Token(token)) => Some(token),
        _ => None,
    };
    view! {
        <Title text="Account" />
        <main id="main" class="container" tabindex="-1">
            <div class="stack loose">
                <h1>"Account"</h1>
                <SignInTrouble />
                <EndedNotice />
                <Suspense>
                    {move || {
                        let made = made.clone();
                        Suspend::new(async move {
                            match found.await {
                                (Ok(Some((me, tokens))), Ok(Some(report)), Ok(access)) => {
                                    let UsageReport { usage, receipts } = report;
                                    let has_password = access.has_password;
                                    let who = me.email.clone().unwrap_or_else(|| me.user_id.clone());
                                    EitherOf3::A(
                                        view! {
                                            <div class="pair" data-who=who>
                                                <Quota usage />
                                                <Who email=me.email.clone() />
                                            </div>
                                            <Receipts receipts />
                                            <Tokens tokens made has_password />
                                            {me.email.is_some().then(|| view! { <Sessions report=access /> })}
                                            <DeleteSection id=me.user_id email=me.email has_password />
                                        },
                                    )
                                }
                                (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
                                    EitherOf3::B(view! { <NoAccess error /> })
                                }
                                _ => {
                                    EitherOf3::C(
                                        view! {
                                            <div class="pair">
                                                <div class="stack">
                                                    <WaysIn known=false />
                                                </div>
                                            </div>
                                        },
                                    )
                                }
                            }
                        })
                    }}
                </Suspense>
            </div>
        </main>
    }
}

/// The signed-in member, or the forms to sign up and in for a guest.
#[component]
fn Who(email: Option<String>) -> impl IntoView {
    match email {
        Some(email) => Either::Left(view! {
            <div class="stack">
                <Member email=email.clone() />
                <PasswordForm email />
                <ProviderLink member=true />
                <OperatorLink />
            </div>
        }),
        None => Either::Right(view! {
            <div class="stack">
                <WaysIn known=true />
            </div>
        }),
    }
}

#[component]
fn Quota(usage: Usage) -> impl IntoView {
    let Usage { quota_tokens, used_tokens, reserved_tokens, available_tokens } = usage;
    let words = format!(
        "{} tokens used, {} reserved, {} left of {}",
        grouped(used_tokens),
        grouped(reserved_tokens),
        grouped(available_tokens),
        grouped(quota_tokens)
    );
    // A very small share would be invisible.
    let visible = |tokens: u64| if tokens == 0 { 0 } else { tokens.max(quota_tokens / 150) };
    view! {
        <section class="card stack" aria-labelledby="quota-title" data-live="idle" data-events="">
            <div class="cluster spread">
                <h2 id="quota-title">"Quota"</h2>
                <p class="soft">{format!("{} tokens", count_words(quota_tokens))}</p>
            </div>
            <svg
                class="bar"
                viewBox=format!("0 0 {} 1", quota_tokens.max(1))
                preserveAspectRatio="none"
                role="img"
                aria-label=words
            >
                <rect class="bar-main" width=visible(used_tokens).to_string() height="1" />
                <rect
                    class="bar-held"
                    x=visible(used_tokens).to_string()
                    width=visible(reserved_tokens).to_string()
                    height="1"
                />
            </svg>
            <dl class="figures">
                <div>
                    <dt class="used">"Used"</dt>
                    <dd>{grouped(used_tokens)}</dd>
                </div>
                <div>
                    <dt class="held">"Reserved"</dt>
                    <dd>{grouped(reserved_tokens)}</dd>
                </div>
                <div>
                    <dt>"Left"</dt>
                    <dd>{grouped(available_tokens)}</dd>
                </div>
            </dl>
        </section>
    }
}

#[component]
fn Receipts(receipts: Vec<Receipt>) -> impl IntoView {
    if receipts.is_empty() {
        return Either::Left(view! {
            <section class="stack" aria-labelledby="receipts-title" data-live="idle">
                <h2 id="receipts-title">"Receipts"</h2>
                <p class="soft">"No charges yet. Plain text and failed pages are always free."</p>
            </section>
        });
    }
    let total: u64 = receipts.iter().map(|receipt| receipt.charged_tokens).sum();
    let row = |receipt: Receipt| {
        let rate = if receipt.mode == Mode::Batch { "× ½ batch" } else { "× 1 realtime" };
        view! {
            <tr>
                <th scope="row">{receipt.title}</th>
                <td>{model_words(&receipt.model, &receipt.answered_by)}</td>
                <td class="al-right">{grouped(receipt.pages.into())}</td>
                <td class="al-right">{grouped(receipt.input_tokens)}</td>
                <td class="al-right">{grouped(receipt.output_tokens)}</td>
                <td>{rate}</td>
                <td class="al-right">{grouped(receipt.charged_tokens)}</td>
            </tr>
        }
    };
    Either::Right(view! {
        <section class="stack" aria-labelledby="receipts-title" data-live="idle">
            <h2 id="receipts-title">"Receipts"</h2>
            <div class="card scroll-x receipts" tabindex="0" role="group" aria-label="Receipts">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Document"</th>
                            <th scope="col">"Model"</th>
                            <th scope="col" class="al-right">
                                "Pages"
                            </th>
                            <th scope="col" class="al-right">
                                "Input"
                            </th>
                            <th scope="col" class="al-right">
                                "Output"
                            </th>
                            <th scope="col">"Rate"</th>
                            <th scope="col" class="al-right">
                                "Charge"
                            </th>
                        </tr>
                    </thead>
                    <tbody>{receipts.into_iter().map(row).collect_view()}</tbody>
                    <tfoot>
                        <tr>
                            <th scope="row" colspan="6">
                                "Total"
                            </th>
                            <td class="al-right">
                                <strong>{grouped(total)}</strong>
                            </td>
                        </tr>
                    </tfoot>
                </table>
            </div>
        </section>
    })
}

/// The requested model and, if other models answered, their names.
fn model_words(model: &str, answered_by: &[String]) -> String {
    match answered_by {
        [] => model.to_owned(),
        others => format!("{model}, answered by {}", others.join(", ")),
    }
}
