//! Reads the straight rules of a page, which separate the cells of tables.

use pdfium_render::prelude::{
    PdfPage, PdfPageObject, PdfPageObjectCommon, PdfPageObjectsCommon, PdfPagePathObject, PdfPathSegmentType,
    PdfPathSegments,
};

use crate::text::Rule;

/// The most objects that are examined. A page with more is a drawing.
const OBJECTS_MAX: usize = 20_000;
/// The most rules of a page. One with more is a drawing, and has no tables.
const RULES_MAX: usize = 4_000;
/// A path of more segments is a drawing.
const SEGMENTS_MAX: u32 = 400;
/// The thickness of a rule, in points.
const THICKNESS_MAX: f32 = 3.0;

/// The horizontal and vertical rules of a page in user space: lines, thin boxes and pictures, and the sides of outlined boxes. Forms are not examined.
pub(super) fn read(page: &PdfPage<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (seen, object) in page.objects().iter().enumerate() {
        if seen == OBJECTS_MAX || rules.len() > RULES_MAX {
            return Vec::new();
        }
        match &object {
            PdfPageObject::Path(path) => {
                let thin = thin(path);
                let is_outline = thin.is_none() && path.is_stroked().unwrap_or(false);
                rules.extend(thin);
                if is_outline {
                    rules.extend(straight_segments(path));
                }
            }
            // Ghostscript draws the rules of some programs as pictures.
            PdfPageObject::Image(image) => rules.extend(thin(image)),
            _ => {}
        }
    }
    rules
}

/// The object, if it is thin enough for a rule.
fn thin<'a>(object: &impl PdfPageObjectCommon<'a>) -> Option<Rule> {
    let bounds = object.bounds().ok()?.to_rect();
    let rule = Rule {
        left: bounds.left().value,
        bottom: bounds.bottom().value,
        right: bounds.right().value,
        top: bounds.top().value,
    };
    (rule.thickness() <= THICKNESS_MAX).then_some(rule)
}

/// The horizontal and vertical segments of a path.
fn straight_segments(path: &PdfPagePathObject<'_>) -> Vec<Rule> {
    let segments = path.segments();
    let Ok(matrix) = path.matrix() else { return Vec::new() };
    if segments.len() > SEGMENTS_MAX {
        return Vec::new();
    }
    let segments = segments.transform(matrix);
    let (mut found, mut start, mut at) = (Vec::new(), (0.0, 0.0), (0.0, 0.0));
    for segment in (0..segments.len()).filter_map(|index| segments.get(index).ok()) {
        let point = (segment.x().value, segment.y().value);
        match segment.segment_type() {
            PdfPathSegmentType::MoveTo => start = point,
            PdfPathSegmentType::LineTo => found.push(between(at, point)),
            // A drawing.
            _ => return Vec::new(),
        }
        if segment.is_close() {
            found.push(between(point, start));
        }
        at = point;
    }
    found.retain(|rule| rule.thickness() <= THICKNESS_MAX);
    found
}

fn between(a: (f32, f32), b: (f32, f32)) -> Rule {
    Rule { left: a.0.min(b.0), bottom: a.1.min(b.1), right: a.0.max(b.0), top: a.1.max(b.1) }
}
