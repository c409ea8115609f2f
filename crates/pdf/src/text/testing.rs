//! Lines and glyphs for the tests of `crate::text`.

use super::glyph::{Face, Glyph, Turn};
use super::lines::Line;
use super::style::Style;
use super::{PageGlyphs, Rule};

/// The Markdown of a document of one page.
pub(super) fn to_markdown(glyphs: &[Glyph], rules: &[Rule]) -> String {
    page_to_markdown(&PageGlyphs { glyphs: glyphs.to_vec(), rules: rules.to_vec(), ..PageGlyphs::default() })
}

/// Like [`to_markdown`], with all that is on the page.
pub(super) fn page_to_markdown(page: &PageGlyphs) -> String {
    super::to_markdown(page, 0, &super::survey([(0, page)].into_iter(), &[]))
}

/// A line of 10-point type.
pub(super) fn line(text: &str, left: f32, right: f32, baseline: f32) -> Line {
    let first_word = text.split(' ').next().unwrap_or_default().chars().count();
    Line {
        text: text.into(),
        left,
        right,
        baseline,
        size: 10.0,
        first_word_width: 5.0 * first_word as f32,
        second_left: None,
        hyphenated: false,
        gapped: false,
        after_gap: None,
        bold: false,
        style: Style { tenths: 100, ..Style::default() },
        mark: None,
        mono: None,
        table: None,
    }
}

/// Lines below each other: 5 points a character, 12 points apart, with the same left edge.
pub(super) fn paragraph(texts: &[&str]) -> Vec<Line> {
    let place = |(row, text): (usize, &&str)| {
        line(text, 50.0, 50.0 + 5.0 * text.chars().count() as f32, 100.0 + 12.0 * row as f32)
    };
    texts.iter().enumerate().map(place).collect()
}

/// Upright 10-point glyphs on one base line, `down` points below the top of an A4 page. Their widths differ, around 5 points.
pub(super) fn glyphs(text: &str, left: f32, down: f32) -> Vec<Glyph> {
    place(text, left, down, |column| 5.0 * column as f32 + [0.0, 0.8, 0.3][column % 3])
}

/// Like [`glyphs`], but from right to left.
pub(super) fn leftward_glyphs(text: &str, left: f32, down: f32) -> Vec<Glyph> {
    let mut placed = glyphs(text, left, down);
    let places: Vec<_> = placed.iter().rev().map(|glyph| (glyph.origin, glyph.bounds)).collect();
    placed.iter_mut().zip(places).for_each(|(glyph, place)| (glyph.origin, glyph.bounds) = place);
    placed
}

/// Like [`glyphs`], but each exactly 5 points wide.
pub(super) fn mono_glyphs(text: &str, left: f32, down: f32) -> Vec<Glyph> {
    place(text, left, down, |column| 5.0 * column as f32)
}

fn place(text: &str, left: f32, down: f32, offset: impl Fn(usize) -> f32) -> Vec<Glyph> {
    let y = 842.0 - down;
    let glyph = |(column, char): (usize, char)| {
        let x = left + offset(column);
        let bounds = [x, y - 2.0, left + offset(column + 1), y + 8.0];
        Glyph { char, origin: (x, y), bounds, size: 10.0, turn: Turn::Upright, face: Face::default() }
    };
    text.chars().enumerate().map(glyph).collect()
}
