//! The objects of a page. They show where a figure cannot be, and where the edges of a detected figure are.
//!
//! A figure consists of a picture, a shading or paths. Rules and plain boxes frame text and tables as often as they form a diagram. So a
//! few of them are no figure, and many can be one. Detectors often include the text beside a drawing, so a figure is cut to its objects.

mod kinds;

use pdfium_render::prelude::{PdfPage, PdfPageObjectsCommon};

pub(super) use self::kinds::visible;
use self::kinds::{Frame, Kind, kind_and_bounds};
use super::detector::Layout;
use crate::figures::{Bounds, Candidate};

// Distances and areas are fractions of the page.

/// More plain boxes can be a diagram or a chart.
const BOXES_MAX: usize = 3;
/// More rules can be a diagram.
const RULES_MAX: usize = 60;
/// Fewer rules underline a heading or separate notes. A table has one at its head, one below it, and one for each row or at its end.
const TABLE_RULES_MIN: usize = 3;
/// Rules this close to a side of the page are crop marks or decoration.
const EDGE: f32 = 0.05;
/// The most objects that are examined. A page with more is taken as one drawing.
const OBJECTS_MAX: usize = 10_000;
/// A box with more pieces of text is the background of a listing.
const TEXTS_IN_BOX_MAX: usize = 6;
/// So is a box with more pieces of text than this that covers at least [`LARGE_BOX_MIN`] of an area.
const TEXTS_IN_LARGE_BOX_MAX: usize = 3;
const LARGE_BOX_MIN: f32 = 0.3;
/// A box with round corners of at least this width frames a part of the page.
const FRAME_WIDTH_MIN: f32 = 0.5;
/// Objects this close to each other belong together.
const GAP_MAX: f32 = 0.02;
/// Text this close to a drawing belongs to it.
const LABEL_DISTANCE_MAX: f32 = 0.012;
/// A candidate of which a smaller share is drawn is cut to its drawn objects.
const DRAWN_MIN: f32 = 0.7;
/// A picture of at least this area is a figure by itself.
const PICTURE_AREA_MIN: f32 = 0.02;
/// Pictures that cover more are the whole page: a scan, or a background.
const PICTURES_AREA_MAX: f32 = 0.8;
/// An area with more objects counts as fully drawn.
const PARTS_MAX: usize = 1_000;
/// The score of a picture that no detector found.
const PICTURE_SCORE: f32 = 0.3;

/// The objects of a page by kind, with their bounds.
#[derive(Default)]
pub(super) struct Content {
    pictures: Vec<Bounds>,
    /// Shadings, forms and paths that are neither rules nor boxes.
    drawings: Vec<Bounds>,
    boxes: Vec<Bounds>,
    rules: Vec<Bounds>,
    texts: Vec<Bounds>,
    /// All pictures and forms, which are also in `pictures` and `drawings`.
    placed: Vec<Bounds>,
}

impl Content {
    /// Collects the objects of a page, including those of forms.
    pub(super) fn of(page: &PdfPage<'_>) -> Self {
        let mut content = Self::default();
        let Some(frame) = Frame::of(page) else { return content };
        for (seen, object) in page.objects().iter().enumerate() {
            if seen == OBJECTS_MAX {
                content.drawings.push(Bounds::new(0.0, 0.0, 1.0, 1.0));
                break;
            }
            let Some((kind, bounds)) = kind_and_bounds(&object) else { continue };
            content.add(kind, frame.place(&bounds));
        }
        content.without_ornaments()
    }

    /// Removes boxes that are the background of text, and rules at the sides of the page.
    fn without_ornaments(mut self) -> Self {
        self.boxes.retain(|bounds| texts_in(bounds, &self.texts) <= TEXTS_IN_BOX_MAX);
        let inner = Bounds::new(EDGE, EDGE, 1.0 - EDGE, 1.0 - EDGE);
        self.rules.retain(|rule| inner.meets(rule));
        self
    }

    fn add(&mut self, kind: Kind, bounds: Bounds) {
        if matches!(kind, Kind::Picture | Kind::Form) {
            self.placed.push(bounds);
        }
        match kind {
            Kind::Text => self.texts.push(bounds),
            Kind::Picture => self.pictures.push(bounds),
            Kind::Form | Kind::Drawing => self.drawings.push(bounds),
            Kind::Box => self.boxes.push(bounds),
            // A narrow one is a node of a diagram.
            Kind::RoundBox if bounds.width() < FRAME_WIDTH_MIN => self.drawings.push(bounds),
            Kind::RoundBox => self.boxes.push(bounds),
            Kind::Rule => self.rules.push(bounds),
        }
    }

    /// Whether rules may separate the cells of a table. A page without figures is not shown to the detector, which knows tables.
    pub(super) fn has_table_rules(&self) -> bool {
        self.rules.len() >= TABLE_RULES_MIN
    }

