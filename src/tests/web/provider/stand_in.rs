//! A stand-in for an OpenID Connect provider, whose answers a test changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::Url;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(super) const SECRET: &str = "s:cret & more";

/// A signing key of the provider.
pub(super) struct Key {
    pub(super) private: EcdsaKeyPair,
    pub(super) public: Value,
}

impl Key {
    pub(super) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let private = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let private = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private.as_ref(), &random).unwrap();
        let coordinate = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = &private.public_key().as_ref()[1..];
        let (x, y) = (coordinate(&point[..32]), coordinate(&point[32..]));
        let public = json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": x, "y": y});
        Self { private, public }
    }
}

/// What the provider does at the next sign-in, and what it has been asked.
pub(super) struct Script {
    pub(super) person: Value,
    /// These replace valid claims.
    pub(super) overrides: Value,
    pub(super) kid: &'static str,
    pub(super) signing_key: Key,
    /// The algorithm of a forged token, and the secret that signs it if the algorithm has one.
    pub(super) forgery: Option<(&'static str, String)>,
    pub(super) key_set: Value,
    /// These replace valid fields of the discovery document.
    pub(super) metadata: Value,
    /// Whether the discovery document is at another address, to which the provider redirects.
    pub(super) moved: bool,
    /// The number of requests for the discovery document, and for the keys.
    pub(super) discovery_requests: usize,
    pub(super) key_requests: usize,
    /// The parameters of `/authorize` by the code that it returned.
    pub(super) codes: HashMap<String, HashMap<String, String>>,
}

impl Script {
    pub(super) fn sign(&self, claims: &Value) -> String {
        let (algorithm, secret) = self.forgery.clone().unwrap_or(("ES256", String::new()));
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let header = json!({"alg": algorithm, "typ": "JWT", "kid": self.kid});
        let text = format!("{}.{}", encode(&header), encode(claims));
        let signature = match algorithm {
            "ES256" => {
                let signature = self.signing_key.private.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
                URL_SAFE_NO_PAD.encode(signature)
            }
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes()))
            }
            _ => String::new(),
        };
        format!("{text}.{signature}")
    }
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    pub(super) script: Arc<Mutex<Script>>,
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let key = Key::new("k1");
        // A key of an unknown type must not hide the others.
        let key_set = json!({"keys": [{"kty": "XYZ", "kid": "k0"}, key.public.clone()]});
        let script = Script {
            person: json!({"sub": "ada-1", "email": "Ada@Example.org", "email_verified": true}),
            overrides: json!({}),
            kid: "k1",
            signing_key: key,
            forgery: None,
            key_set,
            metadata: json!({}),
            moved: false,
            discovery_requests: 0,
            key_requests: 0,
            codes: HashMap::new(),
        };
        let provider = Self { issuer, script: Arc::new(Mutex::new(script)) };
        let app = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/moved", get(document))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        provider
    }

    pub(super) fn settings(&self) -> [(&str, &str); 4] {
        [
            ("COLDBREW_OIDC_ISSUER", &self.issuer),
            ("COLDBREW_OIDC_CLIENT_ID", "coldbrew"),
            ("COLDBREW_OIDC_CLIENT_SECRET", SECRET),
            ("COLDBREW_OIDC_NAME", "Example Login"),
        ]
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let mut script = provider.script.lock().unwrap();
    script.key_requests += 1;
    Json(script.key_set.clone())
}

async fn discovery(State(provider): State<Provider>) -> Response {
    let moved = provider.script.lock().unwrap().moved;
    if moved { Redirect::to("/moved").into_response() } else { document(State(provider)).await.into_response() }
}

async fn document(State(provider): State<Provider>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", provider.issuer);
    let mut script = provider.script.lock().unwrap();
    script.discovery_requests += 1;
    let mut document = json!({
        "issuer": provider.issuer, "authorization_endpoint": at("/authorize?tenant=1"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "response_types_supported": ["code"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    });
    document.as_object_mut().unwrap().extend(script.metadata.as_object().unwrap().clone());
    Json(document)
}

/// Redirects back with a code at once, as if the person had agreed.
async fn authorize(State(provider): State<Provider>, Query(asked): Query<HashMap<String, String>>) -> Redirect {
    assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", "coldbrew"));
    assert_eq!((asked["scope"].as_str(), asked["code_challenge_method"].as_str()), ("openid email", "S256"));
    assert_eq!(asked["tenant"], "1", "the endpoint's own query is kept");
    let back =
        Url::parse_with_params(&asked["redirect_uri"], [("code", "code-1"), ("state", &asked["state"])]).unwrap();
    provider.set(|script| {
        script.codes.insert("code-1".into(), asked);
    });
    Redirect::to(back.as_str())
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, body: String) -> Response {
    let form: HashMap<String, String> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let mut script = provider.script.lock().unwrap();
    let Some(asked) = script.codes.remove(&form["code"]) else { return StatusCode::BAD_REQUEST.into_response() };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("coldbrew:{encoded}")));
    if challenge != asked["code_challenge"]
        || form["redirect_uri"] != asked["redirect_uri"]
        || headers["authorization"] != basic
    {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims =
        json!({"iss": provider.issuer, "aud": "coldbrew", "nonce": asked["nonce"], "iat": now, "exp": now + 300});
    for more in [&script.person, &script.overrides] {
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    Json(json!({"access_token": "unused", "token_type": "Bearer", "id_token": script.sign(&claims)})).into_response()
}
