//! The choice to bring a guest's documents along when signing in.

use leptos::prelude::*;

use crate::app::server::fetch_guest;
use crate::model::wire::GuestSummary;

/// The checkbox of the sign-in form. Without script it works as well. It begins unchecked: documents that another person left in this
/// browser move only if they are wanted.
#[component]
pub fn BringChoice() -> impl IntoView {
    let found = Resource::new(|| (), |()| async { fetch_guest().await.ok().flatten() });
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                found
                    .await
                    .map(|guest| {
                        view! {
                            <div class="field">
                                <label class="cluster">
                                    <input
                                        type="checkbox"
                                        name="bring"
                                        value="true"
                                        data-testid="bring"
                                        aria-describedby="bring-titles"
                                    />
                                    {format!("Bring {} along", documents(&guest))}
                                </label>
                                <p class="field-hint" id="bring-titles">
                                    {titles(&guest)}
                                    " Without this they will not be in that account."
                                </p>
                            </div>
                        }
                    })
            })}
        </Suspense>
    }
}

/// The link that signs in with the provider and brings the documents along.
#[component]
pub fn BringLink(name: String) -> impl IntoView {
    let found = Resource::new(|| (), |()| async { fetch_guest().await.ok().flatten() });
    view! {
        <Suspense>
            {move || {
                let name = name.clone();
                Suspend::new(async move {
                    found
                        .await
                        .map(|guest| {
                            view! {
                                <p>
                                    <a
                                        class="button"
                                        href="/sign-in/provider?bring=true"
                                        rel="external"
                                        data-testid="provider-bring"
                                    >
                                        {format!("Sign in with {name} and bring {} along", documents(&guest))}
                                    </a>
                                </p>
                            }
                        })
                })
            }}
        </Suspense>
    }
}

/// For example: the 3 documents in this browser.
fn documents(guest: &GuestSummary) -> String {
    match guest.documents {
        1 => "the document in this browser".to_owned(),
        count => format!("the {count} documents in this browser"),
    }
}

/// For example: “Tea”, “Coffee”, “Water” and 2 more.
fn titles(guest: &GuestSummary) -> String {
    let named: Vec<String> = guest.titles.iter().map(|title| format!("“{title}”")).collect();
    let more = guest.documents.saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}.", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guest_documents_are_named_and_counted() {
        let guest = |documents, titles: &[&str]| GuestSummary {
            documents,
            titles: titles.iter().map(|title| (*title).to_owned()).collect(),
        };
        let (one, many) = (guest(1, &["Tea"]), guest(5, &["Tea", "Coffee", "Water"]));
        assert_eq!((documents(&one).as_str(), titles(&one).as_str()), ("the document in this browser", "“Tea”."));
        assert_eq!(documents(&many), "the 5 documents in this browser");
        assert_eq!(titles(&many), "“Tea”, “Coffee”, “Water” and 2 more.");
    }
}
