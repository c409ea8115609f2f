//! The cost of the server, and why its jobs wait.

use leptos::either::Either;
use leptos::prelude::*;

use super::dollars;
use crate::app::components::{LocalTime, grouped};
use crate::model::operator::{JobCount, SpendingView};
use crate::model::{BlockedReason, Mode};

/// Spending of today and of this month, with the ceilings. Days and months are UTC.
#[component]
pub fn Spending(spending: SpendingView) -> impl IntoView {
    let of =
        |ceiling: Option<u64>| ceiling.map_or_else(|| "no ceiling".to_owned(), |max| format!("of {}", dollars(max)));
    let row = |name: &'static str, amount: u64, ceiling: String| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{dollars(amount)}</dd>
                <dd class="soft">{ceiling}</dd>
            </div>
        }
    };
    view! {
        <section class="card stack" id="spending" aria-labelledby="spending-title">
            <h2 id="spending-title">"Spending"</h2>
            <dl class="figures" data-testid="spending">
                {row("Today", spending.today, of(spending.daily_max))}
                {row("Guests today", spending.guests_today, of(spending.guests_daily_max))}
                {row("This month", spending.month, String::new())}
                {row("Under way", spending.committed, "at most".to_owned())}
            </dl>
            <p class="field-hint">"What Google bills, by UTC day. The ceilings are settings of the server."</p>
        </section>
    }
}

/// Active jobs by state, and why they wait.
#[component]
pub fn Jobs(jobs: Vec<JobCount>) -> impl IntoView {
    let row = |count: JobCount| {
        let mode = match count.mode {
            Mode::Batch => "batch",
            Mode::Realtime => "realtime",
            Mode::Text => "text",
        };
        view! {
            <tr>
                <td class="al-right">{grouped(count.jobs)}</td>
                <th scope="row">{count.status.words()}" ("{mode}")"</th>
                <td>{count.blocked_by.map_or("", reason_words)}</td>
                <td>
                    <LocalTime at=count.oldest_at day=true />
                </td>
            </tr>
        }
    };
    let list = match jobs.is_empty() {
        true => Either::Left(view! { <p class="soft">"No job is running or waiting."</p> }),
        false => Either::Right(view! {
            <div class="scroll-x receipts" tabindex="0" role="group" aria-label="Active jobs">
                <table>
                    <thead>
                        <tr>
                            <th scope="col">"Jobs"</th>
                            <th scope="col">"State"</th>
                            <th scope="col">"Waits because"</th>
                            <th scope="col">"Oldest"</th>
                        </tr>
                    </thead>
                    <tbody>{jobs.into_iter().map(row).collect_view()}</tbody>
                </table>
            </div>
        }),
    };
    view! {
        <section class="card stack" id="jobs" aria-labelledby="jobs-title">
            <h2 id="jobs-title">"Active jobs"</h2>
            {list}
        </section>
    }
}

/// Why a job waits, and what the operator can do.
const fn reason_words(reason: BlockedReason) -> &'static str {
    match reason {
        BlockedReason::Google => "Google does not answer.",
        BlockedReason::Quota => "Google has no capacity for this key.",
        BlockedReason::Key => "Google refuses the key. Check GEMINI_API_KEY.",
        BlockedReason::Server => "Something on this server fails. See the log.",
        BlockedReason::EngineTime => "The account has used its reading time of this hour.",
        BlockedReason::QueueFull => {
            "Google's batch queue is full. Raise gemini.batch-tokens-max if Google allows more."
        }
        BlockedReason::Spending => "A spending ceiling is reached. Raise it, or wait until midnight UTC.",
    }
}
