//! A document or a job as one row of a list.

use leptos::prelude::*;

use super::LocalTime;
use crate::model::wire::{DocumentSummary, JobView};
use crate::model::{JobStatus, Mode};

/// A job: where it stands, and the way to its page.
#[component]
pub fn JobRow(job: JobView) -> impl IntoView {
    let pages = page_count(job.pages.len() as u64);
    let state = if job.status.is_active() { "active" } else { "failed" };
    let at = job.submitted_at;
    let detail = match (job.status.is_active(), job.mode) {
        (false, _) => view! { <span>"Nothing was charged"</span> }.into_any(),
        (true, Mode::Batch) => view! { <span>"Batch, "<LocalTime at /></span> }.into_any(),
        (true, _) => {
            view! { <span>{format!("Realtime, {} done", grouped(job.completed_pages.into()))}</span> }.into_any()
        }
    };
    view! {
        <li class="row">
            <span class="cover" data-kind="PDF" aria-hidden="true"></span>
            <div>
                <a class="row-title" href=format!("/batch/{}", job.content_hash)>{job.title}</a>
                <p class="row-meta"><span>{pages}</span>{detail}</p>
            </div>
            <div class="row-end"><span class="badge" data-state=state>{job.status.words()}</span></div>
        </li>
    }
}

/// A document: what it is, what it cost, and the way to the reader. `end` stands behind the state.
#[component]
pub fn DocumentRow(document: DocumentSummary, #[prop(optional, into)] end: ViewFn) -> impl IntoView {
    let price = match document.charged_tokens {
        0 => "Free".to_owned(),
        tokens => format!("{} tokens", grouped(tokens)),
    };
    let (state, badge) = match document.failed_pages {
        0 => ("done", "Ready".to_owned()),
        failed => ("partial", format!("{} failed", page_count(failed.into()))),
    };
    view! {
        <li class="row">
            <span class="cover" data-kind="PDF" aria-hidden="true"></span>
            <div>
                <a class="row-title" href=format!("/documents/{}", document.id)>{document.title}</a>
                <p class="row-meta">
                    <span>{page_count(document.pages.into())}</span>
                    <span>{price}</span>
                    <span><LocalTime at=document.created_at day=true /></span>
                </p>
            </div>
            <div class="row-end"><span class="badge" data-state=state>{badge}</span>{end.run()}</div>
        </li>
    }
}

/// `1 page`, `1,321 pages`.
pub fn page_count(pages: u64) -> String {
    if pages == 1 { "1 page".into() } else { format!("{} pages", grouped(pages)) }
}

/// `1,321`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// What a job's state is called in a window title.
pub fn title_words(status: JobStatus) -> &'static str {
    match status {
        JobStatus::Preparing | JobStatus::Pending | JobStatus::Running => "☕ Brewing",
        JobStatus::Succeeded => "✓ Ready",
        JobStatus::Failed | JobStatus::Expired => "✗ Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn groups_by_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
