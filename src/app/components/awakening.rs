//! Starts the browser library. The page comes first: nothing of the library is asked for before the page has been painted once, so that on a
//! slow network the two do not compete. (Leptos's own script asks for it at once.)

use leptos::nonce::use_nonce;
use leptos::prelude::*;

use crate::app::PageContext;

/// A page that stays asleep says so: what is there can be read all the same.
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
  const wake = () => start().catch((error) => {
    const words = "A part of this page did not arrive, so it can only be read. Reload it to try again.";
    document.querySelector(".toasts").append(Object.assign(document.createElement("p"), { className: "notice bad", textContent: words }));
    throw error;
  });
  document.hidden ? wake() : requestAnimationFrame(() => setTimeout(wake));
})"#;

/// The script, if the site was built.
#[component]
pub fn Awakening() -> impl IntoView {
    // Only islands are woken: nothing else is to be marked for that.
    if let Some(context) = Owner::current_shared_context() {
        context.set_is_hydrating(false);
    }
    let nonce = use_nonce();
    use_context::<PageContext>().and_then(|page| page.library).map(|(script, library)| {
        view! { <script type="module" nonce=nonce>{format!("{SCRIPT}({script:?}, {library:?})")}</script> }
    })
}
