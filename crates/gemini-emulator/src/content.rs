//! The faults of content: the text that a model answers for a page, changed as the armed faults ask.
//!
//! `recitation`, `loops` and `markup` have one fault or two each.

use serde_json::Value;

use super::answer;
use super::emulator::Inner;
use super::faults::Fault;
use super::{loops, markup, recitation};
use coldbrew_gemini::lenient;
use coldbrew_gemini::models::Model;

/// A request for a page.
pub(crate) struct PageRequest<'a> {
    pub request: &'a Value,
    /// The model that answers.
    pub model: &'a Model,
    /// The text parts of the request.
    pub prompt: &'a str,
    /// The text of its pages.
    pub page: &'a str,
}

impl PageRequest<'_> {
    /// The text of the answer; `None` if the page is refused as recitation.
    pub(crate) fn answer(&self, emulator: &Inner, text: String) -> Option<String> {
        let Self { model, prompt, page, .. } = *self;
        let subject = format!("{prompt}\n{page}");
        let level = answer::thinking(self.request).and_then(|config| lenient::string(config, "thinkingLevel"));
        let meets = |fault, more: &[&str]| emulator.faults.meets(fault, &subject, &[&[page], more].concat());
        if meets(Fault::RowRecitationSticky, &[])
            && !recitation::has_text_of(prompt, page)
            && emulator.recitations.refuses(page, &model.id)
        {
            return None;
        }
        let text = if meets(Fault::RowHtml, &[]) { markup::with_html(&text) } else { markup::merged_tables(&text) };
        let text = if meets(Fault::RowDriftedHeadings, &[]) { markup::drifted(&text) } else { text };
        let tried = [model.id.as_str(), level.as_deref().unwrap_or_default()];
        let chars_max = answer::chars_max(self.request, model);
        Some(if meets(Fault::RowLoops, &tried) {
            loops::looped(&text, chars_max + 1)
        } else if meets(Fault::RowLoopsStop, &tried) {
            loops::looped(&text, (chars_max / 2).min(text.chars().count() + 3_000))
        } else {
            text
        })
    }
}
