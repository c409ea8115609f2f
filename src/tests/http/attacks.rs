//! Tests with one hostile caller against a running server: it is refused or bounded, and other callers are not affected. `docs/THREATS.md`
//! names the test of each limit.

mod bodies;
mod engine;
mod http;
mod limits;
mod passwords;
mod rendering;
mod spending;
mod storage;
