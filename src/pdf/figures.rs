//! Where a page's figures are: pure geometry, from what a detector saw to the figures in the order in which they are read.
//!
//! Boxes that overlap become one, and figures beside each other share a row. Nothing here knows PDFium or a model.

use serde::{Deserialize, Serialize};

/// More on one page is no page of figures but a sheet of icons.
pub const FIGURES_MAX: usize = 40;
/// Boxes that share more than this much of the smaller one are one figure.
const SHARED_MAX: f32 = 0.5;
/// Figures whose heights overlap by more than this much of the smaller one stand in a row.
const BESIDE_MIN: f32 = 0.5;
/// What is narrower or lower than this is a rule or an ornament.
const SIDE_MIN: f32 = 0.02;

/// A box on a page as it is shown, in fractions of its width and height from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// A figure of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub bounds: Bounds,
    /// Figures of one number stand side by side; from 1, top to bottom. `None`: it stands alone.
    pub row: Option<u8>,
    /// Of its picture.
    pub width_px: u32,
    /// Of its picture.
    pub height_px: u32,
}

impl Bounds {
    /// A box from any two opposite corners, cut off at the page's edges.
    pub fn new(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        let on_page = |value: f32| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
        Self {
            left: on_page(left.min(right)),
            top: on_page(top.min(bottom)),
            right: on_page(left.max(right)),
            bottom: on_page(top.max(bottom)),
        }
    }

    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The area that both cover.
    pub fn shared(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union: 1 is the same box, 0 are boxes apart.
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.shared(other);
        let united = self.area() + other.area() - shared;
        if united > 0.0 { shared / united } else { 0.0 }
    }

    /// The smallest box that holds both.
    pub fn united(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    fn is_part_of(&self, other: &Self) -> bool {
        self.shared(other) > SHARED_MAX * self.area().min(other.area())
    }

    fn is_beside(&self, other: &Self) -> bool {
        let overlap = self.bottom.min(other.bottom) - self.top.max(other.top);
        overlap > BESIDE_MIN * self.height().min(other.height())
    }
}

/// Boxes as figures: those that overlap made one, ornaments left out, in rows from the top, each from the left.
pub fn arranged(boxes: Vec<Bounds>) -> Vec<(Bounds, Option<u8>)> {
    let mut boxes = merged(boxes);
    boxes.retain(|bounds| bounds.width() >= SIDE_MIN && bounds.height() >= SIDE_MIN);
    boxes.truncate(FIGURES_MAX);
    boxes.sort_by(|a, b| (a.top + a.bottom).total_cmp(&(b.top + b.bottom)));
    let mut rows: Vec<Vec<Bounds>> = Vec::new();
    for bounds in boxes {
        match rows.last_mut().filter(|row| row.iter().all(|other| other.is_beside(&bounds))) {
            Some(row) => row.push(bounds),
            None => rows.push(vec![bounds]),
        }
    }
    let mut shared_rows = 0;
    let mut figures = Vec::new();
    for mut row in rows {
        row.sort_by(|a, b| a.left.total_cmp(&b.left));
        let number = (row.len() > 1).then(|| {
            shared_rows += 1;
            shared_rows
        });
        figures.extend(row.into_iter().map(|bounds| (bounds, number)));
    }
    figures
}

fn merged(mut boxes: Vec<Bounds>) -> Vec<Bounds> {
    let mut apart: Vec<Bounds> = Vec::with_capacity(boxes.len());
    while let Some(mut bounds) = boxes.pop() {
        // A box that grew may reach others that were apart from it before.
        while let Some(at) = apart.iter().position(|other| other.is_part_of(&bounds)) {
            bounds = bounds.united(&apart.swap_remove(at));
        }
        apart.push(bounds);
    }
    apart
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(left: f32, top: f32, right: f32, bottom: f32) -> Bounds {
        Bounds::new(left, top, right, bottom)
    }

    #[test]
    fn figures_side_by_side_share_a_row_and_are_read_from_the_left() {
        let (right, left, below) = (at(0.6, 0.1, 0.9, 0.3), at(0.1, 0.12, 0.4, 0.3), at(0.1, 0.5, 0.9, 0.8));
        let found = arranged(vec![below, right, left]);
        assert_eq!(found, [(left, Some(1)), (right, Some(1)), (below, None)]);
    }

    #[test]
    fn a_box_within_another_is_no_figure_of_its_own() {
        let whole = at(0.1, 0.1, 0.9, 0.5);
        assert_eq!(arranged(vec![at(0.2, 0.2, 0.4, 0.4), whole, at(0.5, 0.2, 0.7, 0.4)]), [(whole, None)]);
    }

    #[test]
    fn rules_and_ornaments_are_none() {
        assert_eq!(arranged(vec![at(0.1, 0.1, 0.9, 0.105)]), []);
    }

    fn any_box() -> impl Strategy<Value = Bounds> {
        proptest::array::uniform4(any::<f32>()).prop_map(|[a, b, c, d]| at(a, b, c, d))
    }

    fn page_box() -> impl Strategy<Value = Bounds> {
        (0.0_f32..0.9, 0.0_f32..0.9, 0.03_f32..0.6, 0.03_f32..0.6)
            .prop_map(|(left, top, width, height)| at(left, top, left + width, top + height))
    }

    proptest! {
        #[test]
        fn nothing_on_a_page_is_lost(boxes in proptest::collection::vec(page_box(), 0..12)) {
            let found = arranged(boxes.clone());
            for bounds in boxes {
                prop_assert!(found.iter().any(|(figure, _)| figure.united(&bounds) == *figure));
            }
        }

        #[test]
        fn what_is_found_is_apart_and_on_the_page(boxes in proptest::collection::vec(any_box(), 0..12)) {
            let found = arranged(boxes);
            for (index, (bounds, row)) in found.iter().enumerate() {
                prop_assert!(bounds.left >= 0.0 && bounds.right <= 1.0 && bounds.left <= bounds.right);
                prop_assert!(found[..index].iter().all(|(other, _)| !other.is_part_of(bounds)));
                let companions = found.iter().filter(|(_, other)| row.is_some() && other == row).count();
                prop_assert!(row.is_none() || companions > 1);
            }
        }
    }
}
