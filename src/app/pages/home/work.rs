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
pub enum Lying {
    Nothing,
    /// On its way here: from this browser, or fetched by the server from an address.
    Arriving {
        name: String,
        fetched: bool,
    },
    Ready(Box<Prepared>),
}

/// The desk and the files that wait for their turn. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Work {
    pub lying: RwSignal<Lying>,
    pub progress: RwSignal<Progress>,
    pub error: RwSignal<Option<ApiError>>,
    pub waiting: RwSignal<VecDeque<SendWrapper<File>>>,
    /// A file that did not get through: it need not be chosen again.
    pub lost: RwSignal<Option<SendWrapper<File>>>,
    /// The upload under way.
    request: StoredValue<Option<SendWrapper<XmlHttpRequest>>>,
    /// Counts what was begun: an address that was given up answers too late.
    turn: StoredValue<u32>,
    /// Several files came together: this page is stayed on until all are sent off.
    several: StoredValue<bool>,
    known: bool,
    bytes_max: u64,
}

impl Work {
    /// An empty desk. `known`: this browser has an account already. `bytes_max`: of a file that the server accepts.
    pub fn new(known: bool, bytes_max: u64) -> Self {
        Self {
            lying: RwSignal::new(Lying::Nothing),
            progress: RwSignal::new(Progress::default()),
            error: RwSignal::new(None),
            waiting: RwSignal::new(VecDeque::new()),
            lost: RwSignal::new(None),
            request: StoredValue::new(None),
            turn: StoredValue::new(0),
            several: StoredValue::new(false),
            known,
            bytes_max,
        }
    }

    /// Puts files in line. One that cannot be sent is refused at once.
    pub fn take(self, files: impl Iterator<Item = File>) {
        self.forget_trouble();
        let files: Vec<File> = files.collect();
        self.several.update_value(|several| *several |= files.len() > 1);
        for file in files {
            match refusal_of(&file, self.bytes_max) {
                Some(problem) => self.refuse(&file.name(), problem),
                None => self.waiting.update(|waiting| waiting.push_back(SendWrapper::new(file))),
            }
        }
        if matches!(self.lying.get_untracked(), Lying::Nothing) {
            self.go_on();
        }
    }

    /// Uploads the next file, if one waits.
    pub fn go_on(self) {
        self.turn.update_value(|turn| *turn += 1);
        let Some(file) = self.waiting.try_update(VecDeque::pop_front).flatten() else {
            self.several.set_value(false);
            return self.lying.set(Lying::Nothing);
        };
        self.progress.set(Progress::default());
        self.lying.set(Lying::Arriving { name: file.name(), fetched: false });
        leptos::task::spawn_local(async move {
            match self.upload(&file).await {
                Ok(Some(prepared)) => self.lying.set(Lying::Ready(Box::new(prepared))),
                Ok(None) => self.go_on(),
                Err(problem) => {
                    if problem.code == ErrorCode::Unavailable {
                        self.lost.set(Some(file.clone()));
                    }
                    self.refuse(&file.name(), problem);
                    self.go_on();
                }
            }
        });
    }

    /// Sends a file once more that did not get through.
    pub fn send_again(self) {
        if let Some(file) = self.lost.get_untracked() {
            self.take(std::iter::once(file.take()));
        }
    }

    /// Has the server fetch what is at an address.
    pub fn fetch(self, address: String) {
        self.forget_trouble();
        self.turn.update_value(|turn| *turn += 1);
        let turn = self.turn.get_value();
        self.progress.set(Progress::default());
        self.lying.set(Lying::Arriving { name: address.clone(), fetched: true });
        leptos::task::spawn_local(async move {
            let prepared = async {
                if !self.known {
                    start_session().await?;
                }
                import(address.clone()).await
            };
            let prepared = prepared.await;
            if self.turn.get_value() != turn {
                return;
            }
            match prepared {
                Ok(prepared) => self.lying.set(Lying::Ready(Box::new(prepared))),
                Err(problem) => {
                    self.refuse(&address, problem);
                    self.go_on();
                }
            }
        });
    }

    /// Says what is wrong with a file; which one, where several are under way.
    fn refuse(self, name: &str, mut problem: ApiError) {
        if problem.code == ErrorCode::Unauthenticated {
            problem.message = SIGNED_OUT.to_owned();
        }
        if self.several.get_value() {
            problem.message = format!("{name}: {}", problem.message);
        }
        self.error.set(Some(problem));
    }

    fn forget_trouble(self) {
        self.error.set(None);
        self.lost.set(None);
    }

    async fn upload(self, file: &File) -> Result<Option<Prepared>, ApiError> {
        if !is_readable(file).await {
            let words = "This is a folder, or a file that is no longer as it was. Choose the document itself.";
            return Err(ApiError::new(ErrorCode::UnsupportedFormat, words));
        }
        if !self.known {
            start_session().await?;
        }
        let started = move |xhr| self.request.set_value(Some(SendWrapper::new(xhr)));
        upload(file, started, move |progress| self.progress.set(progress)).await
    }

    /// Gives up what is on its way. An upload that is aborted goes on with the next file by itself.
    pub fn cancel(self) {
        match self.lying.get_untracked() {
            Lying::Arriving { fetched: false, .. } => self.request.with_value(|xhr| {
                let _ = xhr.as_ref().map(|xhr| xhr.abort());
            }),
            _ => self.go_on(),
        }
    }

    /// A document was sent off: on to where it can be followed, or to the next file.
    pub fn sent(self, title: &str, address: &str) {
        if !self.several.get_value() {
            // Fails only while the page is being left already.
            let _ = window().location().set_href(address);
            return;
        }
        toast(Tone::Good, &format!("“{title}” is on its way."));
        look();
        self.forget_trouble();
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
