//! The kind of a page object, and its place on the page.

use pdfium_render::prelude::{
    PdfPage, PdfPageObject, PdfPageObjectCommon, PdfPagePathObject, PdfPagePathObjectSegments, PdfPageRenderRotation,
    PdfPathSegments, PdfPoints, PdfRect,
};

use crate::figures::Bounds;

/// The thickness of a rule, in points.
const RULE_MAX: f32 = 3.0;
/// A path of at most this many segments, none of them slanted, is a box.
const BOX_SEGMENTS_MAX: u32 = 6;
/// A path of at most this many segments that fills at least [`FILLED_MIN`] of its bounds is a box with round corners.
const ROUND_BOX_SEGMENTS_MAX: u32 = 24;
/// The polygon of a circle's control points fills nine tenths of its bounds, so a circle is no box.
const FILLED_MIN: f32 = 0.95;
/// The most clip paths of one object that are examined.
const CLIPS_MAX: usize = 8;
/// The deepest level of nested forms that is examined.
const DEPTH_MAX: u32 = 6;

/// The kind of an object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    Rule,
    Box,
    /// A box with round corners.
    RoundBox,
    Picture,
    /// A form that contains more than text and rules.
    Form,
    Drawing,
}

/// The kind of an object and its visible bounds; `None` if it is not visible.
pub(super) fn kind_and_bounds(object: &PdfPageObject<'_>) -> Option<(Kind, PdfRect)> {
    kind_within(object, DEPTH_MAX)
}

fn kind_within(object: &PdfPageObject<'_>, depth: u32) -> Option<(Kind, PdfRect)> {
    let bounds = visible(object)?;
    let kind = match object {
        PdfPageObject::Text(_) | PdfPageObject::Unsupported(_) => Kind::Text,
        PdfPageObject::Image(_) => Kind::Picture,
        PdfPageObject::Shading(_) => Kind::Drawing,
        PdfPageObject::Path(path) => kind_of_path(path, &bounds),
        PdfPageObject::XObjectForm(form) if depth > 0 => {
            let is_drawn = |part: PdfPageObject<'_>| {
                kind_within(&part, depth - 1).is_some_and(|(kind, _)| !matches!(kind, Kind::Text | Kind::Rule))
            };
            if form.iter().any(is_drawn) { Kind::Form } else { Kind::Text }
        }
        PdfPageObject::XObjectForm(_) => Kind::Drawing,
    };
    Some((kind, bounds))
}

/// The bounds of an object within its clip paths; `None` if it is not visible.
pub(in super::super) fn visible(object: &PdfPageObject<'_>) -> Option<PdfRect> {
    let bounds = object.bounds().ok()?.to_rect();
    if matches!(object, PdfPageObject::Text(_)) {
        return Some(bounds);
    }
    let mut sides = [bounds.left().value, bounds.bottom().value, bounds.right().value, bounds.top().value];
    if let Some(clip) = object.get_clip_path() {
        for path in clip.iter().take(CLIPS_MAX) {
            let points: Vec<_> = (0..path.len()).filter_map(|index| Some(path.get(index).ok()?.point())).collect();
            if points.is_empty() {
                continue;
            }
            let least = |at: fn(&(PdfPoints, PdfPoints)) -> f32| points.iter().map(at).fold(f32::MAX, f32::min);
            let most = |at: fn(&(PdfPoints, PdfPoints)) -> f32| points.iter().map(at).fold(f32::MIN, f32::max);
            let [left, bottom, right, top] = sides;
            sides = [
                left.max(least(|point| point.0.value)),
                bottom.max(least(|point| point.1.value)),
                right.min(most(|point| point.0.value)),
                top.min(most(|point| point.1.value)),
            ];
        }
    }
    let [left, bottom, right, top] = sides;
    (left <= right && bottom <= top).then(|| PdfRect::new_from_values(bottom, left, top, right))
}

fn kind_of_path(path: &PdfPagePathObject<'_>, bounds: &PdfRect) -> Kind {
    if bounds.width().value.min(bounds.height().value) <= RULE_MAX {
        return Kind::Rule;
    }
    let segments = path.segments();
    let count = segments.len();
    if count > BOX_SEGMENTS_MAX {
        return if is_round_box(&segments) { Kind::RoundBox } else { Kind::Drawing };
    }
    let corners: Vec<_> = (0..count).filter_map(|index| Some(segments.get(index).ok()?.point())).collect();
    let is_straight = corners.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1);
    if is_straight { Kind::Box } else { Kind::Drawing }
}

/// Whether a path fills its bounds except for the corners. Its points are in the path's own coordinates.
fn is_round_box(segments: &PdfPagePathObjectSegments<'_>) -> bool {
    if segments.len() > ROUND_BOX_SEGMENTS_MAX {
        return false;
    }
    let point = |index| segments.get(index).ok().map(|segment| (segment.x().value, segment.y().value));
    let points: Vec<(f32, f32)> = (0..segments.len()).filter_map(point).collect();
    let (least, most) = ((f32::MAX, f32::MAX), (f32::MIN, f32::MIN));
    let least = points.iter().fold(least, |least, point| (least.0.min(point.0), least.1.min(point.1)));
    let most = points.iter().fold(most, |most, point| (most.0.max(point.0), most.1.max(point.1)));
    let from_least = |(x, y): (f32, f32)| (x - least.0, y - least.1);
    let ends = points.iter().cycle().skip(1);
    let twice_the_area: f32 = points
        .iter()
        .zip(ends)
        .map(|(start, end)| (from_least(*start), from_least(*end)))
        .map(|(start, end)| start.0 * end.1 - end.0 * start.1)
        .sum();
    twice_the_area.abs() / 2.0 > FILLED_MIN * (most.0 - least.0) * (most.1 - least.1)
}

/// Converts page coordinates to fractions of the page as shown.
pub(super) struct Frame {
    page: PdfRect,
    rotation: PdfPageRenderRotation,
}

impl Frame {
    /// The frame of a page; `None` if the page has no area.
    pub(super) fn of(page: &PdfPage<'_>) -> Option<Self> {
        let bounds = page.boundaries().bounding().ok()?.bounds;
        let is_sound = bounds.width().value > 0.0 && bounds.height().value > 0.0;
        is_sound.then(|| Self { page: bounds, rotation: page.rotation().unwrap_or(PdfPageRenderRotation::None) })
    }

    /// The bounds of a rectangle on the page as shown.
    pub(super) fn place(&self, rect: &PdfRect) -> Bounds {
        let x = |value: f32| (value - self.page.left().value) / self.page.width().value;
        let y = |value: f32| (self.page.top().value - value) / self.page.height().value;
        let (left, right) = (x(rect.left().value), x(rect.right().value));
        let (top, bottom) = (y(rect.top().value), y(rect.bottom().value));
        match self.rotation {
            PdfPageRenderRotation::None => Bounds::new(left, top, right, bottom),
            PdfPageRenderRotation::Degrees90 => Bounds::new(1.0 - bottom, left, 1.0 - top, right),
            PdfPageRenderRotation::Degrees180 => Bounds::new(1.0 - right, 1.0 - bottom, 1.0 - left, 1.0 - top),
            PdfPageRenderRotation::Degrees270 => Bounds::new(top, 1.0 - right, bottom, 1.0 - left),
        }
    }
}
