//! Calls of the pages that let people in: what the server allows, and links.

use leptos::prelude::*;

use crate::model::{AccessView, ApiError};

/// How this browser and this server stand to each other.
#[server(prefix = "/api", endpoint = "fetch_access")]
pub async fn fetch_access() -> Result<AccessView, ApiError> {
    crate::web::access_view().await
}

/// The e-mail address of the account whose password a link sets.
#[server(prefix = "/api", endpoint = "address_of_link")]
pub async fn address_of_link(code: String) -> Result<String, ApiError> {
    crate::web::address_of_link(&code).await
}

/// Whether an invitation can be used.
#[server(prefix = "/api", endpoint = "is_invitation")]
pub async fn is_invitation(code: String) -> Result<bool, ApiError> {
    crate::web::is_invitation(&code).await
}

/// Sets the password of the account of a link, and signs this browser in to it.
#[server(prefix = "/api", endpoint = "set_password")]
pub async fn set_password(code: String, password: String) -> Result<(), ApiError> {
    crate::web::set_password(&code, password).await
}
