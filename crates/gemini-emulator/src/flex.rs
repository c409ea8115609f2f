//! The tier of service of a single call, with the faults of flex.

use std::time::Duration;

use axum::response::Response;
use http::HeaderValue;
use serde_json::{Value, json};

use super::emulator::Emulator;
use super::faults::Fault;
use super::reply::{ApiError, RpcCode};
use coldbrew_gemini::{ServiceTier, lenient};

/// The tier that serves the call.
pub(crate) async fn serve(emulator: &Emulator, request: &Value, subject: &str) -> Result<ServiceTier, ApiError> {
    let name = lenient::string(request, "serviceTier").unwrap_or_else(|| "unspecified".to_owned());
    let tier = match ServiceTier::named(&name) {
        Some(tier) => tier,
        None if name == "unspecified" => ServiceTier::Standard,
        None => return Err(ApiError::invalid(format!("Invalid value at 'service_tier': \"{name}\""))),
    };
    if tier != ServiceTier::Flex {
        return Ok(tier);
    }
    emulator.count("generate_content_flex");
    let draw = |fault| emulator.faults.draw(fault, subject);
    if let Some(millis) = draw(Fault::FlexDelayed) {
        tokio::time::sleep(Duration::from_millis(millis.into())).await;
    }
    if draw(Fault::FlexUnavailable).is_some() {
        return Err(ApiError::new(RpcCode::Unavailable, "The model is overloaded. Please try again later."));
    }
    if draw(Fault::FlexExhausted).is_some() {
        return Err(ApiError::new(RpcCode::ResourceExhausted, "Resource has been exhausted (e.g. check quota)."));
    }
    Ok(if draw(Fault::FlexServedAsStandard).is_some() { ServiceTier::Standard } else { tier })
}

/// Names the tier in the usage of an answer.
pub(crate) fn name_in_usage(response: &mut Value, tier: ServiceTier) {
    if response["usageMetadata"].is_object() {
        response["usageMetadata"]["serviceTier"] = json!(tier.name());
    }
}

/// Names the tier in a header of the reply.
pub(crate) fn name_in_header(response: &mut Response, tier: ServiceTier) {
    response.headers_mut().insert("x-gemini-service-tier", HeaderValue::from_static(tier.name()));
}
