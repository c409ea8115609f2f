//! Uploads a file with `XMLHttpRequest`, because `fetch` reports no upload progress.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, FormData, XmlHttpRequest};

use crate::model::wire::{ErrorBody, Prepared};
use crate::model::{ApiError, ErrorCode};

/// The progress of an upload, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub sent: u64,
    pub total: u64,
}

/// Whether the browser can read the file. It cannot read a folder, or a file that was deleted or changed since it was chosen: an upload of
/// one would end with a network error.
pub async fn is_readable(file: &File) -> bool {
    let Ok(beginning) = file.slice_with_i32_and_i32(0, 1) else { return false };
    JsFuture::from(beginning.array_buffer()).await.is_ok()
}

/// Uploads a file. `started` gets the request, so that it can be aborted; `report` gets the progress.
///
/// # Errors
/// The server's error, or `unavailable` if the upload broke off.
pub async fn upload(
    file: &File,
    started: impl FnOnce(XmlHttpRequest),
    report: impl Fn(Progress) + 'static,
) -> Result<Prepared, ApiError> {
    let request = XmlHttpRequest::new().map_err(|_| server_unavailable())?;
    let form = FormData::new().map_err(|_| server_unavailable())?;
    form.append_with_blob_and_filename("file", file, &file.name()).map_err(|_| server_unavailable())?;
    request.open("POST", "/v1/documents/prepare/upload").map_err(|_| server_unavailable())?;

    let on_progress = Closure::<dyn Fn(web_sys::ProgressEvent)>::new(move |event: web_sys::ProgressEvent| {
        // The browser counts bytes in doubles.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        report(Progress { sent: event.loaded() as u64, total: event.total() as u64 });
    });
    if let Ok(upload) = request.upload() {
        upload.set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    }
    let waiting = request.clone();
    let ended = js_sys::Promise::new(&mut |resolve, _| waiting.set_onloadend(Some(&resolve)));
    request.send_with_opt_form_data(Some(&form)).map_err(|_| server_unavailable())?;
    started(request.clone());
    // The promise is never rejected.
    let _ = JsFuture::from(ended).await;
    response_of(&request)
}

fn response_of(request: &XmlHttpRequest) -> Result<Prepared, ApiError> {
    let text = request.response_text().ok().flatten().unwrap_or_default();
    match request.status().unwrap_or(0) {
        200 => serde_json::from_slice(text.as_bytes()).map_err(|_| server_unavailable()),
        _ => Err(serde_json::from_slice::<ErrorBody>(text.as_bytes())
            .map_or_else(|_| server_unavailable(), |body| body.error)),
    }
}

fn server_unavailable() -> ApiError {
    ApiError::new(ErrorCode::Unavailable, "The upload failed. Check your connection and try again.")
}
