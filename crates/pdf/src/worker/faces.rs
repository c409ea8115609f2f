//! What fonts say about their looks. The descriptor of a font often says nothing, so its name counts, too.

use std::collections::HashMap;

use pdfium_render::prelude::PdfPageTextChar;

use crate::text::Face;

/// Marks of bold faces. `CMBX`, `SFBX` and the like are bold faces of TeX.
const BOLD: [&str; 10] = ["bold", "black", "heavy", "demi", "cmbx", "sfbx", "ecbx", "cmssbx", "t1xb", "cmb10"];
/// Marks of italic faces. `CMTI`, `CMSL` and the like are faces of TeX; its `CMMI` has the letters of formulas.
const ITALIC: [&str; 16] = [
    "italic", "oblique", "slanted", "cmti", "cmsl", "cmbxti", "cmitt", "cmssi", "sfti", "sfsl", "ecti", "ecsl", "t1xi",
    "t1xbi", "t1xsl", "sfit",
];
/// Marks of monospaced faces.
const MONO: [&str; 10] =
    ["courier", "cursor", "mono", "typewriter", "consol", "menlo", "nimbusmon", "cmsltt", "cmitt", "sourcecode"];
/// A face of TeX whose short name ends like this is monospaced.
const TEX_MONO: &str = "tt";
const TEX_NAME_MAX: usize = 7;

/// The faces of the fonts seen so far, by their names.
#[derive(Default)]
pub(super) struct Faces {
    known: HashMap<String, Face>,
}

impl Faces {
    pub(super) fn of(&mut self, char: &PdfPageTextChar<'_>) -> Face {
        let name = char.font_name();
        if let Some(face) = self.known.get(&name) {
            return *face;
        }
        let face = face(&name, char.font_is_fixed_pitch(), char.font_is_italic());
        self.known.insert(name, face);
        face
    }
}

fn face(name: &str, is_fixed: bool, is_italic: bool) -> Face {
    let name = plain(name);
    let has = |marks: &[&str]| marks.iter().any(|mark| name.contains(mark));
    let is_formula = name.contains("math") || name.starts_with("cmmi");
    Face {
        font: hash(&name),
        bold: has(&BOLD) || name.ends_with("-medi") || name.contains("-mediital"),
        italic: !is_formula && (is_italic || has(&ITALIC) || name.ends_with("ital") || name.ends_with("-it")),
        mono: is_fixed || has(&MONO) || is_tex_mono(&name),
    }
}

fn is_tex_mono(name: &str) -> bool {
    let family = name.trim_end_matches(|char: char| char.is_ascii_digit());
    family.len() <= TEX_NAME_MAX && family.ends_with(TEX_MONO)
}

/// The name in lower case, without the mark of a subset, which differs between pages.
fn plain(name: &str) -> String {
    let is_subset = name.as_bytes().get(6) == Some(&b'+') && name.is_char_boundary(7);
    name[if is_subset { 7 } else { 0 }..].to_ascii_lowercase()
}

/// FNV-1a, which is the same in each process.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_of_a_font_tells_its_face() {
        let looks = |name: &str| {
            let Face { bold, italic, mono, .. } = face(name, false, false);
            (bold, italic, mono)
        };
        for (name, expected) in [
            ("ABCDEF+CMBX12", (true, false, false)),
            ("CMTI10", (false, true, false)),
            ("CMMI10", (false, false, false)),
            ("LatinModernMath-Italic", (false, false, false)),
            ("NimbusRomNo9L-MediItal", (true, true, false)),
            ("NimbusRomNo9L-Medi", (true, false, false)),
            ("NimbusMonL-Regu", (false, false, true)),
            ("t1xbtt", (true, false, true)),
            ("CMTT10", (false, false, true)),
            ("DejaVuSansMono-BoldOblique", (true, true, true)),
            ("Times-Roman", (false, false, false)),
        ] {
            assert_eq!(looks(name), expected, "{name}");
        }
        assert!(face("F1", true, false).mono && face("F1", false, true).italic);
        assert_eq!(face("ABCDEF+A", false, false), face("GHIJKL+A", false, false));
        assert_ne!(face("A", false, false), face("B", false, false));
    }
}
