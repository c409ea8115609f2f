//! Starts the browser library. Replaces Leptos' component of the same name (leptos 0.8.23, `src/hydration/mod.rs`), for two reasons:
//!
//! - Leptos always writes `modulepreload` and `preload` links, so the library competes with the page for a slow network. Its `defer` has no
//!   effect with islands. This component requests the library after the first paint.
//! - If the library does not load, Leptos leaves a page that silently does not react. This component says so.

use leptos::nonce::use_nonce;
use leptos::prelude::*;

use crate::app::PageContext;

/// The script that loads the library. It starts at once in a background tab, which never paints but needs a current title.
const SCRIPT: &str = r#"((script, library) => {
  const start = async () => {
    const bytes = fetch(library);
    const app = await import(script);
    await app.default({ module_or_path: bytes });
    app.hydrate();
    for (const island of document.querySelectorAll("leptos-island")) app[island.dataset.component](island);
  };
  const hydrate = () => start().catch((error) => {
    const words = "Part of this page failed to load, so it is read-only. Reload to try again.";
    document.querySelector(".toasts").append(Object.assign(document.createElement("p"), { className: "notice bad", textContent: words }));
    throw error;
  });
  document.hidden ? hydrate() : requestAnimationFrame(() => setTimeout(hydrate));
})"#;

/// The script element; none if the site was not built.
#[component]
pub fn HydrationScripts() -> impl IntoView {
    // Only islands are hydrated, so nothing else needs hydration marks.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    let nonce = use_nonce();
    use_context::<PageContext>().and_then(|page| page.library).map(|(script, library)| {
        view! {
            <script type="module" nonce=nonce>
                {format!("{SCRIPT}({script:?}, {library:?})")}
            </script>
        }
    })
}
