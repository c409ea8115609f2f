//! Reads what is drawn on a page, apart from text: the straight rules, which separate the cells of tables, and the places of drawings.

use pdfium_render::prelude::{
    PdfMatrix, PdfPage, PdfPageObject, PdfPageObjectCommon, PdfPageObjectsCommon, PdfPagePathObject,
    PdfPageXObjectFormObject, PdfPathSegmentType, PdfPathSegments,
};

use super::content::visible;
use crate::text::{Area, Rule};

/// The most objects that are examined. A page with more is a drawing.
const OBJECTS_MAX: usize = 20_000;
/// The most rules of a page. One with more is a drawing, and has no tables.
const RULES_MAX: usize = 4_000;
/// An outline of more segments is a drawing, and so is a filled path of more.
const SEGMENTS_MAX: u32 = 400;
const FILLED_SEGMENTS_MAX: u32 = 24;
/// The thickness of a rule, in points.
const THICKNESS_MAX: f32 = 3.0;
/// A path at least this wide with round corners is a frame if its straight sides are at least this share of its width.
const FRAME_WIDTH_MIN: f32 = 100.0;
const FRAME_SIDE_MIN: f32 = 0.6;
/// An outline of more sides is a grid.
const BOX_SIDES: usize = 6;
/// The deepest level of nested forms that is examined.
const DEPTH_MAX: usize = 3;

/// What is drawn on a page, in user space.
#[derive(Default)]
pub(super) struct Drawn {
    /// Horizontal and vertical lines, thin boxes and pictures, and the sides of outlined boxes.
    pub rules: Vec<Rule>,
    /// The places of paths with curves and slanted lines.
    pub drawings: Vec<Area>,
    seen: usize,
}

/// Without any rules if there are too many, and without drawings then.
pub(super) fn read(page: &PdfPage<'_>) -> Drawn {
    let mut drawn = Drawn::default();
    for object in page.objects().iter() {
        drawn.add(&object, None, DEPTH_MAX);
        if drawn.is_full() {
            return Drawn::default();
        }
    }
    drawn
}

impl Drawn {
    const fn is_full(&self) -> bool {
        self.seen > OBJECTS_MAX || self.rules.len() > RULES_MAX
    }

    /// Adds the parts of a form. Where something is drawn, its straight lines are parts of the drawing.
    fn add_form(&mut self, form: &PdfPageXObjectFormObject<'_>, place: Transform, depth: usize) {
        let (rules, drawings) = (self.rules.len(), self.drawings.len());
        for part in form.iter() {
            if self.is_full() {
                return;
            }
            self.add(&part, Some(place), depth);
        }
        if self.drawings.len() > drawings {
            self.rules.truncate(rules);
        }
    }

    /// `place`: the matrix of the form in which the object is.
    fn add(&mut self, object: &PdfPageObject<'_>, place: Option<Transform>, depth: usize) {
        self.seen += 1;
        match object {
            PdfPageObject::Path(path) => {
                let Some(area) = area(path, place) else { return };
                if let Some(rule) = thin(area) {
                    self.rules.push(rule);
                    return;
                }
                match outline(path, place) {
                    Outline::Straight(sides) if sides.len() > BOX_SIDES && place.is_none() => {
                        self.rules.extend(clipped(sides, object));
                    }
                    Outline::Straight(sides) => self.rules.extend(sides),
                    Outline::Drawing => self.drawings.push(area),
                    Outline::Box => {}
                }
            }
            // Ghostscript draws the rules of some programs as pictures.
            PdfPageObject::Image(image) => self.rules.extend(area(image, place).and_then(thin)),
            PdfPageObject::XObjectForm(form) if depth > 0 => {
                let Some(own) = form.matrix().ok().map(|matrix| Transform::of(&matrix)) else { return };
                self.add_form(form, place.map_or(own, |outer| own.within(&outer)), depth - 1);
            }
            _ => {}
        }
    }
}

/// The six numbers of a matrix.
#[derive(Clone, Copy)]
struct Transform([f32; 6]);

impl Transform {
    fn of(matrix: &PdfMatrix) -> Self {
        Self([matrix.a(), matrix.b(), matrix.c(), matrix.d(), matrix.e(), matrix.f()])
    }

