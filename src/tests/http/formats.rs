//! Formats other than PDF: images become documents of one page, and texts become documents without a job.

use std::io::Cursor;

use coldbrew_gemini::{Client, Config, Request, ServiceTier, models};
use coldbrew_pdf::testing::pdf_from_contents;
use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pdf::engine::photograph;
use crate::support::harness::{TestGemini, TestServer, files_below, refused};

/// An image in this format.
fn image_file(format: ImageFormat) -> Vec<u8> {
    let image = RgbaImage::from_fn(120, 80, |x, y| Rgba([x as u8, y as u8, 0, 255]));
    let image = DynamicImage::from(image);
    // JPEG has no transparency.
    let image = if format == ImageFormat::Jpeg { image.to_rgb8().into() } else { image };
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

#[tokio::test]
async fn image_formats_are_detected_by_content() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let formats = guest.get("/v1/documents/supported-formats").await["formats"].clone();
    let image_formats =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Bmp, ImageFormat::Tiff];
    for format in image_formats {
        let prepared: Value = guest.upload("holiday.pdf", image_file(format)).await.json().await.unwrap();
        let mime = prepared["metadata"]["content_type"].as_str().unwrap();
        assert_eq!(mime, format.to_mime_type());
        assert_eq!(formats[mime], json!({"free": false, "ai": true, "batch": true, "has_pages": false}));
        assert_eq!(prepared["metadata"]["total_pages"], 1);
        assert_eq!(prepared["estimate"]["realtime_tokens"], 10_000, "an image is priced as a scan");
        refused(guest.submit(&prepared, false, false).await, 422, "image_requires_ai").await;
        let ticket: Value = guest.submit(&prepared, true, false).await.json().await.unwrap();
        let id = ticket["extraction_id"].as_str().unwrap();
        let ended = guest.end_of(&format!("/v1/documents/extraction/{id}")).await;
        assert_eq!(ended["status"], "SUCCEEDED", "{mime} {ended}");
    }
    assert_eq!(formats.as_object().unwrap().len(), image_formats.len() + 3);
    assert_eq!(files_below(&data.path().join("receiving")), 0);
}

#[tokio::test]
async fn figures_of_an_image_are_cropped() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let prepared: Value = guest.upload("page.png", photograph()).await.json().await.unwrap();
    let ticket: Value = guest.submit(&prepared, true, true).await.json().await.unwrap();
    let ended = guest.batch_end(ticket["content_hash"].as_str().unwrap()).await;
    let document = guest.get(&format!("/v1/documents/{}", ended["document_id"].as_str().unwrap())).await;
    let markdown = document["content"][0]["markdown"].as_str().unwrap();
    assert_eq!(markdown.matches("](/v1/images/").count(), 1, "{markdown}");
}

#[tokio::test]
async fn text_mode_reports_pages_that_are_scans() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    let text = "BT /F1 12 Tf 72 770 Td (A page with text, and enough of it to be one.) Tj ET";
    let picture = "72 72 400 600 re f";
    let numbered = format!("{picture} BT /F1 12 Tf 72 40 Td (7) Tj ET");
    let pdf = pdf_from_contents(&[text, picture, &numbered, ""], "");
    let prepared: Value = guest.upload("scan.pdf", pdf).await.json().await.unwrap();
    let ticket: Value = guest.submit(&prepared, false, false).await.json().await.unwrap();
    assert_eq!(ticket["failed_pages"], json!([1]), "{ticket}");
    let document = guest.get(&format!("/v1/documents/{}", ticket["id"].as_str().unwrap())).await;
    let pages = document["content"].as_array().unwrap();
    let says = |page: usize, key: &str| pages[page][key].as_str().unwrap_or_default().contains("Read it with AI");
    let found: Vec<_> = (0..4).map(|page| (says(page, "failure"), says(page, "note"))).collect();
    assert_eq!(found, [(false, false), (true, false), (false, true), (false, false)], "{document}");
    assert_eq!((pages[2]["markdown"].as_str(), &document["charged_tokens"]), (Some("7"), &json!(0)));
}

#[tokio::test]
async fn text_file_becomes_a_free_document_without_a_job() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    for (name, text, mime, markdown) in [
        ("notes.md", "# Notes\r\n\r\n*One*", "text/markdown", "# Notes\n\n*One*"),
        ("notes.txt", "1. *One*\n", "text/plain", "1\\. \\*One\\*"),
    ] {
        let prepared: Value = guest.upload(name, text.into()).await.json().await.unwrap();
        assert_eq!(prepared["metadata"]["content_type"], mime);
        assert_eq!(prepared["estimate"], json!({"realtime_tokens": 0, "batch_tokens": 0}));
        let answer = guest.submit(&prepared, true, false).await;
        assert_eq!(answer.status(), StatusCode::CREATED, "no job is needed");
        let ticket: Value = answer.json().await.unwrap();
        let document = guest.get(&format!("/v1/documents/{}", ticket["id"].as_str().unwrap())).await;
        assert_eq!(document["content"], json!([{"index": 0, "markdown": markdown}]));
        assert_eq!(document["charged_tokens"], 0);
    }
}

#[tokio::test]
async fn files_of_other_formats_are_refused() {
    let data = TempDir::new().unwrap();
    let server = TestServer::start(&data, &[]).await;
    let guest = server.guest().await;
    for bytes in [&b"\x7fELF\x02\x01\x01"[..], b"PK\x03\x04", b"caf\xe9", b"a\0b", b" \n", b""] {
        refused(guest.upload("book.pdf", bytes.to_vec()).await, 415, "unsupported_format").await;
    }
    let cut_off = image_file(ImageFormat::Png)[..60].to_vec();
    refused(guest.upload("cut.png", cut_off).await, 422, "unreadable_document").await;
    // An image that claims to have four billion pixels.
    let mut bomb = image_file(ImageFormat::Bmp);
    bomb[18..26].copy_from_slice(&[0, 0, 1, 0, 0, 0, 1, 0]);
    refused(guest.upload("bomb.bmp", bomb).await, 422, "unreadable_document").await;
    assert_eq!(files_below(&data.path().join("receiving")), 0);
}

#[tokio::test]
async fn emulator_accepts_images_as_gemini_does() {
    let data = TempDir::new().unwrap();
    let gemini = TestGemini::start(&data).await;
    let base_url = gemini.base_url.clone();
    let client = Client::new(Config::new(base_url, "a-key")).unwrap();
    for (format, is_valid) in
        [(ImageFormat::Png, true), (ImageFormat::Jpeg, true), (ImageFormat::WebP, true), (ImageFormat::Png, false)]
    {
        let mut bytes = image_file(format);
        if !is_valid {
            bytes.truncate(60);
        }
        let request = Request::page(format.to_mime_type(), bytes.into(), "Transcribe.");
        let answer = client.generate_content(models::DEFAULT, &request, ServiceTier::Standard).await;
        assert_eq!(answer.is_ok_and(|answer| answer.text.contains("picture")), is_valid, "{format:?}");
    }
}