    /// Whether the page can have a figure. If not, the detector is not run.
    pub(super) fn may_hold_figure(&self) -> bool {
        let is_drawn = !self.pictures.is_empty() || !self.drawings.is_empty();
        is_drawn || self.boxes.len() > BOXES_MAX || self.rules.len() > RULES_MAX
    }

    /// The detected figures, cut to their drawn objects, and the pictures in the file that were not detected.
    pub(super) fn confirmed(&self, seen: &Layout) -> Vec<Candidate> {
        let mut confirmed = Vec::new();
        for candidate in seen.figures.iter().filter(|candidate| !self.is_text_only(&candidate.bounds)) {
            let drawn = self.drawn_in(&candidate.bounds);
            let areas = if drawn.is_empty() { vec![candidate.bounds] } else { drawn };
            for area in areas {
                let placed = self.placed_in(&area);
                let parts = if placed.is_empty() { vec![area] } else { placed };
                confirmed.extend(parts.into_iter().map(|bounds| Candidate { bounds, ..*candidate }));
            }
        }
        let fill_page = self.pictures.iter().map(Bounds::area).sum::<f32>() > PICTURES_AREA_MAX;
        // If the page has no text objects but the detector found text, the pictures are scans.
        let hold_text = self.texts.is_empty() && seen.has_others;
        if !fill_page && !hold_text {
            let large = self.pictures.iter().filter(|picture| picture.area() > PICTURE_AREA_MIN);
            confirmed.extend(large.map(|&bounds| Candidate { bounds, score: PICTURE_SCORE }));
        }
        confirmed
    }

    /// The area with a margin, which ends where text begins.
    pub(super) fn with_margin(&self, area: &Bounds, margin: f32) -> Bounds {
        let mut outer = area.widened(margin);
        for text in self.texts.iter().filter(|text| !area.meets(text)) {
            if !outer.meets(text) {
                continue;
            }
            if text.top > area.bottom {
                outer.bottom = text.top;
            } else if text.bottom < area.top {
                outer.top = text.bottom;
            } else if text.left > area.right {
                outer.right = text.left;
            } else {
                outer.left = text.right;
            }
        }
        outer
    }

    /// Whether an area contains only text and its frames.
    fn is_text_only(&self, area: &Bounds) -> bool {
        let within = |list: &[Bounds]| list.iter().filter(|item| is_in(item, area)).count();
        within(&self.pictures) == 0
            && within(&self.drawings) == 0
            && within(&self.boxes) <= BOXES_MAX
            && within(&self.rules) <= RULES_MAX
    }

    /// The pictures and forms that an area consists of, if there are several. Each is a separate figure.
    fn placed_in(&self, area: &Bounds) -> Vec<Bounds> {
        let is_part = |placed: &&Bounds| placed.area() > PICTURE_AREA_MIN && area.holds(placed);
        let parts: Vec<Bounds> = self.placed.iter().filter(is_part).copied().collect();
        let covered: f32 = parts.iter().map(Bounds::area).sum();
        let are_apart = |index: usize| parts[..index].iter().all(|other| other.shared(&parts[index]) == 0.0);
        let is_made_of_them = parts.len() > 1 && covered > DRAWN_MIN * area.area() && (1..parts.len()).all(are_apart);
        if is_made_of_them { parts } else { Vec::new() }
    }

    /// The groups of drawn objects in an area, each with its labels. Empty: they cover most of the area.
    fn drawn_in(&self, area: &Bounds) -> Vec<Bounds> {
        let within = |list: &[Bounds]| list.iter().copied().filter(|item| is_in(item, area)).collect::<Vec<_>>();
        let figures = [within(&self.pictures), within(&self.drawings)].concat();
        let (boxes, rules, texts) = (within(&self.boxes), within(&self.rules), within(&self.texts));
        if figures.len() + boxes.len() + rules.len() > PARTS_MAX {
            return Vec::new();
        }
        let is_background = |bounds: &Bounds| {
            bounds.area() > LARGE_BOX_MIN * area.area() && texts_in(bounds, &texts) > TEXTS_IN_LARGE_BOX_MAX
        };
        let frames = boxes.into_iter().filter(|bounds| !is_background(bounds)).chain(rules);
        let mut groups: Vec<Group> = figures.into_iter().map(|bounds| Group { bounds, is_figure: true }).collect();
        groups.extend(frames.map(|bounds| Group { bounds, is_figure: false }));
        let merged = merge_near(groups).into_iter().filter(|group| group.is_figure);
        let drawn: Vec<Bounds> = merged.map(|group| with_labels(group.bounds, &texts)).collect();
        let covered: f32 = drawn.iter().map(Bounds::area).sum();
        if covered > DRAWN_MIN * area.area() { Vec::new() } else { drawn }
    }
}

