//! A page as it was beside its text: `data-original` on a link is the page's number, `data-picture` where it is drawn. Without script
//! the link leads to the same page with the picture in it.

use web_sys::Element;

/// Shows the picture beside the link, or puts it away.
pub(crate) fn toggle(link: &Element) {
    let Some(place) = link.parent_element() else { return };
    let open = !place.has_attribute("data-open");
    let _ = place.toggle_attribute_with_force("data-open", open);
    let _ = link.set_attribute("aria-expanded", if open { "true" } else { "false" });
    if !open {
        if let Some(picture) = link.next_element_sibling() {
            picture.remove();
        }
        return;
    }
    let attribute = |name| link.get_attribute(name).unwrap_or_default();
    // Both are the server's own words: a number and an address.
    let (number, picture) = (attribute("data-original"), attribute("data-picture"));
    let html = format!(
        "<a class=zoom href=\"{picture}\" aria-label=\"Enlarge the original of page {number}\"><img src=\"{picture}\" \
         alt=\"Page {number} as it was\"></a>"
    );
    let _ = link.insert_adjacent_html("afterend", &html);
}
