//! The calls for models: generate content, count tokens, get and list.

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::{Client, SERVER_TIMEOUT, Timeouts};
use super::error::Error;
use super::files::list_path;
use super::lenient;
use super::models;
use super::request::{Request, ServiceTier, Store};
use super::response::Answer;

/// The number of tokens in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCount {
    pub total_tokens: u64,
    /// Tokens of cached content, part of the total.
    pub cached_tokens: u64,
}

/// A model as Google describes it. [`models`] has prices and thinking levels, which this lacks.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// `models/…`.
    pub name: String,
    pub display_name: String,
    pub input_token_limit: u64,
    pub output_token_limit: u64,
    /// The supported methods, such as `generateContent` and `batchGenerateContent`.
    pub methods: Vec<String>,
    /// The JSON as it was received.
    pub raw: Value,
}

/// The body of a single call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    #[serde(flatten)]
    request: &'a Request,
    /// Left out for the standard tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

impl ModelInfo {
    fn from_json(raw: Value) -> Self {
        let methods = lenient::member(&raw, "supportedGenerationMethods").and_then(Value::as_array);
        let methods = methods.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Self {
            name: lenient::string(&raw, "name").unwrap_or_default(),
            display_name: lenient::string(&raw, "displayName").unwrap_or_default(),
            input_token_limit: lenient::count(&raw, "inputTokenLimit"),
            output_token_limit: lenient::count(&raw, "outputTokenLimit"),
            methods,
            raw,
        }
    }
}

impl Client {
    /// Sends one request to a model and returns its answer. A repeated call costs again and has no other effect.
    ///
    /// If Google refuses the field `store` by its name, this call and all later ones leave it out.
    ///
    /// # Errors
    /// - [`crate::ErrorKind::Rejected`]: the model does not exist or refuses the request.
    /// - [`crate::ErrorKind::Shed`]: there is no capacity for flex.
    ///
    /// [`Error::may_be_billed`] says whether a failed call costs.
    pub async fn generate_content(&self, model: &str, request: &Request, tier: ServiceTier) -> Result<Answer, Error> {
        let url = self.url(&format!("models/{}:generateContent", models::checked_id(model)?));
        let unprotected = || Request { store: Store::AsProject, ..request.clone() };
        if self.refusals().by_calls() {
            return self.generate(&url, &unprotected(), tier).await;
        }
        match self.generate(&url, request, tier).await {
            Err(error) if error.refuses_store() => {
                self.refusals().remember_for_calls();
                self.generate(&url, &unprotected(), tier).await
            }
            answered => answered,
        }
    }

    async fn generate(&self, url: &str, request: &Request, tier: ServiceTier) -> Result<Answer, Error> {
        let named = (tier != ServiceTier::Standard).then_some(tier.name());
        let sent = self.request(Method::POST, url).json(&Call { request, service_tier: named });
        let Timeouts { generate, flex, .. } = *self.timeouts();
        let sent = match tier {
            ServiceTier::Flex => sent.timeout(flex).header(SERVER_TIMEOUT, flex.as_secs()),
            ServiceTier::Standard | ServiceTier::Priority => sent.timeout(generate),
        };
        let response = self.send(sent).await.map_err(|error| error.for_tier(tier))?;
        let served = response.headers().get("x-gemini-service-tier").and_then(|name| name.to_str().ok());
        let served = served.and_then(ServiceTier::named);
        let answer = Answer::from_json(self.json(response).await?);
        Ok(Answer { service_tier: answer.service_tier.or(served), ..answer })
    }

    /// Counts the tokens of a request. The call is free (<https://ai.google.dev/gemini-api/docs/billing>, read 2026-11-30).
    ///
    /// # Errors
    /// [`crate::ErrorKind::Rejected`] if the model does not exist or refuses the request.
    pub async fn count_tokens(&self, model: &str, request: &Request) -> Result<TokenCount, Error> {
        let id = models::checked_id(model)?;
        let mut inner = serde_json::to_value(request).map_err(|error| Error::rejected(error.to_string()))?;
        inner["model"] = json!(format!("models/{id}"));
        // A count is not stored, and an endpoint could refuse the field.
        inner.as_object_mut().and_then(|members| members.remove("store"));
        let body = json!({"generateContentRequest": inner});
        let answer = self.call(Method::POST, &format!("models/{id}:countTokens"), Some(&body)).await?;
        Ok(TokenCount {
            total_tokens: lenient::count(&answer, "totalTokens"),
            cached_tokens: lenient::count(&answer, "cachedContentTokenCount"),
        })
    }

    /// Returns the description of a model.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Rejected`] if the model does not exist or the key may not use it.
    pub async fn get_model(&self, model: &str) -> Result<ModelInfo, Error> {
        let path = format!("models/{}", models::checked_id(model)?);
        self.call(Method::GET, &path, None).await.map(ModelInfo::from_json)
    }

    /// Lists all models that the key may use.
    ///
    /// # Errors
    /// Any [`crate::ErrorKind`].
    pub async fn list_models(&self) -> Result<Vec<ModelInfo>, Error> {
        let mut models = Vec::new();
        let mut page_token: Option<String> = None;
        loop {
            let answer = self.call(Method::GET, &list_path("models", 1_000, page_token.as_deref()), None).await?;
            let page = lenient::member(&answer, "models").and_then(Value::as_array).cloned().unwrap_or_default();
            models.extend(page.into_iter().map(ModelInfo::from_json));
            match lenient::string(&answer, "nextPageToken") {
                Some(next) if Some(&next) != page_token.as_ref() && models.len() < 10_000 => page_token = Some(next),
                _ => return Ok(models),
            }
        }
    }
}
