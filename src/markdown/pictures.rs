//! Images from other sites: each is replaced by a link that names its host.
//!
//! Loading one would tell its host who reads the document, or call an address of this server with the reader's cookie. An image whose
//! address is a [`FigureAddress`] is a figure of the document and stays.

use std::collections::VecDeque;
use std::sync::LazyLock;

use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};
use url::Url;

use super::FigureAddress;

/// The base of relative addresses. `.invalid` is reserved, so no host has this name (RFC 2606, section 2).
static HERE: LazyLock<Option<Url>> = LazyLock::new(|| Url::parse("https://here.invalid/").ok());

/// The note after the caption of a link that replaces an image. It names the host, if there is one.
pub fn host_note(address: &str) -> String {
    let url = HERE.as_ref().and_then(|here| here.join(address).ok());
    let host = url.as_ref().and_then(Url::host_str).filter(|host| *host != "here.invalid");
    format!("(picture at {})", host.unwrap_or("an address without a host"))
}

/// Replaces images from other sites with links.
pub(crate) struct Pictures<'a, I> {
    events: I,
    /// Events that are returned before the next one.
    ahead: VecDeque<Event<'a>>,
    /// The open images. `None`: a figure of the document.
    open: Vec<Option<Replaced>>,
    /// The number of open links, including those that replace images.
    links: usize,
}

/// An image from another site.
struct Replaced {
    is_link: bool,
    note: String,
}

impl<'a, I: Iterator<Item = Event<'a>>> Pictures<'a, I> {
    pub(crate) const fn new(events: I) -> Self {
        Self { events, ahead: VecDeque::new(), open: Vec::new(), links: 0 }
    }

    /// HTML does not allow a link inside a link, so an image inside one becomes text.
    fn begin(&mut self, address: CowStr<'a>) -> Option<Event<'a>> {
        let is_link = self.links == 0;
        self.links += usize::from(is_link);
        self.open.push(Some(Replaced { is_link, note: host_note(&address) }));
        is_link.then(|| Event::Start(link(address)))
    }

    fn end(&mut self) -> Event<'a> {
        let Some(Replaced { is_link, note }) = self.open.pop().flatten() else { return Event::End(TagEnd::Image) };
        self.links -= usize::from(is_link);
        if is_link {
            self.ahead.push_back(Event::End(TagEnd::Link));
        }
        Event::Text(format!(" {note}").into())
    }
}

impl<'a, I: Iterator<Item = Event<'a>>> Iterator for Pictures<'a, I> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(event) = self.ahead.pop_front() {
            return Some(event);
        }
        loop {
            let event = match self.events.next()? {
                Event::Start(Tag::Image { dest_url, .. }) if FigureAddress::of(&dest_url).is_none() => {
                    self.begin(dest_url)
                }
                Event::End(TagEnd::Image) => Some(self.end()),
                event => {
                    match &event {
                        Event::Start(Tag::Image { .. }) => self.open.push(None),
                        Event::Start(Tag::Link { .. }) => self.links += 1,
                        Event::End(TagEnd::Link) => self.links -= 1,
                        _ => {}
                    }
                    Some(event)
                }
            };
            if event.is_some() {
                return event;
            }
        }
    }
}

fn link(address: CowStr<'_>) -> Tag<'_> {
    Tag::Link { link_type: LinkType::Inline, dest_url: address, title: "".into(), id: "".into() }
}

#[cfg(test)]
mod tests {
    use super::host_note;
    use crate::markdown::safe_html;

    #[test]
    fn foreign_image_becomes_link_with_its_host() {
        for (address, host) in [
            ("https://evil.example/x.png?a=b", "evil.example"),
            ("//evil.example/x.png", "evil.example"),
            ("\\\\\\\\evil.example/x.png", "evil.example"),
            ("/v1/events", "an address without a host"),
            ("/v1/images/ab/0_0.png", "an address without a host"),
            ("pictures/a.png", "an address without a host"),
        ] {
            let html = safe_html(&format!("![A *cup*]({address})"), 0);
            assert!(!html.contains("<img"), "{html}");
            assert!(
                html.contains("<a href=") && html.contains(&format!("A <em>cup</em> (picture at {host})</a>")),
                "{html}"
            );
        }
        assert_eq!(host_note("data:image/png;base64,AA=="), "(picture at an address without a host)");
    }

    #[test]
    fn foreign_image_in_a_link_becomes_text() {
        let html = safe_html("[![Build](https://ci.example/b.svg)](https://a.example/)", 0);
        assert_eq!(html.matches("<a ").count(), 1, "{html}");
        assert!(
            html.contains("href=\"https://a.example/\"") && html.contains("Build (picture at ci.example)"),
            "{html}"
        );
    }

    #[test]
    fn foreign_image_of_every_notation_becomes_link() {
        for markdown in [
            "![a][b]\n\n[b]: https://e.example/x",
            "![b]\n\n[b]: https://e.example/x",
            "![a ![b](/c)](https://e.example/x)",
        ] {
            let html = safe_html(markdown, 0);
            assert!(!html.contains("<img") && html.contains("e.example)</a>"), "{html}");
        }
    }
}
