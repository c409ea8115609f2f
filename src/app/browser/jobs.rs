//! What can be done about a job that failed: `data-again` tries it again (`batch` or `realtime`), `data-dismiss` takes it off the
//! lists. Both say whose, as content hash: `data-content`, and the value of `data-dismiss` itself. And about pages that failed: `data-retry`,
//! the document, reads them again in `data-mode`.

use leptos::prelude::window;
use web_sys::Element;

use super::{Tone, look, toast};
use crate::app::server::{dismiss_job, retry, try_again as submit_again};
use crate::model::Mode;

/// Tries again, without uploading again.
pub fn try_again(button: &Element) {
    let content_hash = button.get_attribute("data-content").unwrap_or_default();
    let batch = button.get_attribute("data-again").as_deref() == Some("batch");
    once(button, async move {
        let address = submit_again(content_hash, batch).await?;
        if window().location().pathname().is_ok_and(|here| here == address) {
            look();
        } else {
            // Going back must not lead to the failure.
            let _ = window().location().replace(&address);
        }
        Ok(())
    });
}

/// Reads the failed pages of a document again, for the price of those pages.
pub fn retry_failed_pages(button: &Element) {
    let id = button.get_attribute("data-retry").unwrap_or_default();
    let mode = if button.get_attribute("data-mode").as_deref() == Some("batch") { Mode::Batch } else { Mode::Realtime };
    once(button, async move {
        let address = retry(id, mode).await?;
        let _ = window().location().assign(&address);
        Ok(())
    });
}

/// Takes it off the lists.
pub fn dismiss(button: &Element) {
    let content_hash = button.get_attribute("data-dismiss").unwrap_or_default();
    once(button, async move {
        dismiss_job(content_hash).await?;
        look();
        Ok(())
    });
}

/// Does it once, however often the button is pressed; says so if it fails.
pub fn once(button: &Element, act: impl Future<Output = Result<(), crate::model::ApiError>> + 'static) {
    let button = button.clone();
    let _ = button.set_attribute("disabled", "");
    leptos::task::spawn_local(async move {
        if let Err(error) = act.await {
            toast(Tone::Bad, &error.message);
        }
        let _ = button.remove_attribute("disabled");
    });
}
