//! Makes a shown element equal to a fetched one, touching only what differs: focus, selection, scroll positions and running
//! animations stay where nothing has changed. Children with an `id` are recognised by it when they change places. What is in an
//! element `data-own` is somebody else's to change.

use wasm_bindgen::JsCast;
use web_sys::{Element, Node};

/// Attributes that belong to the person: what they opened stays open.
const KEPT: [&str; 2] = ["open", "aria-current"];

/// See the module. Both must have the same tag.
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
                // It has moved up.
                let _ = shown.insert_before(old, next.as_ref());
            }
            adjust(old, &new);
        } else {
            let _ = shown.insert_before(&new, next.as_ref());
        }
    }
    while let Some(left_over) = next {
        next = left_over.next_sibling();
        let _ = shown.remove_child(&left_over);
    }
}

/// The shown node, from `next` on, that the fetched one is a newer version of.
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
    // A form's property `id` is its field of that name, if it has one.
    node.dyn_ref::<Element>().and_then(|element| element.get_attribute("id")).unwrap_or_default()
}
