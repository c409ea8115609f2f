//! Shows the original of a page beside its text. On the link, `data-original` is the page's number and `data-picture` the image's address.
//! Without script the link opens the same page with the picture.

use web_sys::Element;

/// Shows or hides the picture beside the link.
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
    // Both values come from the server: a number and an address.
    let (number, picture) = (attribute("data-original"), attribute("data-picture"));
    let html = format!(
        "<a class=zoom href=\"{picture}\" aria-label=\"Enlarge the original of page {number}\"><img src=\"{picture}\" \
         alt=\"Original of page {number}\"></a>"
    );
    let _ = link.insert_adjacent_html("afterend", &html);
}
