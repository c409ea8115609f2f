//! "Is it all there?": the pages whose text differs from the file's own text.

use leptos::either::Either;
use leptos::prelude::*;

use super::{Asked, Drawn};
use crate::app::components::{grouped, page_count, printed};
use crate::model::wire::PageCheck;

/// The list of pages worth checking. `checked`: how many were compared with the file's own text. `unchecked`: how many have none.
#[component]
pub fn Checks(
    id: String,
    checked: u32,
    unchecked: u32,
    pages: Vec<(u32, Option<String>)>,
    asked: Asked,
) -> impl IntoView {
    if pages.is_empty() {
        let words = match (checked, unchecked) {
            (0, 0) => return None,
            (0, _) => "The file has no text of its own, so there is nothing to compare the pages with.".to_owned(),
            (checked, _) => format!("Compared with the file's own text: {} agree.", page_count(checked.into())),
        };
        return Some(Either::Left(view! {
            <p class="soft" id="checks">
                {words}
            </p>
        }));
    }
    let words = match pages.len() {
        1 => "1 page worth checking.".to_owned(),
        many => format!("{} pages worth checking.", grouped(many as u64)),
    };
    let link = |(index, label): (u32, Option<String>)| {
        let number = index + 1;
        let asked = Asked { original: number.to_string(), ..asked.clone() };
        let address = format!("{}#page-{number}", asked.address(&id, &format!("page={number}")));
        view! {
            <li>
                <a href=address>{format!("Page {}", printed(number, label.as_deref()))}</a>
            </li>
        }
    };
    Some(Either::Right(view! {
        <details class="notice" id="checks">
            <summary>
                <strong>{words}</strong>
                " Their words differ from the file's own text."
            </summary>
            <ol class="check-list">{pages.into_iter().map(link).collect_view()}</ol>
        </details>
    }))
}

/// How the text of a page differs from the file's own text, if that is worth checking.
#[component]
pub fn Check(number: u32, check: Option<PageCheck>, drawn: Drawn) -> impl IntoView {
    let check = check.filter(|check| check.is_worth_checking)?;
    let PageCheck { own_words, missing, added, numbers_differ, order_percent, .. } = check;
    let count = |count: u32| grouped(count.into());
    let mut words = format!("{} of {} words are missing, {} are added", count(missing), count(own_words), count(added));
    if numbers_differ > 0 {
        words += &format!(", {} numbers differ", count(numbers_differ));
    }
    if order_percent < 100 {
        words += &format!(", {order_percent} % stand in the same order");
    }
    let asked = Asked { original: number.to_string(), ..drawn.asked };
    let address = format!("{}#page-{number}", asked.address(&drawn.document, &format!("page={number}")));
    Some(view! {
        <p class="notice check">
            <strong>"Worth checking."</strong>
            {format!(" Compared with the file's own text, {words}. ")}
            <a href=address>"Compare with the original"</a>
        </p>
    })
}
