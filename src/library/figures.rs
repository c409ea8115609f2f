//! Our figures in rendered Markdown: a paragraph of nothing but them becomes figures, side by side if there are several.
//!
//! Which images are ours, their width and their size are told by their addresses, see `extract::figures`.

use std::collections::VecDeque;

use pulldown_cmark::{Event, Tag, TagEnd, html};

/// Turns paragraphs of our images into figures; passes everything else on.
pub struct WithFigures<'a, I> {
    events: I,
    /// What was read ahead and is to be passed on first.
    ahead: VecDeque<Event<'a>>,
    /// Whether a figure leads to its picture, which `app/browser/lightbox.rs` shows larger.
    linked: bool,
}

impl<'a, I: Iterator<Item = Event<'a>>> WithFigures<'a, I> {
    pub fn new(events: I, linked: bool) -> Self {
        Self { events, ahead: VecDeque::new(), linked }
    }
}

impl<'a, I: Iterator<Item = Event<'a>>> Iterator for WithFigures<'a, I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(event) = self.ahead.pop_front() {
            return Some(event);
        }
        let event = self.events.next()?;
        if event != Event::Start(Tag::Paragraph) {
            return Some(event);
        }
        let mut paragraph: Vec<Event<'a>> = Vec::new();
        for event in self.events.by_ref() {
            let is_end = event == Event::End(TagEnd::Paragraph);
            paragraph.push(event);
            if is_end {
                break;
            }
        }
        match figures(&paragraph, self.linked) {
            Some(html) => Some(Event::Html(html.into())),
            None => {
                self.ahead.extend(paragraph);
                Some(event)
            }
        }
    }
}

/// The figures of a paragraph that holds nothing else.
fn figures(paragraph: &[Event<'_>], linked: bool) -> Option<String> {
    let mut html = String::new();
    let mut count = 0;
    let mut rest = paragraph;
    while let Some((event, behind)) = rest.split_first() {
        rest = behind;
        match event {
            Event::SoftBreak | Event::End(TagEnd::Paragraph) => {}
            Event::Start(Tag::Image { dest_url, .. }) => {
                let end = rest.iter().position(|event| *event == Event::End(TagEnd::Image))?;
                html.push_str(&figure(&Picture::of(dest_url)?, &rest[..end], linked));
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

fn figure(picture: &Picture<'_>, caption: &[Event<'_>], linked: bool) -> String {
    let Picture { path, width_percent, width_px, height_px, .. } = picture;
    // The style knows widths by their digits.
    let class = match *width_percent {
        percent @ 0..=99 => format!(" class=\"tens-{} ones-{}\"", percent / 10, percent % 10),
        _ => String::new(),
    };
    let mut text = String::new();
    html::push_html(&mut text, caption.iter().cloned());
    let caption = if text.is_empty() { text } else { format!("<figcaption>{text}</figcaption>") };
    let image =
        format!("<img src=\"{path}\" alt=\"Figure\" width=\"{width_px}\" height=\"{height_px}\" loading=\"lazy\">");
    let image = match linked {
        true => format!("<a class=\"zoom\" href=\"{path}\" aria-label=\"Enlarge this figure\">{image}</a>"),
        false => image,
    };
    format!("<figure{class}>{image}{caption}</figure>")
}

/// A picture of ours, as its address tells.
pub struct Picture<'a> {
    /// Its address without what follows the `?`.
    pub path: &'a str,
    pub content_hash: &'a str,
    /// 0-based, as is the figure's number on its page.
    pub page: u32,
    pub figure: usize,
    width_percent: u32,
    width_px: u32,
    height_px: u32,
}

impl<'a> Picture<'a> {
    /// The picture at an address of `extract::figures`; `None` for any other.
    pub fn of(url: &'a str) -> Option<Self> {
        let (path, query) = url.split_once('?')?;
        let name = path.strip_prefix("/v1/images/")?.strip_suffix(".png")?;
        let (content_hash, number) = name.split_once('/')?;
        let (page, figure) = number.split_once('_')?;
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let (width, height) = value("px")?.split_once('x')?;
        content_hash.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(())?;
        Some(Self {
            path,
            content_hash,
            page: page.parse().ok()?,
            figure: figure.parse().ok()?,
            width_percent: value("w")?.parse().ok().filter(|width| *width <= 100)?,
            width_px: width.parse().ok()?,
            height_px: height.parse().ok()?,
        })
    }
}
