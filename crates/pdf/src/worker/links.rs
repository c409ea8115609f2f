//! The links of a page. Those that lead out of the document have addresses.

use std::collections::HashMap;

use pdfium_render::prelude::PdfPage;

use crate::text::Link;

/// More links on a page are text.
const LINKS_MAX: usize = 400;
/// A longer address is not a link.
const ADDRESS_BYTES_MAX: usize = 2_000;
/// The schemes of links that a reader may follow.
const SCHEMES: [&str; 4] = ["https://", "http://", "mailto:", "ftp://"];

/// The areas that are links, and the addresses to which they refer by number.
pub(super) fn of_page(page: &PdfPage<'_>) -> (Vec<Link>, Vec<String>) {
    let (mut links, mut addresses) = (Vec::new(), Vec::new());
    let mut numbers: HashMap<String, u16> = HashMap::new();
    for index in 0..LINKS_MAX {
        let Ok(link) = page.links().get(index) else { break };
        let action = link.action();
        let uri = action.as_ref().and_then(|action| action.as_uri_action()).and_then(|action| action.uri().ok());
        let Ok(bounds) = link.rect() else { continue };
        let address = uri.as_deref().and_then(safe).map(|address| {
            *numbers.entry(address.clone()).or_insert_with(|| {
                addresses.push(address);
                (addresses.len() - 1) as u16
            })
        });
        if address.is_none() && uri.is_some() {
            continue;
        }
        let bounds = [bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value];
        links.push(Link { bounds, address });
    }
    (links, addresses)
}

/// The address as it can stand in the parentheses of Markdown. `None` for another scheme.
fn safe(uri: &str) -> Option<String> {
    let is_allowed = |scheme: &&str| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if uri.len() > ADDRESS_BYTES_MAX || !SCHEMES.iter().any(is_allowed) {
        return None;
    }
    let mut address = String::with_capacity(uri.len());
    for char in uri.chars() {
        if char.is_whitespace() || char.is_control() || "()<>\\\"`$|".contains(char) {
            let mut bytes = [0; 4];
            char.encode_utf8(&mut bytes).bytes().for_each(|byte| address.push_str(&format!("%{byte:02X}")));
        } else {
            address.push(char);
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_of_a_known_scheme_and_ends_where_the_link_does() {
        assert_eq!(safe("HTTPS://example.org/a_(b)").as_deref(), Some("HTTPS://example.org/a_%28b%29"));
        assert_eq!(safe("mailto:a b\\<c>").as_deref(), Some("mailto:a%20b%5C%3Cc%3E"));
        for refused in ["javascript:alert(1)", "file:///etc/passwd", "//example.org", ""] {
            assert_eq!(safe(refused), None);
        }
        assert_eq!(safe(&format!("https://{}", "a".repeat(ADDRESS_BYTES_MAX))), None);
    }
}
