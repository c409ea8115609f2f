//! Markdown, LaTeX and HTML that are expensive to render, and remote images.
//!
//! `benches/render.rs` measures time and memory of the same texts in an optimised build.

use std::time::{Duration, Instant};

// The replacement of this reader is incomplete.
#[allow(deprecated)]
use async_zip::base::read::mem::ZipFileReader;
use coldbrew::markdown::safe_html;
use futures::AsyncReadExt;
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestServer, http};

/// Texts that once took seconds or gigabytes, or crashed the process.
fn bombs() -> Vec<(&'static str, String)> {
    let table = format!("|{}\n|{}\n{}", "a|".repeat(500), "-|".repeat(500), "|a\n".repeat(20_000));
    vec![
        ("list of one line", "- ".repeat(8_000) + "a"),
        ("list of many lines", "- ".repeat(16_000) + &"a\n".repeat(16_000)),
        ("quotation of one line", ">".repeat(32_000) + "a"),
        ("quotation of many lines", "> ".repeat(16_000) + &"a\n".repeat(16_000)),
        ("stairs", (0..250).map(|step| format!("{}- a\n", "  ".repeat(step))).collect()),
        ("emphasis", "*a* ".repeat(1 << 16)),
        ("emphasis in emphasis", "*a ".repeat(10_000) + &"a*".repeat(10_000)),
        ("brackets", "[".repeat(60_000)),
        ("links", "[a](".repeat(15_000)),
        ("backticks", (1..350).map(|length| "`".repeat(length) + " ").collect()),
        ("comments", "<!--".repeat(15_000)),
        ("table", table),
        ("footnotes", "[^a]:".repeat(13_000)),
        ("references", format!("[a]: http://x/{}\n\n{}", "u".repeat(30_000), "[a] ".repeat(8_000))),
        ("captions", "[1] a\n\nFigure 1: a\n\n[1] Figure 1\nFigure 1\n\n".repeat(2_000)),
        ("citations", "[1, 1, 1, 1, 1] ".repeat(4_000)),
        ("roots", format!("${}x$", "\\sqrt".repeat(3_000))),
        ("display roots", format!("$${}x$$", "\\sqrt ".repeat(500_000))),
        ("relax", format!("${}x$", "\\relax".repeat(3_000))),
        ("groups", format!("${}x{}$", "{".repeat(20_000), "}".repeat(20_000))),
        ("scripts", format!("${}$", "x^".repeat(20_000))),
        ("macros", format!("$\\def\\a#1{{#1#1#1#1}}{}x{}$", "\\a{".repeat(40), "}".repeat(40))),
        ("array", format!("$\\begin{{array}}{{{}c}}{}\\end{{array}}$", "|".repeat(3_000), "\\\\".repeat(2_000))),
    ]
}

/// The id of the document that is made from a Markdown file.
async fn markdown_document(guest: &TestClient, markdown: &str) -> String {
    let prepared: Value = guest.upload("a.md", markdown.as_bytes().to_vec()).await.json().await.unwrap();
    let answer = guest.submit(&prepared, false, false).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let ticket: Value = answer.json().await.unwrap();
    ticket["id"].as_str().unwrap().to_owned()
}

/// The nesting depth of the elements in sanitized HTML.
fn depth_of(html: &str) -> usize {
    let is_void = |tag: &str| ["img", "br", "hr", "mspace"].iter().any(|void| tag.starts_with(void));
    let depths = html.split('<').skip(1).filter(|tag| !is_void(tag)).scan(0_usize, |depth, tag| {
        *depth = if tag.starts_with('/') { depth.saturating_sub(1) } else { *depth + 1 };
        Some(*depth)
    });
    depths.max().unwrap_or(0)
}

#[test]
fn hostile_markdown_rendered_has_bounded_depth_and_size() {
    for (name, markdown) in bombs() {
        let html = safe_html(&markdown, 0);
        // A list nests two elements for each level, and a formula nests as deeply again.
        assert!(depth_of(&html) <= 210, "{name}: {}", depth_of(&html));
        assert!(html.len() <= 64 * 1024 + 20 * markdown.len(), "{name}: {} bytes", html.len());
    }
}

#[tokio::test]
async fn health_is_answered_while_hostile_markdown_is_rendered() {
    let data = TempDir::new().unwrap();
    let server =
        TestServer::start(&data, &[("COLDBREW_READS_PER_MINUTE", "0"), ("COLDBREW_CHANGES_PER_MINUTE", "0")]).await;
    let guest = server.guest().await;
    let mut documents = Vec::new();
    for (_, markdown) in bombs() {
        documents.push(markdown_document(&guest, &markdown).await);
    }
    let paths = documents.iter().flat_map(|id| {
        let export = |format| format!("/v1/documents/{id}/export?format={format}");
        [format!("/documents/{id}"), format!("/documents/{id}?q=a"), export("html"), export("md")]
    });
    let views = tokio::spawn(join_all(paths.map(|path| {
        let guest = guest.clone();
        async move { (guest.page(&path).await.len(), path) }
    })));
    let (client, mut slowest) = (http(), Duration::ZERO);
    while !views.is_finished() {
        let asked = Instant::now();
        let answer = client.get(format!("{}/healthz", server.base_url)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        slowest = slowest.max(asked.elapsed());
    }
    for (bytes, path) in views.await.unwrap() {
        assert!(bytes > 0, "{path}");
    }
    // Without limits, one of them blocked the event loop for four seconds in an optimised build.
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

#[tokio::test]
#[allow(deprecated)]
async fn remote_images_are_links_in_the_reader_and_in_exports() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let markdown = "![one](https://evil.example/x.png)\n\n| ![two](/v1/events) |\n|---|\n\n![three](//evil.example/y)";
    let id = markdown_document(&guest, markdown).await;
    let page = guest.page(&format!("/documents/{id}")).await;
    let prose = page.split("class=\"prose\">").nth(1).unwrap().split("</section>").next().unwrap();
    let html = guest.page(&format!("/v1/documents/{id}/export?format=html")).await;
    for shown in [prose, &html] {
        assert!(!shown.contains("<img"), "{shown}");
        assert!(
            shown.contains("href=\"https://evil.example/x.png\"") && shown.contains("one (picture at evil.example)")
        );
        assert!(shown.contains("two (picture at an address without a host)"), "{shown}");
    }
    let md = guest.page(&format!("/v1/documents/{id}/export?format=md")).await;
    assert!(!md.contains("![") && md.contains("[one (picture at evil.example)](<https://evil.example/x.png>)"), "{md}");
    let zip = guest.send(Method::GET, &format!("/v1/documents/{id}/export?format=zip"), None).await;
    let zip = ZipFileReader::new(zip.bytes().await.unwrap().to_vec()).await.unwrap();
    let mut text = Vec::new();
    zip.reader_with_entry(0).await.unwrap().read_to_end(&mut text).await.unwrap();
    assert_eq!(text, md.as_bytes());
}

#[tokio::test]
async fn text_like_a_figure_address_stays_text_in_an_export() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let text = "src=\"/v1/images/ab/0_0.png\" stays.";
    let id = markdown_document(&guest, &format!("{text}\n\n`{text}`\n\n[a](/x '{text}')\n")).await;
    let html = guest.page(&format!("/v1/documents/{id}/export?format=html")).await;
    assert_eq!(html.matches("/v1/images/ab/0_0.png").count(), 3, "{html}");
    assert!(!html.contains("<img"));
}
