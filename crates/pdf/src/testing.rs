//! PDFs made by code, so that tests need no files. They have few objects, a correct cross-reference table and no compression.
//!
//! [`hostile`] makes harmful files, [`workers`] counts the processes that read them, and [`probe`] tries to leave their sandbox.

pub mod hostile;
pub mod probe;
pub mod workers;

use std::fmt::Write;

/// A PDF with one A4 page per string, set in 12-point Helvetica, one line of text per line of the string.
///
/// Characters outside ASCII become `?`, because the standard font has no others.
pub fn simple_pdf(pages: &[&str]) -> Vec<u8> {
    let contents: Vec<String> = pages.iter().map(|text| text_content(text)).collect();
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    pdf_from_contents(&contents, "")
}

/// A PDF with one A4 page per content stream. `/F1` is Helvetica, `/F2` Helvetica-Bold and `/F3` Courier. `info` is copied into the
/// information dictionary, for example `/Title (A title)`.
pub fn pdf_from_contents(contents: &[&str], info: &str) -> Vec<u8> {
    assemble(&objects(contents, info))
}

/// A PDF like [`simple_pdf`] with bookmarks: for each its title, and the index of the page that it leads to. One in a level of its own
/// stands below the one before it. The first two pages are labelled in Roman digits, the others from 1 on.
pub fn bookmarked_pdf(pages: &[&str], bookmarks: &[(&str, u8, usize)]) -> Vec<u8> {
    let contents: Vec<String> = pages.iter().map(|text| text_content(text)).collect();
    let mut objects = objects(&contents.iter().map(String::as_str).collect::<Vec<_>>(), "");
    // The root of the bookmarks, then one object for each.
    let root = objects.len() + 1;
    let number = |at: usize| root + 1 + at;
    let parent = |at: usize| bookmarks[..at].iter().rposition(|other| other.1 < bookmarks[at].1);
    let children = |of: Option<usize>| (0..bookmarks.len()).filter(move |at| parent(*at) == of).collect::<Vec<_>>();
    let ends = |of: Option<usize>| match children(of).as_slice() {
        [] => String::new(),
        [first, .., last] | [first @ last] => format!("/First {} 0 R/Last {} 0 R", number(*first), number(*last)),
    };
    objects[0] = format!("<</Type/Catalog/Pages 2 0 R/Outlines {root} 0 R/PageLabels<</Nums[0<</S/r>>2<</S/D>>]>>>>");
    objects.push(format!("<</Type/Outlines{}>>", ends(None)));
    for (at, (title, _, page)) in bookmarks.iter().enumerate() {
        let above = parent(at);
        let next = children(above).into_iter().find(|other| *other > at);
        let next = next.map(|next| format!("/Next {} 0 R", number(next))).unwrap_or_default();
        let (above, below) = (above.map_or(root, number), ends(Some(at)));
        let page = 6 + 2 * page;
        objects.push(format!("<</Title({title})/Parent {above} 0 R/Dest[{page} 0 R/Fit]{next}{below}>>"));
    }
    // The last object is the information dictionary.
    objects.push("<<>>".to_owned());
    assemble(&objects)
}

fn objects(contents: &[&str], info: &str) -> Vec<String> {
    let kids = (0..contents.len()).map(|page| format!("{} 0 R", 6 + 2 * page)).collect::<Vec<_>>().join(" ");
    let font = |name: &str| format!("<</Type/Font/Subtype/Type1/BaseFont/{name}/Encoding/WinAnsiEncoding>>");
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        format!(
            "<</Type/Pages/Kids[{kids}]/Count {}/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R/F2 4 0 R/F3 5 0 R>>>>>>",
            contents.len()
        ),
        font("Helvetica"),
        font("Helvetica-Bold"),
        font("Courier"),
    ];
    for (page, content) in contents.iter().enumerate() {
        objects.push(format!("<</Type/Page/Parent 2 0 R/Contents {} 0 R>>", 7 + 2 * page));
        objects.push(format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()));
    }
    objects.push(format!("<<{info}>>"));
    objects
}

