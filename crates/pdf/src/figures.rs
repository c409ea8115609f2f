//! Turns the boxes of a detector into the figures of a page, in reading order. Pure geometry.
//!
//! Of overlapping boxes one is kept, and figures beside each other share a row. This module does not depend on PDFium or on a model.

use serde::{Deserialize, Serialize};

/// A page with more of them is a sheet of icons, not a page with figures.
pub const FIGURES_MAX: usize = 40;
/// Boxes that share more than this fraction of the smaller one are one figure, or parts of it.
const SHARED_MAX: f32 = 0.5;
/// The larger of two such boxes is the figure, unless its score is below this fraction of the other's score.
const SURE_ENOUGH: f32 = 0.75;
/// Figures whose heights overlap by more than this fraction of the smaller one are in one row.
const BESIDE_MIN: f32 = 0.5;
/// A box that is narrower or lower than this is a rule or an ornament.
const SIDE_MIN: f32 = 0.02;

/// A box on a page as it is shown, in fractions of the page's width and height from the top left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

/// A box that may be a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub bounds: Bounds,
    /// The confidence of the detector, at most 1.
    pub score: f32,
}

/// A figure of a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub bounds: Bounds,
    /// Figures with the same number are side by side. Rows count from 1, from top to bottom. `None`: the figure is alone in its row.
    pub row: Option<u8>,
    /// Width of its picture.
    pub width_px: u32,
    /// Height of its picture.
    pub height_px: u32,
}

impl Bounds {
    /// A box from any two opposite corners, clipped to the page.
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

    /// The area of the overlap.
    pub fn shared(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union: 1 for equal boxes, 0 for boxes that do not overlap.
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.shared(other);
        let united = self.area() + other.area() - shared;
        if united > 0.0 { shared / united } else { 0.0 }
    }

    /// The box, extended on each side by this fraction of the page, and clipped to the page.
    pub fn widened(&self, margin: f32) -> Self {
        Self::new(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)
    }

    /// Whether the centre of the other box is in this one.
    pub fn holds(&self, other: &Self) -> bool {
        let (x, y) = ((other.left + other.right) / 2.0, (other.top + other.bottom) / 2.0);
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }

    /// Whether the boxes overlap or touch.
    pub fn meets(&self, other: &Self) -> bool {
        self.left <= other.right && other.left <= self.right && self.top <= other.bottom && other.top <= self.bottom
    }

    /// The smallest box that contains both.
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

/// Turns candidates into figures without duplicates and ornaments. Rows are in order from the top, and figures in a row from the left.
pub fn arranged(mut candidates: Vec<Candidate>) -> Vec<(Bounds, Option<u8>)> {
    candidates.retain(|candidate| candidate.bounds.width() >= SIDE_MIN && candidate.bounds.height() >= SIDE_MIN);
    let mut boxes: Vec<Bounds> = apart(candidates).into_iter().map(|candidate| candidate.bounds).collect();
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

/// The candidates without duplicates and parts of others, in order of falling score.
fn apart(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let (same, mut others): (Vec<_>, Vec<_>) =
            kept.iter().copied().partition(|other| other.bounds.is_part_of(&candidate.bounds));
        let is_better = |other: &Candidate| {
            candidate.bounds.area() > other.bounds.area() && candidate.score >= SURE_ENOUGH * other.score
        };
        if same.iter().all(is_better) {
            others.push(candidate);
            kept = others;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(left: f32, top: f32, right: f32, bottom: f32) -> Bounds {
        Bounds::new(left, top, right, bottom)
    }

    fn sure(bounds: Bounds, score: f32) -> Candidate {
        Candidate { bounds, score }
    }

    #[test]
    fn figures_side_by_side_share_a_row_and_are_read_from_the_left() {
        let (right, left, below) = (at(0.6, 0.1, 0.9, 0.3), at(0.1, 0.12, 0.4, 0.3), at(0.1, 0.5, 0.9, 0.8));
        let found = arranged([below, right, left].map(|bounds| sure(bounds, 0.5)).to_vec());
        assert_eq!(found, [(left, Some(1)), (right, Some(1)), (below, None)]);
    }

    #[test]
    fn parts_belong_to_their_whole_unless_that_is_a_guess() {
        let (whole, left, right) = (at(0.1, 0.1, 0.9, 0.5), at(0.2, 0.2, 0.4, 0.4), at(0.5, 0.2, 0.7, 0.4));
        let parts = [sure(left, 0.6), sure(right, 0.5)];
        assert_eq!(arranged([&parts[..], &[sure(whole, 0.5)]].concat()), [(whole, None)]);
        assert_eq!(arranged([&parts[..], &[sure(whole, 0.3)]].concat()), [(left, Some(1)), (right, Some(1))]);
    }

    #[test]
    fn rules_and_ornaments_are_none() {
        assert_eq!(arranged(vec![sure(at(0.1, 0.1, 0.9, 0.105), 0.9)]), []);
    }

    fn any_candidate() -> impl Strategy<Value = Candidate> {
        let side = prop_oneof![0.0_f32..1.0, any::<f32>()];
        (proptest::array::uniform4(side), 0.0_f32..1.0).prop_map(|([a, b, c, d], score)| sure(at(a, b, c, d), score))
    }

    proptest! {
        #[test]
        fn what_is_found_was_seen_and_is_apart(candidates in proptest::collection::vec(any_candidate(), 0..12)) {
            let found = arranged(candidates.clone());
            for (index, (bounds, row)) in found.iter().enumerate() {
                prop_assert!(candidates.iter().any(|candidate| candidate.bounds == *bounds));
                prop_assert!(bounds.left >= 0.0 && bounds.right <= 1.0 && bounds.left <= bounds.right);
                prop_assert!(found[..index].iter().all(|(other, _)| !other.is_part_of(bounds)));
                let companions = found.iter().filter(|(_, other)| row.is_some() && other == row).count();
                prop_assert!(row.is_none() || companions > 1);
            }
        }

        #[test]
        fn the_surest_place_has_a_figure(candidates in proptest::collection::vec(any_candidate(), 1..12)) {
            let is_large = |candidate: &&Candidate| candidate.bounds.width() >= SIDE_MIN && candidate.bounds.height() >= SIDE_MIN;
            let surest = candidates.iter().filter(is_large).max_by(|a, b| a.score.total_cmp(&b.score)).copied();
            let found = arranged(candidates);
            prop_assert_eq!(surest.is_some(), !found.is_empty());
        }
    }
}
