//! The queue of uploads: files are uploaded one after the other, and a failed one can be tried again.

use std::collections::VecDeque;

use leptos::prelude::*;
use send_wrapper::SendWrapper;
use web_sys::{File, XmlHttpRequest};

use super::upload::{Progress, is_readable, upload};
use crate::app::browser::{Tone, poll, toast};
use crate::app::server::{import, start_session};
use crate::model::wire::Prepared;
use crate::model::{ApiError, ErrorCode, limit_words, size_words};

const SIGNED_OUT: &str = "You are no longer signed in. Reload the page to continue.";

/// The current file of the panel.
#[derive(Clone)]
pub enum PendingUpload {
    Nothing,
    /// Uploaded by this browser or, if `fetched`, downloaded by the server.
    Arriving {
        name: String,
        fetched: bool,
    },
    Ready(Box<Prepared>),
}

/// A file or link that failed, and why.
#[derive(Clone)]
pub struct Failed {
    pub name: String,
    pub problem: ApiError,
    /// The file, if it can be uploaded again.
    pub file: Option<SendWrapper<File>>,
}

/// The current file and the waiting ones. Cheap to copy.
#[derive(Clone, Copy)]
pub struct UploadQueue {
    pub pending: RwSignal<PendingUpload>,
    pub progress: RwSignal<Progress>,
    pub failed: RwSignal<Vec<Failed>>,
    pub waiting: RwSignal<VecDeque<SendWrapper<File>>>,
    /// The last link, until its import succeeds.
    pub address: StoredValue<String>,
    /// The running upload.
    request: StoredValue<Option<SendWrapper<XmlHttpRequest>>>,
    /// Counts uploads and imports, so that a late answer of a cancelled one is ignored.
    turn: StoredValue<u32>,
    /// Several files were added together: the page stays open until all are submitted.
    several: StoredValue<bool>,
    known: bool,
    bytes_max: u64,
}

impl UploadQueue {
    /// An empty queue. `known`: this browser has an account already. `bytes_max`: the largest accepted file, in bytes.
    pub fn new(known: bool, bytes_max: u64) -> Self {
        Self {
            pending: RwSignal::new(PendingUpload::Nothing),
            progress: RwSignal::new(Progress::default()),
            failed: RwSignal::new(Vec::new()),
            waiting: RwSignal::new(VecDeque::new()),
            address: StoredValue::new(String::new()),
            request: StoredValue::new(None),
            turn: StoredValue::new(0),
            several: StoredValue::new(false),
            known,
            bytes_max,
        }
    }

    /// Adds files to the queue. A file that cannot be uploaded is refused at once.
    pub fn add(self, files: impl Iterator<Item = File>) {
        let files: Vec<File> = files.collect();
        self.clear_errors(&files);
        let joins_others = !matches!(self.pending.get_untracked(), PendingUpload::Nothing);
        self.several.update_value(|several| *several |= files.len() > 1 || joins_others);
        for file in files {
            match refusal_of(&file, self.bytes_max) {
                Some(problem) => self.refuse(&file.name(), problem, None),
                None => self.waiting.update(|waiting| waiting.push_back(SendWrapper::new(file))),
            }
        }
        if matches!(self.pending.get_untracked(), PendingUpload::Nothing) {
            self.start_next();
        }
    }

    /// Uploads the next file, if one waits.
    pub fn start_next(self) {
        let turn = self.next_turn();
        let Some(file) = self.waiting.try_update(VecDeque::pop_front).flatten() else {
            self.several.set_value(false);
            return self.pending.set(PendingUpload::Nothing);
        };
        self.progress.set(Progress::default());
        self.pending.set(PendingUpload::Arriving { name: file.name(), fetched: false });
        leptos::task::spawn_local(async move {
            let uploaded = match self.check_readable(&file).await {
                Ok(()) if self.is_current(turn) => self.upload(&file).await,
                Ok(()) => return,
                Err(problem) => Err(problem),
            };
            self.finish(turn, &file.name(), Some(file.clone()), uploaded);
        });
    }

