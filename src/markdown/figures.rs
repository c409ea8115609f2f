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
    /// What the addresses of figures begin with in a file. `None`: in the reader, where a figure leads to its picture, which
    /// `app/pages/reader/lightbox.rs` shows larger.
    prefix: Option<&'a str>,
}

impl<'a, I: Iterator<Item = Event<'a>>> WithFigures<'a, I> {
    pub const fn new(events: I, prefix: Option<&'a str>) -> Self {
        Self { events, ahead: VecDeque::new(), prefix }
    }

    /// A figure within a text or a table is named as all are.
    fn named(&self, event: Event<'a>) -> Event<'a> {
        match (event, self.prefix) {
            (Event::Start(Tag::Image { link_type, dest_url, title, id }), Some(prefix)) => {
                let address = Picture::of(&dest_url).map(|picture| format!("{prefix}{}", picture.path).into());
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
            return Some(self.named(event));
        }
        let event = self.events.next()?;
        if event != Event::Start(Tag::Paragraph) {
            return Some(self.named(event));
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

/// The figures of a paragraph that holds nothing else.
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
                html.push_str(&figure(&Picture::of(dest_url)?, &rest[..end], prefix));
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

fn figure(picture: &Picture<'_>, caption: &[Event<'_>], prefix: Option<&str>) -> String {
    let Picture { path, width_percent, width_px, height_px, .. } = picture;
    // The style knows widths by their digits.
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

/// Which figure a picture shows, as its path tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FigureName<'a> {
    pub content_hash: &'a str,
    /// 0-based, as is the figure's number on its page.
    pub page: u32,
    pub figure: usize,
}

impl<'a> FigureName<'a> {
    /// The figure at a path of `extract::figures`; `None` for any other.
    pub fn of(path: &'a str) -> Option<Self> {
        let name = path.strip_prefix("/v1/images/")?.strip_suffix(".png")?;
        let (content_hash, number) = name.split_once('/')?;
        let (page, figure) = number.split_once('_')?;
        content_hash.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(())?;
        Some(Self { content_hash, page: page.parse().ok()?, figure: figure.parse().ok()? })
    }
}

/// A picture of ours, as its address tells.
pub struct Picture<'a> {
    /// Its address without what follows the `?`.
    pub path: &'a str,
    pub name: FigureName<'a>,
    width_percent: u32,
    width_px: u32,
    height_px: u32,
}

impl<'a> Picture<'a> {
    /// The picture at an address of `extract::figures`; `None` for any other.
    pub fn of(url: &'a str) -> Option<Self> {
        let (path, query) = url.split_once('?')?;
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let (width, height) = value("px")?.split_once('x')?;
        Some(Self {
            path,
            name: FigureName::of(path)?,
            width_percent: value("w")?.parse().ok().filter(|width| *width <= 100)?,
            width_px: width.parse().ok()?,
            height_px: height.parse().ok()?,
        })
    }
}
