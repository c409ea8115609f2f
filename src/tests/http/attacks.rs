//! What one hostile caller sends, against a running server: it is refused or bounded, and other callers do not notice.
//! `docs/THREATS.md` names the test that holds each limit.

mod bodies;
mod engine;
mod http;
mod limits;
mod passwords;
mod rendering;
mod spending;
mod storage;