    /// Has the server download the file at a link.
    pub fn import(self, address: String) {
        self.clear_errors(&[]);
        self.address.set_value(address.clone());
        let turn = self.next_turn();
        self.progress.set(Progress::default());
        self.pending.set(PendingUpload::Arriving { name: address.clone(), fetched: true });
        leptos::task::spawn_local(async move {
            let prepared = match self.start_session().await {
                Ok(()) => import(address.clone()).await,
                Err(problem) => Err(problem),
            };
            self.finish(turn, &address, None, prepared);
        });
    }

    /// Shows the result of a turn, unless it was cancelled. `file`: the uploaded file.
    fn finish(self, turn: u32, name: &str, file: Option<SendWrapper<File>>, prepared: Result<Prepared, ApiError>) {
        if !self.is_current(turn) {
            return;
        }
        match prepared {
            Ok(prepared) => {
                self.address.set_value(String::new());
                self.pending.set(PendingUpload::Ready(Box::new(prepared)));
            }
            Err(problem) => {
                let file = file.filter(|_| problem.code == ErrorCode::Unavailable);
                self.refuse(name, problem, file);
                self.start_next();
            }
        }
    }

    fn next_turn(self) -> u32 {
        self.turn.update_value(|turn| *turn += 1);
        self.turn.get_value()
    }

    fn is_current(self, turn: u32) -> bool {
        self.turn.get_value() == turn
    }

    /// Shows an error of a file, with its name if there are several.
    fn refuse(self, name: &str, mut problem: ApiError, file: Option<SendWrapper<File>>) {
        if problem.code == ErrorCode::Unauthenticated {
            problem.message = SIGNED_OUT.to_owned();
        }
        if self.several.get_value() {
            problem.message = format!("{name}: {}", problem.message);
        }
        self.failed.update(|failed| failed.push(Failed { name: name.to_owned(), problem, file }));
    }

    /// Removes errors, except those of files that can be uploaded again and are not among `added`.
    fn clear_errors(self, added: &[File]) {
        let is_added = |failed: &Failed| added.iter().any(|file| file.name() == failed.name);
        self.failed.update(|failed| failed.retain(|failed| failed.file.is_some() && !is_added(failed)));
    }

    async fn check_readable(self, file: &File) -> Result<(), ApiError> {
        if !is_readable(file).await {
            let words = "This is a folder, or the file has changed. Choose the file again.";
            return Err(ApiError::new(ErrorCode::UnsupportedFormat, words));
        }
        self.start_session().await
    }

    async fn start_session(self) -> Result<(), ApiError> {
        if self.known { Ok(()) } else { start_session().await }
    }

    async fn upload(self, file: &File) -> Result<Prepared, ApiError> {
        let started = move |xhr| self.request.set_value(Some(SendWrapper::new(xhr)));
        upload(file, started, move |progress| self.progress.set(progress)).await
    }

    /// Cancels the current upload or import, and starts the next file.
    pub fn cancel(self) {
        if let Some(request) = self.request.try_update_value(Option::take).flatten() {
            let _ = request.abort();
        }
        self.start_next();
    }

    /// Whether leaving the page would lose a file.
    pub fn is_busy(self) -> bool {
        matches!(self.pending.get_untracked(), PendingUpload::Arriving { fetched: false, .. })
            || self.waiting.with_untracked(|waiting| !waiting.is_empty())
    }

    /// After a document was submitted: opens its page or, if files are left, starts the next one.
    pub fn submitted(self, title: &str, address: &str) {
        let has_failed = self.failed.with_untracked(|failed| failed.iter().any(|failed| failed.file.is_some()));
        if !self.several.get_value() && !has_failed {
            // Fails only if the page is being left already.
            let _ = window().location().set_href(address);
            return;
        }
        let state = if address.starts_with("/documents/") { "is ready" } else { "was sent" };
        toast(Tone::Good, &format!("“{title}” {state}."));
        poll();
        self.clear_errors(&[]);
        self.start_next();
    }
}

/// The error of a file that can be refused before the upload. The server checks again.
fn refusal_of(file: &web_sys::File, bytes_max: u64) -> Option<ApiError> {
    // A double counts bytes exactly up to 9 petabytes.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let size = file.size() as u64;
    if size > bytes_max {
        let words = format!("This file is {}; the limit is {}.", size_words(size), limit_words(bytes_max));
        return Some(ApiError::new(ErrorCode::FileTooLarge, words));
    }
    (size == 0).then(|| ApiError::new(ErrorCode::UnsupportedFormat, "This file is empty. Choose another one."))
}
