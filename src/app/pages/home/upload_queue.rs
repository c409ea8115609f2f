//! What is on the desk and what waits for it: files come one after another, and none is lost on the way.

use std::collections::VecDeque;

use leptos::prelude::*;
use send_wrapper::SendWrapper;
use web_sys::{File, XmlHttpRequest};

use super::upload::{Progress, is_readable, upload};
use crate::app::browser::{Tone, look, toast};
use crate::app::server::{import, start_session};
use crate::model::wire::Prepared;
use crate::model::{ApiError, ErrorCode, size_words};

const SIGNED_OUT: &str = "You are no longer signed in here. Reload the page, and go on.";

/// What lies on the desk.
#[derive(Clone)]
pub enum PendingUpload {
    Nothing,
    /// On its way here: from this browser, or fetched by the server from an address.
    Arriving {
        name: String,
        fetched: bool,
    },
    Ready(Box<Prepared>),
}

/// What did not get onto the desk, and why.
#[derive(Clone)]
pub struct Failed {
    pub name: String,
    pub problem: ApiError,
    /// A file that did not get through need not be chosen again.
    pub file: Option<SendWrapper<File>>,
}

/// The desk and the files that wait for their turn. Cheap to copy.
#[derive(Clone, Copy)]
pub struct UploadQueue {
    pub pending: RwSignal<PendingUpload>,
    pub progress: RwSignal<Progress>,
    pub failed: RwSignal<Vec<Failed>>,
    pub waiting: RwSignal<VecDeque<SendWrapper<File>>>,
    /// The address that was asked for last, until there is something at it.
    pub address: StoredValue<String>,
    /// The upload under way.
    request: StoredValue<Option<SendWrapper<XmlHttpRequest>>>,
    /// Counts what was begun: what was given up answers too late.
    turn: StoredValue<u32>,
    /// Several files came together: this page is stayed on until all are sent off.
    several: StoredValue<bool>,
    known: bool,
    bytes_max: u64,
}

impl UploadQueue {
    /// An empty desk. `known`: this browser has an account already. `bytes_max`: of a file that the server accepts.
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

    /// Puts files in line. One that cannot be sent is refused at once.
    pub fn take(self, files: impl Iterator<Item = File>) {
        let files: Vec<File> = files.collect();
        self.forget_trouble(&files);
        let joins_others = !matches!(self.pending.get_untracked(), PendingUpload::Nothing);
        self.several.update_value(|several| *several |= files.len() > 1 || joins_others);
        for file in files {
            match refusal_of(&file, self.bytes_max) {
                Some(problem) => self.refuse(&file.name(), problem, None),
                None => self.waiting.update(|waiting| waiting.push_back(SendWrapper::new(file))),
            }
        }
        if matches!(self.pending.get_untracked(), PendingUpload::Nothing) {
            self.go_on();
        }
    }

    /// Uploads the next file, if one waits.
    pub fn go_on(self) {
        let turn = self.next_turn();
        let Some(file) = self.waiting.try_update(VecDeque::pop_front).flatten() else {
            self.several.set_value(false);
            return self.pending.set(PendingUpload::Nothing);
        };
        self.progress.set(Progress::default());
        self.pending.set(PendingUpload::Arriving { name: file.name(), fetched: false });
        leptos::task::spawn_local(async move {
            let uploaded = match self.see_that_it_can_be_sent(&file).await {
                Ok(()) if self.is_at(turn) => self.upload(&file).await,
                Ok(()) => return,
                Err(problem) => Err(problem),
            };
            self.arrive(turn, &file.name(), Some(file.clone()), uploaded);
        });
    }

    /// Has the server fetch what is at an address.
    pub fn fetch(self, address: String) {
        self.forget_trouble(&[]);
        self.address.set_value(address.clone());
        let turn = self.next_turn();
        self.progress.set(Progress::default());
        self.pending.set(PendingUpload::Arriving { name: address.clone(), fetched: true });
        leptos::task::spawn_local(async move {
            let prepared = match self.begin_session().await {
                Ok(()) => import(address.clone()).await,
                Err(problem) => Err(problem),
            };
            self.arrive(turn, &address, None, prepared);
        });
    }

