//! Whole jobs against the emulator, with the faults and known issues of `docs/GEMINI.md`.
//!
//! Each test checks how the job ends, what it costs and what it leaves at Google. `crates/gemini/src/tests` has the tests of the client
//! alone.

mod faults;
mod known_issues;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use coldbrew_pdf::testing::simple_pdf;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::harness::{TestClient, TestGemini, TestServer, http, made_batches};

pub const PAGES: u64 = 3;

/// A server, and an emulator of Gemini with armed faults.
pub struct Site {
    pub gemini: TestGemini,
    pub server: TestServer,
    pub data: TempDir,
}

/// The end of a job for a document of three pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The document is stored. This number of its pages failed.
    Document { failed_pages: u64 },
    /// The job failed with this error code, and nothing was charged.
    Failed(&'static str),
}

pub const WHOLE: End = End::Document { failed_pages: 0 };

pub const fn but_for(failed_pages: u64) -> End {
    End::Document { failed_pages }
}

/// A submitted document.
pub struct Submitted {
    pub guest: TestClient,
    pub content_hash: String,
    /// The hash that a submission names the file by.
    pub upload: String,
    /// A word on each page, unique for the document.
    word: String,
}

impl Site {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let data = TempDir::new().unwrap();
        let gemini = TestGemini::start(&data).await;
        let quick = [("COLDBREW_SEEK_INTERVAL_MS", "50"), ("COLDBREW_RETRY_INTERVAL_MS", "20")];
        let settings: Vec<_> = gemini.settings().into_iter().chain(quick).chain(settings.iter().copied()).collect();
        let server = TestServer::start(&data, &settings).await;
        Self { server, gemini, data }
    }

    /// Submits a new document while only these faults are armed.
    pub async fn submit(&self, faults: &[Value]) -> Submitted {
        self.disarm().await;
        for fault in faults {
            self.gemini.arm(fault.clone()).await;
        }
        Submitted::by(self.server.guest().await).await
    }

    /// Cancels all batches at Google, as an operator could do in Google's console.
    pub async fn cancel_all(&self) {
        for batch in self.batches().await {
            let url = format!("{}/v1beta/{}:cancel", self.gemini.base_url, batch["name"].as_str().unwrap());
            let answer = http().post(url).header("x-goog-api-key", "a-key").json(&json!({})).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
        }
    }

    /// Submits a document for each row and checks its end. A row has a description, the armed faults, the expected end and the expected
    /// number of batches at Google.
    ///
    /// Each row also checks that failed jobs cost nothing, that reservations end, that each page has its own text, and that no input file
    /// is left at Google.
    pub async fn check(&self, table: Vec<(&str, Vec<Value>, End, usize)>) {
        for (what, faults, end, batches) in table {
            let before = self.batches().await.len();
            assert_eq!(self.submit(&faults).await.end().await, end, "{what}");
            assert_eq!(self.batches().await.len() - before, batches, "{what}: batches at Google");
            assert!(self.no_input_is_left().await, "{what}: an input file was left at Google");
        }
    }

    /// Whether only outputs are left at Google, which it refuses to delete. Waits up to 4 s.
    pub async fn no_input_is_left(&self) -> bool {
        for _ in 0..200 {
            let files = self.google("files?pageSize=100").await["files"].clone();
            let files = files.as_array().cloned().unwrap_or_default();
            if files.iter().all(|file| file["source"] == "GENERATED") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }

    /// The batches that were made at Google, with those that were deleted since.
    pub async fn batches(&self) -> Vec<Value> {
        made_batches(&self.gemini.base_url, "a-key").await
    }

    /// Disarms all faults.
    pub async fn disarm(&self) {
        self.gemini.disarm().await;
    }

    /// Waits until a call was made this number of times.
    pub async fn called(&self, name: &str, times: u64) {
        while self.calls(name).await < times {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The number of times that a call was made.
    pub async fn calls(&self, name: &str) -> u64 {
        self.control(Method::GET, "", None).await["calls"][name].as_u64().unwrap_or(0)
    }

    /// Moves the clock of the emulator.
    pub async fn advance_hours(&self, hours: i64) {
        self.control(Method::POST, "/clock", Some(json!({"advance_ms": hours * 3_600_000}))).await;
    }

    pub async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let request = http().request(method, format!("{}/_control{path}", self.gemini.base_url));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn google(&self, path: &str) -> Value {
        let request = http().get(format!("{}/v1beta/{path}", self.gemini.base_url)).header("x-goog-api-key", "a-key");
        request.send().await.unwrap().json().await.unwrap()
    }
}

impl Submitted {
    /// Submits a new document.
    pub async fn by(guest: TestClient) -> Self {
        static DOCUMENTS: AtomicU32 = AtomicU32::new(0);
        let word = format!("Document{}", DOCUMENTS.fetch_add(1, Ordering::Relaxed));
        let texts: Vec<String> = (1..=PAGES).map(|page| format!("{word}, page {page}, as it was written.")).collect();
        let file = simple_pdf(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let prepared: Value = guest.upload("book.pdf", file).await.json().await.unwrap();
        let answer = guest.submit(&prepared, true, true).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let text = |name: &str| prepared[name].as_str().unwrap().to_owned();
        Self { content_hash: text("content_hash"), upload: text("hash"), guest, word }
    }

    /// The same document at another server with the same data.
    pub fn at(self, base_url: &str) -> Self {
        Self { guest: self.guest.at(base_url), ..self }
    }

    /// The HTML page of the job.
    pub async fn page(&self) -> String {
        let path = format!("/batch/{}", self.content_hash);
        self.guest.page(&path).await
    }

    pub async fn status(&self) -> Value {
        self.guest.get(&format!("/v1/documents/batch/{}/status", self.content_hash)).await
    }

    /// Waits for the end of the job, and checks its reservation and charges.
    pub async fn end(&self) -> End {
        let ended = self.guest.batch_end(&self.content_hash).await;
        let usage = self.guest.get("/v1/users/me/usage").await;
        assert_eq!(usage["reserved_tokens"], 0, "{ended}");
        let used = usage["used_tokens"].as_u64().unwrap();
        match ended["status"].as_str().unwrap() {
            "SUCCEEDED" => {
                let document =
                    self.guest.get(&format!("/v1/documents/{}", ended["document_id"].as_str().unwrap())).await;
                assert_eq!(document["charged_tokens"], used, "{ended}");
                self.check_pages(document["content"].as_array().unwrap());
                End::Document { failed_pages: document["failed_pages"].as_u64().unwrap() }
            }
            other => {
                assert_eq!(used, 0, "{ended}");
                let code = ended["error"]["code"].as_str().unwrap().to_owned();
                assert_eq!(other, "FAILED");
                End::Failed(code.leak())
            }
        }
    }

    /// Checks that each page with a text has its own text.
    fn check_pages(&self, pages: &[Value]) {
        assert_eq!(pages.len() as u64, PAGES);
        for (index, page) in pages.iter().enumerate() {
            let markdown = page["markdown"].as_str().unwrap_or_default();
            let text = format!("{}, page {}", self.word, index + 1);
            let is_blank_or_failed = markdown.is_empty();
            assert!(
                is_blank_or_failed || text.starts_with(markdown) || markdown.contains(&text),
                "{index}: {markdown}"
            );
        }
    }
}

/// A fault that happens this number of times.
pub fn times(fault: &str, times: u32) -> Value {
    json!({"fault": fault, "times": times})
}

/// A fault that happens at every opportunity.
pub fn always(fault: &str) -> Value {
    json!({"fault": fault})
}

/// A fault that refuses the second page, in whatever way it is asked for.
pub fn second_page_refused() -> Value {
    json!({"fault": "row_safety", "only": "page 2 of"})
}
