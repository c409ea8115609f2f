//! Figures in rendered Markdown: a paragraph that contains only figures becomes `figure` elements, side by side if there are several.
//!
//! An image is a figure if its address is a [`FigureAddress`], which also holds its width and size.

use std::collections::VecDeque;

use pulldown_cmark::{Event, Tag, TagEnd, html};

use super::FigureAddress;

/// Turns paragraphs of figures into `figure` elements.
pub(crate) struct WithFigures<'a, I> {
    events: I,
    /// Events that were read ahead. They are returned first.
    ahead: VecDeque<Event<'a>>,
    /// In a file, the prefix of the addresses of figures. `None`: in the reader, where a figure links to its picture for
    /// `src/app/pages/reader/lightbox.rs`.
    prefix: Option<&'a str>,
}

impl<'a, I: Iterator<Item = Event<'a>>> WithFigures<'a, I> {
    pub(crate) const fn new(events: I, prefix: Option<&'a str>) -> Self {
        Self { events, ahead: VecDeque::new(), prefix }
    }

    /// Puts the prefix before the address of a figure in a text or a table.
    fn with_prefix(&self, event: Event<'a>) -> Event<'a> {
        match (event, self.prefix) {
            (Event::Start(Tag::Image { link_type, dest_url, title, id }), Some(prefix)) => {
                let address = FigureAddress::of(&dest_url).map(|figure| format!("{prefix}{}", figure.id).into());
                Event::Start(Tag::Image { link_type, dest_url: address.unwrap_or(dest_url), title, id })
            }
            (event, _) => event,
        }
    }
}

impl<'a, I: Iterator<Item = Event<'a>>> Iterator for WithFigures<'a, I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(event) = self.ahead.pop_front() {
            return Some(self.with_prefix(event));
        }
        let event = self.events.next()?;
        if event != Event::Start(Tag::Paragraph) {
            return Some(self.with_prefix(event));
        }
        let mut paragraph: Vec<Event<'a>> = Vec::new();
        for event in self.events.by_ref() {
            let is_end = event == Event::End(TagEnd::Paragraph);
            paragraph.push(event);
            if is_end {
                break;
            }
        }
        match figures(&paragraph, self.prefix) {
            Some(html) => Some(Event::Html(html.into())),
            None => {
                self.ahead.extend(paragraph);
                Some(event)
            }
        }
    }
}

/// The HTML of a paragraph's figures. `None`: it contains anything else.
fn figures(paragraph: &[Event<'_>], prefix: Option<&str>) -> Option<String> {
    let mut html = String::new();
    let mut count = 0;
    let mut rest = paragraph;
    while let Some((event, behind)) = rest.split_first() {
        rest = behind;
        match event {
            Event::SoftBreak | Event::End(TagEnd::Paragraph) => {}
            Event::Start(Tag::Image { dest_url, .. }) => {
                let end = rest.iter().position(|event| *event == Event::End(TagEnd::Image))?;
                html.push_str(&figure(&FigureAddress::of(dest_url)?, &rest[..end], prefix));
                count += 1;
                rest = &rest[end + 1..];
            }
            _ => return None,
        }
    }
    match count {
        0 => None,
        1 => Some(html),
        _ => Some(format!("<div class=\"figure-row\">{html}</div>")),
    }
}

fn figure(address: &FigureAddress, caption: &[Event<'_>], prefix: Option<&str>) -> String {
    let FigureAddress { id: path, width_percent, width_px, height_px, .. } = address;
    // The style sheet has a class for each digit of a width.
    let class = match *width_percent {
        percent @ 0..=99 => format!(" class=\"tens-{} ones-{}\"", percent / 10, percent % 10),
        _ => String::new(),
    };
    let mut text = String::new();
    html::push_html(&mut text, caption.iter().cloned());
    let caption = if text.is_empty() { text } else { format!("<figcaption>{text}</figcaption>") };
    let before = prefix.unwrap_or_default();
    let image = format!(
        "<img src=\"{before}{path}\" alt=\"Figure\" width=\"{width_px}\" height=\"{height_px}\" loading=\"lazy\">"
    );
    let image = match prefix {
        None => format!("<a class=\"zoom\" href=\"{path}\" aria-label=\"Enlarge this figure\">{image}</a>"),
        Some(_) => image,
    };
    format!("<figure{class}>{image}{caption}</figure>")
}
