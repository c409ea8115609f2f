//! Makes a shown element equal to a fetched one, and changes only what differs. Focus, selection, scroll positions and animations of
//! unchanged parts stay. Children with an `id` are matched by it, so they can move. The content of a `data-own` element is not changed.

use wasm_bindgen::JsCast;
use web_sys::{Element, Node};

/// Attributes that the user or the browser part sets.
const KEPT: [&str; 2] = ["open", "aria-current"];

/// Makes `shown` equal to `fetched`, which must have the same tag.
pub(crate) fn morph(shown: &Element, fetched: &Element) {
    if shown.has_attribute("data-own") || shown.is_equal_node(Some(fetched)) {
        return;
    }
    take_attributes(shown, fetched);
    let mut next = shown.first_child();
    let mut wanted = fetched.first_child();
    while let Some(new) = wanted {
        wanted = new.next_sibling();
        let here = counterpart(next.as_ref(), &new);
        if let Some(old) = &here {
            if next.as_ref() == Some(old) {
                next = old.next_sibling();
            } else {
                // The node has moved up.
                let _ = shown.insert_before(old, next.as_ref());
            }
            adjust(old, &new);
        } else {
            let _ = shown.insert_before(&new, next.as_ref());
        }
    }
    while let Some(surplus) = next {
        next = surplus.next_sibling();
        let _ = shown.remove_child(&surplus);
    }
}

/// The shown node, from `next` on, that the fetched node replaces.
fn counterpart(next: Option<&Node>, new: &Node) -> Option<Node> {
    let id = id_of(new);
    if id.is_empty() {
        return next.filter(|old| id_of(old).is_empty() && old.node_name() == new.node_name()).cloned();
    }
    let mut candidate = next.cloned();
    while let Some(old) = candidate {
        if id_of(&old) == id && old.node_name() == new.node_name() {
            return Some(old);
        }
        candidate = old.next_sibling();
    }
    None
}

fn adjust(old: &Node, new: &Node) {
    match (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
        (Some(old), Some(new)) => morph(old, new),
        _ if old.node_value() != new.node_value() => old.set_node_value(new.node_value().as_deref()),
        _ => {}
    }
}

fn take_attributes(shown: &Element, fetched: &Element) {
    let names = |element: &Element| element.get_attribute_names().iter().filter_map(|name| name.as_string()).collect();
    let old: Vec<String> = names(shown);
    let new: Vec<String> = names(fetched);
    for name in old.iter().filter(|name| !new.contains(name) && !KEPT.contains(&name.as_str())) {
        let _ = shown.remove_attribute(name);
    }
    for name in new.iter().filter(|name| !KEPT.contains(&name.as_str())) {
        let value = fetched.get_attribute(name).unwrap_or_default();
        if shown.get_attribute(name).as_ref() != Some(&value) {
            let _ = shown.set_attribute(name, &value);
        }
    }
}

fn id_of(node: &Node) -> String {
    // Read the attribute: a form's field named `id` would hide the property.
    node.dyn_ref::<Element>().and_then(|element| element.get_attribute("id")).unwrap_or_default()
}