fn texts_in(bounds: &Bounds, texts: &[Bounds]) -> usize {
    texts.iter().filter(|text| bounds.holds(text)).count()
}

fn with_labels(drawing: Bounds, texts: &[Bounds]) -> Bounds {
    let around = drawing.widened(LABEL_DISTANCE_MAX);
    let labels = texts.iter().filter(|text| around.holds(text) && text.width() < drawing.width());
    labels.fold(drawing, |bounds, label| bounds.united(label))
}

/// Objects that belong together.
struct Group {
    bounds: Bounds,
    /// Whether it contains more than rules and boxes.
    is_figure: bool,
}

/// Merges groups that are close to each other.
fn merge_near(mut groups: Vec<Group>) -> Vec<Group> {
    let mut merged: Vec<Group> = Vec::new();
    while let Some(mut group) = groups.pop() {
        let near = group.bounds.widened(GAP_MAX);
        match merged.iter().position(|other| other.bounds.meets(&near)) {
            // The larger group is compared with all others again.
            Some(at) => {
                let other = merged.swap_remove(at);
                group.bounds = group.bounds.united(&other.bounds);
                group.is_figure |= other.is_figure;
                groups.push(group);
            }
            None => merged.push(group),
        }
    }
    merged
}

/// Whether the centre of an object is in an area, or the object covers most of it. An object that only touches the area does not count.
fn is_in(item: &Bounds, area: &Bounds) -> bool {
    area.holds(item) || item.shared(area) > 0.5 * area.area()
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn seen(bounds: Bounds) -> Layout {
        Layout { figures: vec![Candidate { bounds, score: 0.5 }], has_others: true, has_tables: false }
    }

    fn text() -> Layout {
        Layout { figures: Vec::new(), has_others: true, has_tables: false }
    }

    fn confirmed(content: &Content, bounds: Bounds) -> Vec<Bounds> {
        content.confirmed(&seen(bounds)).into_iter().map(|candidate| candidate.bounds).collect()
    }

    #[test]
    fn figure_is_cut_to_the_drawing_beside_a_listing() {
        let drawing = Bounds::new(0.1, 0.1, 0.3, 0.3);
        let label = Bounds::new(0.15, 0.3, 0.25, 0.31);
        let listing = (0..9).map(|line| Bounds::new(0.45, 0.1 + 0.02 * line as f32, 0.85, 0.11 + 0.02 * line as f32));
        let content = Content {
            drawings: vec![drawing],
            boxes: vec![Bounds::new(0.4, 0.09, 0.9, 0.31)],
            texts: listing.chain([label]).collect(),
            ..Content::default()
        };
        let found = confirmed(&content, Bounds::new(0.09, 0.09, 0.9, 0.31));
        assert_eq!(found, [drawing.united(&label)]);
    }

    fn any_bounds(count: RangeInclusive<usize>) -> impl Strategy<Value = Vec<Bounds>> {
        let side = || 0.0_f32..1.0;
        vec((side(), side(), side(), side()).prop_map(|(a, b, c, d)| Bounds::new(a, b, c, d)), count)
    }

    proptest! {
        #[test]
        fn page_skipped_by_the_detector_has_no_figure(
            drawn in prop_oneof![
                Just(Vec::new()),
                vec(prop_oneof![Just(Kind::Picture), Just(Kind::Form), Just(Kind::Drawing), Just(Kind::RoundBox)], 0..=1),
            ],
            boxes in any_bounds(BOXES_MAX - 1..=BOXES_MAX + 1),
            rules in any_bounds(RULES_MAX - 1..=RULES_MAX + 1),
            texts in any_bounds(0..=20),
            seen in any_bounds(0..=5),
            has_others in any::<bool>(),
        ) {
            let whole = Bounds::new(0.0, 0.0, 1.0, 1.0);
            let mut content = Content { boxes, rules, texts, ..Content::default() };
            drawn.into_iter().for_each(|kind| content.add(kind, Bounds::new(0.2, 0.2, 0.6, 0.6)));
            let figures = seen.into_iter().chain([whole]).map(|bounds| Candidate { bounds, score: 1.0 }).collect();
            let confirmed = content.confirmed(&Layout { figures, has_others, has_tables: false });
            prop_assert!(content.may_hold_figure() || confirmed.is_empty(), "{confirmed:?}");
        }
    }

    #[test]
    fn page_of_listings_skips_detector_and_diagram_of_boxes_does_not() {
        let boxes: Vec<Bounds> =
            (0..=BOXES_MAX).map(|at| Bounds::new(0.1, 0.2 * at as f32, 0.9, 0.2 * at as f32 + 0.15)).collect();
        let lines = |of: &Bounds, count: usize| vec![of.widened(-0.05); count];
        let page = |lines_each: usize| {
            let texts = boxes.iter().flat_map(|of| lines(of, lines_each)).collect();
            Content { boxes: boxes.clone(), texts, ..Content::default() }.without_ornaments()
        };
        assert!(!page(TEXTS_IN_BOX_MAX + 1).may_hold_figure());
        assert!(page(1).may_hold_figure());
    }

    #[test]
    fn rules_at_the_side_skip_detector_and_rules_within_do_not() {
        let hatched = |left: f32| {
            let rule = |at: usize| Bounds::new(left, 0.002 * at as f32, left + 0.035, 0.002 * at as f32 + 0.001);
            let rules = (0..=2 * RULES_MAX).map(rule).collect();
            Content { rules, ..Content::default() }.without_ornaments()
        };
        assert!(!hatched(0.965).may_hold_figure());
        assert!(hatched(0.5).may_hold_figure());
    }

    #[test]
    fn margin_of_figure_ends_where_text_begins() {
        let area = Bounds::new(0.2, 0.2, 0.6, 0.6);
        let (caption, label) = (Bounds::new(0.3, 0.605, 0.5, 0.62), Bounds::new(0.3, 0.55, 0.4, 0.58));
        let content = Content { texts: vec![caption, label], ..Content::default() };
        assert_eq!(content.with_margin(&area, 0.01), Bounds { bottom: caption.top, ..area.widened(0.01) });
    }

    #[test]
    fn wide_rounded_frame_is_not_part_of_the_figure_inside() {
        let (frame, drawing) = (Bounds::new(0.1, 0.1, 0.9, 0.6), Bounds::new(0.3, 0.4, 0.7, 0.55));
        let mut content = Content::default();
        content.add(Kind::RoundBox, frame);
        content.add(Kind::Drawing, drawing);
        (0..9).for_each(|line| content.add(Kind::Text, Bounds::new(0.15, 0.12, 0.6, 0.13 + 0.01 * line as f32)));
        assert_eq!(confirmed(&content, frame), [drawing]);
        let nodes = [0.1, 0.4, 0.7].map(|left| Bounds::new(left, 0.1, left + 0.2, 0.15));
        let mut diagram = Content::default();
        nodes.into_iter().for_each(|node| diagram.add(Kind::RoundBox, node));
        assert!(diagram.may_hold_figure());
    }

    #[test]
    fn pictures_side_by_side_are_separate_figures() {
        let pictures = vec![Bounds::new(0.1, 0.1, 0.49, 0.3), Bounds::new(0.51, 0.1, 0.9, 0.3)];
        let mut content = Content::default();
        pictures.iter().for_each(|bounds| content.add(Kind::Form, *bounds));
        assert_eq!(confirmed(&content, Bounds::new(0.1, 0.1, 0.9, 0.3)), pictures);
    }

    #[test]
    fn nodes_and_arrows_are_one_figure() {
        let nodes = [0.1, 0.4, 0.7].map(|left| Bounds::new(left, 0.1, left + 0.2, 0.15));
        let arrows = [0.3, 0.6].map(|left| Bounds::new(left, 0.125, left + 0.1, 0.126));
        let content = Content { drawings: nodes.to_vec(), rules: arrows.to_vec(), ..Content::default() };
        let diagram = Bounds::new(0.1, 0.1, 0.9, 0.15);
        assert_eq!(confirmed(&content, Bounds::new(0.1, 0.05, 0.9, 0.3)), [diagram]);
    }

    #[test]
    fn box_around_text_is_no_figure_and_undetected_picture_is_one() {
        let picture = Bounds::new(0.1, 0.5, 0.5, 0.9);
        let content = Content {
            boxes: vec![Bounds::new(0.1, 0.1, 0.9, 0.3)],
            pictures: vec![picture],
            texts: vec![Bounds::new(0.2, 0.2, 0.8, 0.21)],
            ..Content::default()
        };
        assert_eq!(confirmed(&content, Bounds::new(0.1, 0.1, 0.9, 0.3)), [picture]);
    }

    #[test]
    fn scan_is_not_a_figure() {
        let page = Bounds::new(0.0, 0.0, 1.0, 1.0);
        let column = Content { pictures: vec![Bounds::new(0.2, 0.0, 0.8, 1.0)], ..Content::default() };
        assert_eq!(column.confirmed(&text()), []);
        assert_eq!(column.confirmed(&Layout::default()).len(), 1, "a full-page picture without text");
        let content = Content { pictures: vec![page], texts: vec![page], ..Content::default() };
        assert_eq!(content.confirmed(&text()), []);
        assert_eq!(confirmed(&content, Bounds::new(0.2, 0.2, 0.5, 0.5)), [Bounds::new(0.2, 0.2, 0.5, 0.5)]);
    }
}
