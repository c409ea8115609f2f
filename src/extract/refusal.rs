//! The errors that callers see when a file cannot be opened.

use super::no_worker;
use crate::error::Error;
use crate::model::ErrorCode;
use coldbrew_pdf::{DocumentFault, PdfError};

/// The error for the caller when the page engine fails on a file.
pub fn refusal(error: PdfError) -> Error {
    no_worker(&error).unwrap_or_else(|| document_refusal(error))
}

fn document_refusal(error: PdfError) -> Error {
    let (code, message) = match error {
        PdfError::Document(DocumentFault::Encrypted) => (
            ErrorCode::EncryptedDocument,
            "This PDF needs a password. Save a copy without one and try again.".to_owned(),
        ),
        PdfError::Document(DocumentFault::Unreadable) | PdfError::WorkerCrashed | PdfError::Page { .. } => {
            (ErrorCode::UnreadableDocument, "This PDF is damaged and could not be opened. Try another copy.".to_owned())
        }
        PdfError::Timeout(_) => {
            (ErrorCode::UnreadableDocument, "This PDF takes too long to open. Split it and try again.".to_owned())
        }
        PdfError::Document(DocumentFault::Empty) => {
            (ErrorCode::UnreadableDocument, "This PDF has no pages. Choose another file.".to_owned())
        }
        PdfError::Document(DocumentFault::TooManyPages { pages, pages_max }) => {
            let words = format!("This PDF has {pages} pages; the limit is {pages_max}. Split it and try again.");
            (ErrorCode::TooManyPages, words)
        }
        other => return Error::unavailable(other),
    };
    Error::refused(code, message)
}
