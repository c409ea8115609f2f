//! `data-sign-out` on a button: signs this browser out, or with `everywhere` every browser of the account.

use leptos::prelude::window;
use web_sys::Element;

use super::jobs::once;
use crate::app::server::sign_out as end_session;

/// Signs out. The page is loaded anew, since everything on it belonged to somebody.
pub fn sign_out(button: &Element) {
    let everywhere = button.get_attribute("data-sign-out").as_deref() == Some("everywhere");
    once(button, async move {
        end_session(everywhere).await?;
        let _ = window().location().reload();
        Ok(())
    });
}