    fn point(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    /// This matrix, then the outer one.
    fn within(&self, outer: &Self) -> Self {
        let ((e, f), (x, y)) = (outer.point((self.0[4], self.0[5])), (outer.0[4], outer.0[5]));
        let turned = |a: f32, b: f32| {
            let (right, up) = outer.point((a, b));
            (right - x, up - y)
        };
        let ((a, b), (c, d)) = (turned(self.0[0], self.0[1]), turned(self.0[2], self.0[3]));
        Self([a, b, c, d, e, f])
    }
}

/// The bounds of an object.
fn area<'a>(object: &impl PdfPageObjectCommon<'a>, place: Option<Transform>) -> Option<Area> {
    let bounds = object.bounds().ok()?.to_rect();
    let [left, bottom, right, top] =
        [bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value];
    let Some(place) = place else { return Some([left, bottom, right, top]) };
    let corners = [(left, bottom), (left, top), (right, bottom), (right, top)].map(|corner| place.point(corner));
    let first = [corners[0].0, corners[0].1, corners[0].0, corners[0].1];
    Some(
        corners.iter().fold(first, |[left, bottom, right, top], (x, y)| {
            [left.min(*x), bottom.min(*y), right.max(*x), top.max(*y)]
        }),
    )
}

/// The area, if it is thin enough for a rule.
fn thin([left, bottom, right, top]: Area) -> Option<Rule> {
    let rule = Rule { left, bottom, right, top };
    (rule.thickness() <= THICKNESS_MAX).then_some(rule)
}

/// The sides of a grid as far as they are visible. Programs draw more of it than they show.
fn clipped(sides: Vec<Rule>, grid: &PdfPageObject<'_>) -> Vec<Rule> {
    let Some(shown) = visible(grid) else { return Vec::new() };
    let (left, bottom) = (shown.left().value - THICKNESS_MAX, shown.bottom().value - THICKNESS_MAX);
    let (right, top) = (shown.right().value + THICKNESS_MAX, shown.top().value + THICKNESS_MAX);
    let cut = |side: Rule| Rule {
        left: side.left.max(left),
        bottom: side.bottom.max(bottom),
        right: side.right.min(right),
        top: side.top.min(top),
    };
    sides.into_iter().map(cut).filter(|side| side.left <= side.right && side.bottom <= side.top).collect()
}

/// What a path that is no rule is.
enum Outline {
    /// The sides of a box or a grid that is drawn.
    Straight(Vec<Rule>),
    /// The background of a box, or a frame with round corners.
    Box,
    Drawing,
}

fn outline(path: &PdfPagePathObject<'_>, place: Option<Transform>) -> Outline {
    let is_stroked = path.is_stroked().unwrap_or(false);
    let segments = path.segments();
    let most = if is_stroked { SEGMENTS_MAX } else { FILLED_SEGMENTS_MAX };
    let Some(matrix) = path.matrix().ok().filter(|_| segments.len() <= most) else { return Outline::Drawing };
    let own = Transform::of(&matrix);
    let place = place.map_or(own, |outer| own.within(&outer));
    let (mut sides, mut is_drawn, mut start, mut at) = (Vec::new(), false, (0.0, 0.0), (0.0, 0.0));
    for segment in (0..segments.len()).filter_map(|index| segments.get(index).ok()) {
        let point = place.point((segment.x().value, segment.y().value));
        match segment.segment_type() {
            PdfPathSegmentType::MoveTo => start = point,
            PdfPathSegmentType::LineTo => sides.push(between(at, point)),
            _ => is_drawn = true,
        }
        if segment.is_close() {
            sides.push(between(point, start));
        }
        at = point;
    }
    is_drawn |= sides.iter().any(|side| side.thickness() > THICKNESS_MAX);
    let reach = |values: fn(&Rule) -> (f32, f32)| {
        let ends = sides.iter().map(values);
        ends.fold((f32::MAX, f32::MIN), |(least, most), (from, to)| (least.min(from), most.max(to)))
    };
    let (left, right) = reach(|side| (side.left, side.right));
    let longest = sides.iter().map(|side| side.right - side.left).fold(0.0, f32::max);
    let is_frame = right - left >= FRAME_WIDTH_MIN && longest >= FRAME_SIDE_MIN * (right - left);
    match (is_drawn, is_stroked) {
        (true, _) if !is_frame => Outline::Drawing,
        (false, true) => Outline::Straight(sides),
        _ => Outline::Box,
    }
}

fn between(a: (f32, f32), b: (f32, f32)) -> Rule {
    Rule { left: a.0.min(b.0), bottom: a.1.min(b.1), right: a.0.max(b.0), top: a.1.max(b.1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrix_in_a_form_is_followed_by_that_of_the_form() {
        let (inner, outer) = (Transform([2.0, 0.0, 0.0, 3.0, 10.0, 20.0]), Transform([0.0, 1.0, -1.0, 0.0, 5.0, 7.0]));
        let point = (4.0, 6.0);
        assert_eq!(inner.within(&outer).point(point), outer.point(inner.point(point)));
    }
}
