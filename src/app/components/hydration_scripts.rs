//! Starts the browser library, in the place of Leptos' component of the same name (leptos 0.8.23, `src/hydration/mod.rs`), which cannot be used
//! here for two reasons:
//!
//! - It always writes `modulepreload` and `preload` links. So the library, most of a first visit's bytes, competes with the page for a slow
//!   network. Its `defer` has no effect with islands. This one asks for nothing of the library before the page has been painted once.
//! - Where the library does not arrive, it leaves a page that silently does nothing. This one says so.

use leptos::nonce::use_nonce;
use leptos::prelude::*;

use crate::app::PageContext;

/// Without the library a page can be read all the same.
///
/// A tab in the background paints nothing, but its title should tell the state: there it starts at once.
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

/// The script, if the site was built.
#[component]
pub fn HydrationScripts() -> impl IntoView {
    // Only islands are hydrated: nothing else is to be marked for that.
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
