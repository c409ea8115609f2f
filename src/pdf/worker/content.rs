//! What a page is made of besides text: enough to know where a figure cannot be.
//!
//! A figure is drawn: by a picture, a shading or a path. Rules and plain boxes frame text and tables as often as they make a
//! diagram, so a few of them make no figure, and many may.

use pdfium_render::prelude::{
    PdfPage, PdfPageObject, PdfPageObjectCommon, PdfPageObjectsCommon, PdfPagePathObject, PdfPageRenderRotation,
    PdfPathSegments, PdfRect,
};

use crate::pdf::figures::Bounds;

/// A path this thin, in points, is a rule.
const RULE_MAX: f32 = 3.0;
/// A path of at most this many segments that are no curves is a box.
const BOX_SEGMENTS_MAX: u32 = 6;
/// More plain boxes than this may be a diagram or a chart.
const BOXES_MAX: usize = 3;
/// More rules than this may be a diagram.
const RULES_MAX: usize = 60;
/// Objects that are looked at; a page of more is drawn for certain.
const OBJECTS_MAX: usize = 20_000;
/// How deep forms are looked into.
const DEPTH_MAX: u32 = 6;

/// See the module.
#[derive(Default)]
pub struct Content {
    /// Pictures, shadings and paths that are neither rules nor boxes.
    drawings: Vec<Bounds>,
    boxes: Vec<Bounds>,
    rules: Vec<Bounds>,
}

impl Content {
    /// Walks the objects of a page, forms included.
    pub fn of(page: &PdfPage<'_>) -> Self {
        let mut content = Self::default();
        let Some(frame) = Frame::of(page) else { return content };
        for (seen, object) in page.objects().iter().enumerate() {
            if seen == OBJECTS_MAX {
                content.drawings.push(Bounds::new(0.0, 0.0, 1.0, 1.0));
                break;
            }
            let Some(bounds) = bounds_of(&object) else { continue };
            let list = match kind(&object, &bounds, DEPTH_MAX) {
                Kind::Text => continue,
                Kind::Drawing => &mut content.drawings,
                Kind::Box => &mut content.boxes,
                Kind::Rule => &mut content.rules,
            };
            list.push(frame.place(&bounds));
        }
        content
    }

    /// Whether there can be a figure at all; if not, no model needs to look.
    pub fn may_hold_figure(&self) -> bool {
        !self.drawings.is_empty() || self.boxes.len() > BOXES_MAX || self.rules.len() > RULES_MAX
    }

    /// Whether there is nothing in the box but text and what frames it.
    pub fn is_text_only(&self, area: &Bounds) -> bool {
        let within = |list: &[Bounds]| list.iter().filter(|item| touches(item, area)).count();
        within(&self.drawings) == 0 && within(&self.boxes) <= BOXES_MAX && within(&self.rules) <= RULES_MAX
    }
}

/// Whether something lies in an area by its middle, so that what merely borders on it does not count; or covers it.
fn touches(item: &Bounds, area: &Bounds) -> bool {
    let (x, y) = ((item.left + item.right) / 2.0, (item.top + item.bottom) / 2.0);
    let is_within = (area.left..=area.right).contains(&x) && (area.top..=area.bottom).contains(&y);
    is_within || item.shared(area) > 0.5 * area.area()
}

enum Kind {
    Text,
    Rule,
    Box,
    Drawing,
}

fn kind(object: &PdfPageObject<'_>, bounds: &PdfRect, depth: u32) -> Kind {
    match object {
        PdfPageObject::Text(_) | PdfPageObject::Unsupported(_) => Kind::Text,
        PdfPageObject::Image(_) | PdfPageObject::Shading(_) => Kind::Drawing,
        PdfPageObject::Path(path) => kind_of_path(path, bounds),
        PdfPageObject::XObjectForm(form) if depth > 0 => {
            let is_drawn = form.iter().any(|part| {
                bounds_of(&part)
                    .is_some_and(|bounds| !matches!(kind(&part, &bounds, depth - 1), Kind::Text | Kind::Rule))
            });
            if is_drawn { Kind::Drawing } else { Kind::Text }
        }
        PdfPageObject::XObjectForm(_) => Kind::Drawing,
    }
}

fn kind_of_path(path: &PdfPagePathObject<'_>, bounds: &PdfRect) -> Kind {
    if bounds.width().value.min(bounds.height().value) <= RULE_MAX {
        return Kind::Rule;
    }
    let segments = path.segments();
    let count = segments.len();
    let points = || (0..count).filter_map(|index| segments.get(index).ok()).map(|segment| segment.point());
    let is_straight = count <= BOX_SEGMENTS_MAX && {
        let corners: Vec<_> = points().map(|(x, y)| (x.value, y.value)).collect();
        corners.windows(2).all(|pair| pair[0].0 == pair[1].0 || pair[0].1 == pair[1].1)
    };
    if is_straight { Kind::Box } else { Kind::Drawing }
}

fn bounds_of(object: &PdfPageObject<'_>) -> Option<PdfRect> {
    object.bounds().ok().map(|bounds| bounds.to_rect())
}

/// From the page's own coordinates to fractions of the page as it is shown.
struct Frame {
    page: PdfRect,
    rotation: PdfPageRenderRotation,
}

impl Frame {
    fn of(page: &PdfPage<'_>) -> Option<Self> {
        let bounds = page.boundaries().bounding().ok()?.bounds;
        let is_sound = bounds.width().value > 0.0 && bounds.height().value > 0.0;
        is_sound.then(|| Self { page: bounds, rotation: page.rotation().unwrap_or(PdfPageRenderRotation::None) })
    }

    fn place(&self, rect: &PdfRect) -> Bounds {
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
