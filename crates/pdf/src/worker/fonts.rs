//! Fonts for text whose font is not in its document. They come from one folder, so they are the same on every machine.
//!
//! PDFium contains fonts for the Latin standard faces. It asks this module for all others. The files are open from the start and are read
//! when they are needed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use pdfium_render::prelude::{
    PdfFontCharacterSet, PdfFontWeight, PdfiumCustomFontProvider, PdfiumCustomFontProviderRequest,
    PdfiumCustomFontProviderResponse,
};

/// Files above this number are ignored, because each needs a descriptor.
const FONTS_MAX: usize = 16;
const FONT_BYTES_MAX: u64 = 64 << 20;
const TABLES_MAX: usize = 64;
/// Where `OS/2` says which code pages a font covers.
const CODE_PAGES_OFFSET: u64 = 78;

/// The fonts of one folder, which PDFium asks for.
#[derive(Default)]
pub(super) struct Fonts {
    fonts: Vec<Font>,
    /// How many fonts were given out. Each gets a number of its own, because PDFium returns them one at a time.
    provided: u64,
}

struct Font {
    file: File,
    bytes: u64,
    /// The file's name in lower case, without its extension.
    name: String,
    /// The bits of the code pages that the font covers.
    code_pages: u32,
}

impl Fonts {
    /// Opens the files of a folder in the order of their names. Files that are not fonts are left out.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        let mut paths: Vec<_> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.sort();
        Ok(Self { fonts: paths.iter().filter_map(|path| Font::open(path).ok()).take(FONTS_MAX).collect(), provided: 0 })
    }

    /// A font with that name, or one for a script that PDFium's own fonts lack.
    fn matching(&self, request: &PdfiumCustomFontProviderRequest) -> Option<usize> {
        let wanted = plain(&request.font_face);
        let is_bold = wanted.contains("bold") || weight(&request.weight) >= BOLD_MIN;
        let family = |name: &str| plain(name).replace("bold", "").replace("regular", "");
        let wanted_family = family(&request.font_face);
        let is_named = |font: &&(usize, &Font)| !wanted_family.is_empty() && family(&font.1.name) == wanted_family;
        let covers =
            |font: &&(usize, &Font)| code_page(&request.character_set).is_some_and(|bit| font.1.code_pages & bit != 0);
        let fonts: Vec<_> = self.fonts.iter().enumerate().collect();
        let named: Vec<_> = fonts.iter().filter(is_named).collect();
        let found = if named.is_empty() { fonts.iter().filter(covers).collect() } else { named };
        let right_weight = found.iter().find(|(_, font)| font.name.contains("bold") == is_bold);
        right_weight.or(found.first()).map(|(index, _)| *index)
    }
}

impl PdfiumCustomFontProvider for Fonts {
    fn provide(&mut self, request: PdfiumCustomFontProviderRequest) -> Option<PdfiumCustomFontProviderResponse> {
        let index = self.matching(&request)?;
        let font = &self.fonts[index];
        self.provided += 1;
        Some(PdfiumCustomFontProviderResponse {
            id: self.provided,
            font_face: font.name.clone(),
            data: font.read().ok()?,
            character_set: request.character_set,
        })
    }
}

impl Font {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let name = path.file_stem().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        if bytes > FONT_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Self { code_pages: code_pages(&file)?, file, bytes, name })
    }

    /// Reads the whole file. This moves its position, which no other process shares.
    fn read(&self) -> io::Result<Vec<u8>> {
        use std::io::{Read, Seek};
        let mut file = &self.file;
        file.rewind()?;
        let mut data = vec![0; usize::try_from(self.bytes).unwrap_or(0)];
        file.read_exact(&mut data)?;
        Ok(data)
    }
}

/// Keeps letters and digits, in lower case, so that `DejaVu Sans,Bold` and `DejaVuSans-Bold` are equal.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|char| char.to_ascii_lowercase()).collect()
}

const BOLD_MIN: u32 = 600;

fn weight(weight: &PdfFontWeight) -> u32 {
    match weight {
        PdfFontWeight::Weight600 => 600,
        PdfFontWeight::Weight700Bold => 700,
        PdfFontWeight::Weight800 => 800,
        PdfFontWeight::Weight900 => 900,
        PdfFontWeight::Custom(weight) => *weight,
        _ => 400,
    }
}

/// The bit of the code page for a script. `None` for scripts that PDFium's own fonts have.
fn code_page(characters: &PdfFontCharacterSet) -> Option<u32> {
    let bit = match characters {
        PdfFontCharacterSet::EasternEuropean => 1,
        PdfFontCharacterSet::Cyrillic => 2,
        PdfFontCharacterSet::Greek => 3,
        PdfFontCharacterSet::Hebrew => 5,
        PdfFontCharacterSet::Arabic => 6,
        PdfFontCharacterSet::Vietnamese => 8,
        PdfFontCharacterSet::Thai => 16,
        PdfFontCharacterSet::JapaneseShiftJis => 17,
        PdfFontCharacterSet::ChineseGb2312 => 18,
        PdfFontCharacterSet::KoreanHangul => 19,
        PdfFontCharacterSet::ChineseBig5 => 20,
        PdfFontCharacterSet::Ansi | PdfFontCharacterSet::Default | PdfFontCharacterSet::Symbol => return None,
    };
    Some(1 << bit)
}

/// The code pages in the table `OS/2` of a TrueType or OpenType font (https://learn.microsoft.com/typography/opentype/spec/os2, read
/// 2026-11-30).
fn code_pages(file: &File) -> io::Result<u32> {
    let mut head = [0; 12];
    file.read_exact_at(&mut head, 0)?;
    let tables = usize::from(u16::from_be_bytes([head[4], head[5]]));
    if !matches!(&head[..4], b"OTTO" | b"\0\x01\0\0" | b"true") || tables > TABLES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut directory = vec![0; 16 * tables];
    file.read_exact_at(&mut directory, 12)?;
    let Some(entry) = directory.chunks_exact(16).find(|entry| &entry[..4] == b"OS/2") else { return Ok(0) };
    let offset = u64::from(u32::from_be_bytes([entry[8], entry[9], entry[10], entry[11]]));
    let mut pages = [0; 4];
    file.read_exact_at(&mut pages, offset + CODE_PAGES_OFFSET)?;
    Ok(u32::from_be_bytes(pages))
}