/// A PDF with one page that has a chart, with a caption, between two paragraphs.
pub fn chart_pdf() -> Vec<u8> {
    let paragraph = |top: u32, lines: usize| {
        let line = " (The quick brown fox jumps over the lazy dog and runs on through the deep wood.) Tj T*";
        format!("BT /F1 11 Tf 13 TL 72 {top} Td{} ET\n", line.repeat(lines))
    };
    let mut chart = "q 1 w 120 420 m 120 600 l S 120 420 m 480 420 l S\n".to_owned();
    let heights = [150, 60, 90, 170, 110, 50, 130, 160];
    let colours = ["0.2 0.4 0.8", "0.9 0.5 0.1", "0.3 0.7 0.3", "0.8 0.2 0.2"];
    for (index, (height, colour)) in heights.into_iter().zip(colours.into_iter().cycle()).enumerate() {
        let _ = writeln!(chart, "{colour} rg {} 420 38 {height} re f", 128 + 43 * index);
    }
    chart.push_str("1.5 w 0.5 0 0.5 RG 138 474 m 224 503 l 310 532 l 396 561 l 450 576 l S Q\n");
    let caption = "BT /F1 10 Tf 180 395 Td (Figure 1: How the fox ran.) Tj ET\n";
    pdf_from_contents(&[&[&paragraph(780, 10), chart.as_str(), caption, &paragraph(370, 18)].concat()], "")
}

/// A PDF whose pages share one list of pictures, as some programs write it. Each page shows one picture and has no text. A picture is
/// grey noise that cannot be compressed, `side_px` wide and high. It gets lighter from page to page.
pub fn shared_pictures_pdf(pages: u32, side_px: u32) -> Vec<u8> {
    let list: String = (0..pages).map(|page| format!("/I{page} {} 0 R", 3 + page)).collect();
    let kids: String = (0..pages).map(|page| format!("{} 0 R ", 3 + pages + 2 * page)).collect();
    let parts = format!("/MediaBox[0 0 600 600]/Resources<</XObject<<{list}>>>>");
    let mut objects =
        vec!["<</Type/Catalog/Pages 2 0 R>>".to_owned(), format!("<</Type/Pages/Kids[{kids}]/Count {pages}{parts}>>")];
    let mut noise = 0x000c_01db_u32;
    for page in 0..pages {
        let dictionary = format!(
            "/Type/XObject/Subtype/Image/Width {side_px}/Height {side_px}/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/ASCIIHexDecode"
        );
        let mut picture = String::new();
        for _ in 0..side_px * side_px {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let _ = write!(picture, "{:02x}", page * 192 / pages + (noise >> 28));
        }
        objects.push(format!("<<{dictionary}/Length {}>>\nstream\n{picture}>\nendstream", picture.len() + 1));
    }
    for page in 0..pages {
        let content = format!("q 600 0 0 600 0 0 cm /I{page} Do Q");
        objects.push(format!("<</Type/Page/Parent 2 0 R/Contents {} 0 R>>", 4 + pages + 2 * page));
        objects.push(format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()));
    }
    objects.push("<<>>".to_owned());
    assemble(&objects)
}

/// A PDF that needs an unknown password.
pub fn encrypted_pdf() -> Vec<u8> {
    let key = "00".repeat(32);
    let file = String::from_utf8_lossy(&simple_pdf(&["secret"])).replace(
        "trailer\n<<",
        &format!("trailer\n<</Encrypt<</Filter/Standard/V 1/R 2/Length 40/P -4/O<{key}>/U<{key}>>>/ID[<00><00>]"),
    );
    file.into_bytes()
}

/// The content of a page with these lines of text from the top left.
fn text_content(text: &str) -> String {
    let mut content = "BT /F1 12 Tf 14 TL 72 770 Td".to_owned();
    for line in text.lines() {
        let _ = write!(content, " ({}) Tj T*", escape(line));
    }
    content + " ET"
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars() {
        match char {
            '(' | ')' | '\\' => escaped.extend(['\\', char]),
            ' '..='~' => escaped.push(char),
            _ => escaped.push('?'),
        }
    }
    escaped
}

/// Numbers the objects from 1. The first is the catalog and the last is the information dictionary.
fn assemble(objects: &[String]) -> Vec<u8> {
    let mut file = "%PDF-1.7\n".to_owned();
    let mut xref = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        let _ = writeln!(xref, "{:010} 00000 n ", file.len());
        let _ = writeln!(file, "{} 0 obj\n{object}\nendobj", index + 1);
    }
    let start = file.len();
    let count = objects.len();
    let _ =
        write!(file, "{xref}trailer\n<</Size {}/Root 1 0 R/Info {count} 0 R>>\nstartxref\n{start}\n%%EOF\n", count + 1);
    file.into_bytes()
}
