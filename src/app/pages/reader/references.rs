//! The script of references in the text: their cards, and the way back.

use leptos::nonce::use_nonce;
use leptos::prelude::*;

const SCRIPT: &str = include_str!("references.js");

/// The script. References themselves are links of the text (`crate::markdown::references`).
#[component]
pub fn References() -> impl IntoView {
    view! {
        <script type="module" nonce=use_nonce()>
            {SCRIPT}
        </script>
    }
}
