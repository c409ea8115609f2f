//! Where references of a text lead: sections by their numbers, captions, printed page numbers, and the lines of contents pages.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::Structure;
use super::lines::hash;
use super::titles::{Title, folded};
use crate::markdown::references::{Anchors, Kind, Target};

/// The places in a document that its references name.
#[derive(Debug)]
pub struct References {
    structure: Arc<Structure>,
    /// By number and whether it is that of a part: the place in the outline. `None`: several have it.
    numbers: OnceLock<HashMap<(String, bool), Option<usize>>>,
}

impl References {
    pub const fn new(structure: Arc<Structure>) -> Self {
        Self { structure, numbers: OnceLock::new() }
    }

    /// Differs when a reference may lead to another place.
    pub fn version(&self) -> u32 {
        let Structure { outline, captions, labels, .. } = &*self.structure;
        let entries = outline.iter().flat_map(|entry| [entry.text.as_str(), entry.id.as_str()]);
        let mut all: String = entries.collect::<Vec<_>>().join("\n");
        all.push_str(&format!("{captions:?}{labels:?}"));
        hash(&all)
    }

    fn section(&self, number: &str, is_part: bool) -> Option<String> {
        let word = if is_part { "Part" } else { "Section" };
        let number = Title::of(&format!("{word} {number}")).number?.parts.join(".");
        let numbers = self.numbers.get_or_init(|| numbers(&self.structure));
        let at = (*numbers.get(&(number, is_part))?)?;
        Some(self.structure.outline[at].id.clone())
    }
}

fn numbers(structure: &Structure) -> HashMap<(String, bool), Option<usize>> {
    let mut numbers = HashMap::new();
    for (at, entry) in structure.outline.iter().enumerate() {
        let Some(number) = Title::of(&entry.text).number else { continue };
        let key = (number.parts.join("."), number.depth == 0);
        numbers.entry(key).and_modify(|known| *known = None).or_insert(Some(at));
    }
    numbers
}

impl Anchors for References {
    fn of_target(&self, target: &Target) -> Option<String> {
        match target.kind {
            Kind::Part => self.section(&target.number, true),
            Kind::Section => self.section(&target.number, false),
            Kind::Page => {
                let page = self.structure.page_of(&target.number)? + 1;
                (page <= self.structure.last_page).then(|| format!("page-{page}"))
            }
            _ => {
                let page = (*self.structure.captions.get(&key(target))?)?;
                Some(target.id(page + 1))
            }
        }
    }

    fn of_line(&self, page_index: u32, line: &str) -> Option<String> {
        let entries = &self.structure.pages.get(&page_index)?.entries;
        let line = hash(&folded(line));
        entries.iter().find(|(entry, _)| *entry == line).map(|(_, anchor)| anchor.clone())
    }

    fn has_lines(&self, page_index: u32) -> bool {
        self.structure.pages.get(&page_index).is_some_and(|page| !page.entries.is_empty())
    }
}

/// A caption in [`Structure::captions`].
pub(super) fn key(target: &Target) -> String {
    format!("{} {}", target.kind.name(), target.number)
}
