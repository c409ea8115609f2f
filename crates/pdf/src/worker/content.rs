//! What a page is made of: enough to know where a figure cannot be, and where the one that a detector sees really is.
//!
//! A figure is drawn: by a picture, a shading or paths. Rules and plain boxes frame text and tables as often as they make a
//! diagram, so a few of them make no figure, and many may. Detectors like to take the text beside a drawing for a part of it;
//! what is drawn tells where it ends.

mod kinds;

use pdfium_render::prelude::{PdfPage, PdfPageObjectsCommon};

use self::kinds::{Frame, Kind, kind_and_bounds};
use super::detector::Layout;
use crate::figures::{Bounds, Candidate};

/// More plain boxes than this may be a diagram or a chart.
const BOXES_MAX: usize = 3;
/// More rules than this may be a diagram.
const RULES_MAX: usize = 60;
/// Rules this close to a side of the page are crop marks or its decoration.
const EDGE: f32 = 0.05;
/// Objects that are looked at; a page of more is drawn for certain.
const OBJECTS_MAX: usize = 10_000;
/// A box that holds more pieces of text than this is the ground of a listing.
const TEXTS_IN_BOX_MAX: usize = 6;
/// And so is one that holds more than this and is this much of what it is looked at for.
const TEXTS_IN_LARGE_BOX_MAX: usize = 3;
const LARGE_BOX_MIN: f32 = 0.3;
/// A box with round corners that is this wide frames a part of the page.
const FRAME_WIDTH_MIN: f32 = 0.5;
/// What is drawn within this much of the page of each other belongs together.
const GAP_MAX: f32 = 0.02;
/// What is written this close to a drawing belongs to it.
const LABEL_DISTANCE_MAX: f32 = 0.012;
/// A candidate of which less than this much is drawn is cut down to that.
const DRAWN_MIN: f32 = 0.7;
/// A picture in the file from this share of the page on is a figure by itself.
const PICTURE_AREA_MIN: f32 = 0.02;
/// Pictures that cover more of the page than this are the page: a scan, or a ground.
const PICTURES_AREA_MAX: f32 = 0.8;
/// An area with more things in it than this is drawn through and through.
const PARTS_MAX: usize = 1_000;
/// How sure a picture in the file is a figure, next to what a detector sees.
const PICTURE_SCORE: f32 = 0.3;

/// See the module.
#[derive(Default)]
pub(super) struct Content {
    pictures: Vec<Bounds>,
    /// Shadings, forms and paths that are neither rules nor boxes.
    drawings: Vec<Bounds>,
    boxes: Vec<Bounds>,
    rules: Vec<Bounds>,
    texts: Vec<Bounds>,
    /// Pictures and forms again: what was put on the page as a whole.
    placed: Vec<Bounds>,
}

impl Content {
    /// Walks the objects of a page, forms included.
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