    /// What came of a turn, unless it was given up. `file`: what was sent.
    fn arrive(self, turn: u32, name: &str, file: Option<SendWrapper<File>>, prepared: Result<Prepared, ApiError>) {
        if !self.is_at(turn) {
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
                self.go_on();
            }
        }
    }

    fn next_turn(self) -> u32 {
        self.turn.update_value(|turn| *turn += 1);
        self.turn.get_value()
    }

    fn is_at(self, turn: u32) -> bool {
        self.turn.get_value() == turn
    }

    /// Says what is wrong with a file; which one, where several are under way.
    fn refuse(self, name: &str, mut problem: ApiError, file: Option<SendWrapper<File>>) {
        if problem.code == ErrorCode::Unauthenticated {
            problem.message = SIGNED_OUT.to_owned();
        }
        if self.several.get_value() {
            problem.message = format!("{name}: {}", problem.message);
        }
        self.failed.update(|failed| failed.push(Failed { name: name.to_owned(), problem, file }));
    }

    /// What was only said need not be said any longer. Files that can be sent again stay, until they are on their way.
    fn forget_trouble(self, on_their_way: &[File]) {
        let goes = |failed: &Failed| on_their_way.iter().any(|file| file.name() == failed.name);
        self.failed.update(|failed| failed.retain(|failed| failed.file.is_some() && !goes(failed)));
    }

    async fn see_that_it_can_be_sent(self, file: &File) -> Result<(), ApiError> {
        if !is_readable(file).await {
            let words = "This is a folder, or a file that is no longer as it was. Choose the document itself.";
            return Err(ApiError::new(ErrorCode::UnsupportedFormat, words));
        }
        self.begin_session().await
    }

    async fn begin_session(self) -> Result<(), ApiError> {
        if self.known { Ok(()) } else { start_session().await }
    }

    async fn upload(self, file: &File) -> Result<Prepared, ApiError> {
        let started = move |xhr| self.request.set_value(Some(SendWrapper::new(xhr)));
        upload(file, started, move |progress| self.progress.set(progress)).await
    }

    /// Gives up what is on its way, and goes on with the next file.
    pub fn cancel(self) {
        if let Some(request) = self.request.try_update_value(Option::take).flatten() {
            let _ = request.abort();
        }
        self.go_on();
    }

    /// Whether leaving the page would lose a file.
    pub fn is_busy(self) -> bool {
        matches!(self.pending.get_untracked(), PendingUpload::Arriving { fetched: false, .. })
            || self.waiting.with_untracked(|waiting| !waiting.is_empty())
    }

    /// A document was sent off: on to where it can be followed, or to the next file.
    pub fn sent(self, title: &str, address: &str) {
        let something_is_left = self.failed.with_untracked(|failed| failed.iter().any(|failed| failed.file.is_some()));
        if !self.several.get_value() && !something_is_left {
            // Fails only while the page is being left already.
            let _ = window().location().set_href(address);
            return;
        }
        toast(Tone::Good, &format!("“{title}” is on its way."));
        look();
        self.forget_trouble(&[]);
        self.go_on();
    }
}

/// What can be refused without sending a byte. The server checks again.
fn refusal_of(file: &web_sys::File, bytes_max: u64) -> Option<ApiError> {
    // A double counts bytes exactly up to 9 petabytes.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let size = file.size() as u64;
    if size > bytes_max {
        let words = format!("This file has {}; at most {} are accepted.", size_words(size), size_words(bytes_max));
        return Some(ApiError::new(ErrorCode::FileTooLarge, words));
    }
    (size == 0).then(|| ApiError::new(ErrorCode::UnsupportedFormat, "This file is empty."))
}
