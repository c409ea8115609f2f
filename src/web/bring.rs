//! Bringing a guest's documents along when its browser signs in.

use axum::http::HeaderMap;
use axum_extra::extract::CookieJar;

use crate::accounts::NewSession;
use crate::api::UseCases;
use crate::api::auth::cookie;
use crate::error::Result;

const SECURE_NAME: &str = "__Host-coldbrew-bring";
const PLAIN_NAME: &str = "coldbrew-bring";

/// Moves what the guest of the session `before` has made into the account of the new session. On an error the new session ends and the
/// guest keeps everything, so that the person can try again.
///
/// # Errors
/// The errors of `AccountMerge::merge`.
pub(super) async fn bring_along(services: &UseCases, before: Option<&str>, session: &NewSession) -> Result<()> {
    let Some(before) = before else { return Ok(()) };
    let merged = services.merge.merge(before, &session.secret).await;
    if merged.is_err() {
        services.membership.sign_out(&session.secret).await?;
    }
    merged
}

/// The cookie that keeps the choice while the browser is at the sign-in provider. An empty one ends it.
pub(super) fn choice_cookie(bring: bool, max_age_ms: i64, https: bool) -> String {
    let name = if https { SECURE_NAME } else { PLAIN_NAME };
    if bring { cookie(name, "yes", max_age_ms, https) } else { cookie(name, "", 0, https) }
}

/// Whether the person chose to bring the guest's documents along before the browser went to the provider.
pub(super) fn is_chosen(headers: &HeaderMap, https: bool) -> bool {
    let cookies = CookieJar::from_headers(headers);
    cookies.get(if https { SECURE_NAME } else { PLAIN_NAME }).is_some_and(|cookie| cookie.value() == "yes")
}