    /// Without the boxes that only lie behind text, as those of listings do, and the rules at the sides of the page.
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
            // A small one is a node of a diagram.
            Kind::RoundBox if bounds.width() < FRAME_WIDTH_MIN => self.drawings.push(bounds),
            Kind::RoundBox => self.boxes.push(bounds),
            Kind::Rule => self.rules.push(bounds),
        }
    }

    /// Whether there can be a figure at all; if not, no detector needs to look.
    pub(super) fn may_hold_figure(&self) -> bool {
        let is_drawn = !self.pictures.is_empty() || !self.drawings.is_empty();
        is_drawn || self.boxes.len() > BOXES_MAX || self.rules.len() > RULES_MAX
    }

    /// What a detector saw, as far as it is drawn, and the pictures in the file that it did not see.
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
        // Where nothing is written, and yet there is text to be seen, pictures are of text.
        let hold_text = self.texts.is_empty() && seen.has_others;
        if !fill_page && !hold_text {
            let large = self.pictures.iter().filter(|picture| picture.area() > PICTURE_AREA_MIN);
            confirmed.extend(large.map(|&bounds| Candidate { bounds, score: PICTURE_SCORE }));
        }
        confirmed
    }

    /// The box with this much of the page around it, but for what is written there.
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

    /// Whether there is nothing in the box but text and what frames it.
    fn is_text_only(&self, area: &Bounds) -> bool {
        let within = |list: &[Bounds]| list.iter().filter(|item| lies_in(item, area)).count();
        within(&self.pictures) == 0
            && within(&self.drawings) == 0
            && within(&self.boxes) <= BOXES_MAX
            && within(&self.rules) <= RULES_MAX
    }

    /// The pictures and forms that an area is made of, if they are several: each is a figure of its own.
    fn placed_in(&self, area: &Bounds) -> Vec<Bounds> {
        let is_part = |placed: &&Bounds| placed.area() > PICTURE_AREA_MIN && area.holds(placed);
        let parts: Vec<Bounds> = self.placed.iter().filter(is_part).copied().collect();
        let covered: f32 = parts.iter().map(Bounds::area).sum();
        let are_apart = |index: usize| parts[..index].iter().all(|other| other.shared(&parts[index]) == 0.0);
        let is_made_of_them = parts.len() > 1 && covered > DRAWN_MIN * area.area() && (1..parts.len()).all(are_apart);
        if is_made_of_them { parts } else { Vec::new() }
    }

    /// What is drawn in an area, grown together, each with what is written at it. Nothing: the area is drawn in most of it.
    fn drawn_in(&self, area: &Bounds) -> Vec<Bounds> {
        let within = |list: &[Bounds]| list.iter().copied().filter(|item| lies_in(item, area)).collect::<Vec<_>>();
        let figures = [within(&self.pictures), within(&self.drawings)].concat();
        let (boxes, rules, texts) = (within(&self.boxes), within(&self.rules), within(&self.texts));
        if figures.len() + boxes.len() + rules.len() > PARTS_MAX {
            return Vec::new();
        }
        let is_ground = |bounds: &Bounds| {
            bounds.area() > LARGE_BOX_MIN * area.area() && texts_in(bounds, &texts) > TEXTS_IN_LARGE_BOX_MAX
        };
        let frames = boxes.into_iter().filter(|bounds| !is_ground(bounds)).chain(rules);
        let mut groups: Vec<Group> = figures.into_iter().map(|bounds| Group { bounds, is_figure: true }).collect();
        groups.extend(frames.map(|bounds| Group { bounds, is_figure: false }));
        let grown = grown_together(groups).into_iter().filter(|group| group.is_figure);
        let drawn: Vec<Bounds> = grown.map(|group| with_labels(group.bounds, &texts)).collect();
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

/// Things that belong together.
struct Group {
    bounds: Bounds,
    /// Whether there is more among them than rules and boxes.
    is_figure: bool,
}

fn grown_together(mut groups: Vec<Group>) -> Vec<Group> {
    let mut apart: Vec<Group> = Vec::new();
    while let Some(mut group) = groups.pop() {
        let near = group.bounds.widened(GAP_MAX);
        match apart.iter().position(|other| other.bounds.meets(&near)) {
            // What grew may now be near to others that were apart from it before.
            Some(at) => {
                let other = apart.swap_remove(at);
                group.bounds = group.bounds.united(&other.bounds);
                group.is_figure |= other.is_figure;
                groups.push(group);
            }
            None => apart.push(group),
        }
    }
    apart
}

/// Whether something lies in an area by its middle, so that what merely borders on it does not count; or covers it.
fn lies_in(item: &Bounds, area: &Bounds) -> bool {
    area.holds(item) || item.shared(area) > 0.5 * area.area()
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn seen(bounds: Bounds) -> Layout {
        Layout { figures: vec![Candidate { bounds, score: 0.5 }], has_others: true }
    }

    fn text() -> Layout {
        Layout { figures: Vec::new(), has_others: true }
    }

    fn confirmed(content: &Content, bounds: Bounds) -> Vec<Bounds> {
        content.confirmed(&seen(bounds)).into_iter().map(|candidate| candidate.bounds).collect()
    }

    #[test]
    fn a_drawing_is_told_from_the_listing_beside_it() {
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
        fn no_figure_is_lost_on_a_page_that_no_detector_looks_at(
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
            let confirmed = content.confirmed(&Layout { figures, has_others });
            prop_assert!(content.may_hold_figure() || confirmed.is_empty(), "{confirmed:?}");
        }
    }

    #[test]
    fn listings_need_no_detector_and_as_many_nodes_of_a_diagram_do() {
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
    fn the_hatched_side_of_a_page_needs_no_detector_and_hatching_within_it_does() {
        let hatched = |left: f32| {
            let rule = |at: usize| Bounds::new(left, 0.002 * at as f32, left + 0.035, 0.002 * at as f32 + 0.001);
            let rules = (0..=2 * RULES_MAX).map(rule).collect();
            Content { rules, ..Content::default() }.without_ornaments()
        };
        assert!(!hatched(0.965).may_hold_figure());
        assert!(hatched(0.5).may_hold_figure());
    }

    #[test]
    fn a_margin_ends_where_something_is_written() {
        let area = Bounds::new(0.2, 0.2, 0.6, 0.6);
        let (caption, label) = (Bounds::new(0.3, 0.605, 0.5, 0.62), Bounds::new(0.3, 0.55, 0.4, 0.58));
        let content = Content { texts: vec![caption, label], ..Content::default() };
        assert_eq!(content.with_margin(&area, 0.01), Bounds { bottom: caption.top, ..area.widened(0.01) });
    }

    #[test]
    fn a_frame_with_round_corners_is_none_of_what_it_holds() {
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
    fn pictures_side_by_side_are_figures_of_their_own() {
        let pictures = vec![Bounds::new(0.1, 0.1, 0.49, 0.3), Bounds::new(0.51, 0.1, 0.9, 0.3)];
        let mut content = Content::default();
        pictures.iter().for_each(|bounds| content.add(Kind::Form, *bounds));
        assert_eq!(confirmed(&content, Bounds::new(0.1, 0.1, 0.9, 0.3)), pictures);
    }

    #[test]
    fn a_diagram_of_nodes_and_arrows_is_one() {
        let nodes = [0.1, 0.4, 0.7].map(|left| Bounds::new(left, 0.1, left + 0.2, 0.15));
        let arrows = [0.3, 0.6].map(|left| Bounds::new(left, 0.125, left + 0.1, 0.126));
        let content = Content { drawings: nodes.to_vec(), rules: arrows.to_vec(), ..Content::default() };
        let diagram = Bounds::new(0.1, 0.1, 0.9, 0.15);
        assert_eq!(confirmed(&content, Bounds::new(0.1, 0.05, 0.9, 0.3)), [diagram]);
    }

    #[test]
    fn a_box_around_text_is_no_figure_and_a_picture_needs_no_detector() {
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
    fn a_scan_is_no_figure_by_itself() {
        let page = Bounds::new(0.0, 0.0, 1.0, 1.0);
        let column = Content { pictures: vec![Bounds::new(0.2, 0.0, 0.8, 1.0)], ..Content::default() };
        assert_eq!(column.confirmed(&text()), []);
        assert_eq!(column.confirmed(&Layout::default()).len(), 1, "a plate");
        let content = Content { pictures: vec![page], texts: vec![page], ..Content::default() };
        assert_eq!(content.confirmed(&text()), []);
        assert_eq!(confirmed(&content, Bounds::new(0.2, 0.2, 0.5, 0.5)), [Bounds::new(0.2, 0.2, 0.5, 0.5)]);
    }
}
