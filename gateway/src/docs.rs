//! `/docs`: one Swagger UI over the contracts of all services, with everything it needs on board.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, Url, oauth};

use crate::App;
use crate::error::Refusal;

mod contracts;
mod spoken;

/// Whose contracts are shown, in this order.
const CONTRACTS: [(&str, &str); 9] = [
    ("shop", "/docs/contracts/shop.json"),
    ("mobile", "/docs/contracts/mobile.json"),
    ("store", "/docs/contracts/store.json"),
    ("inventory", "/docs/contracts/inventory.json"),
    ("accounting", "/docs/contracts/accounting.json"),
    ("shipping", "/docs/contracts/shipping.json"),
    ("order", "/docs/contracts/order.json"),
    ("auth", "/docs/contracts/auth.json"),
    ("gateway", "/docs/contracts/gateway.json"),
];

const CLIENT_ID: &str = "swagger";
const FRESH: Duration = Duration::from_secs(5);
// React sets style attributes; scripts come from here only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Swagger UI's configuration, and the contracts fetched lately.
pub struct Docs {
    config: Arc<Config<'static>>,
    contracts: Mutex<HashMap<&'static str, (Instant, Bytes)>>,
}

impl Docs {
    /// `public_url` is where the login comes back to.
    pub fn new(public_url: &str) -> Self {
        let login = oauth::Config::new()
            .client_id(CLIENT_ID)
            .app_name("Retail Suite")
            .scopes(contracts::everyday_scopes())
            .use_pkce_with_authorization_code_grant(true);
        let config = Config::with_oauth_config(CONTRACTS.map(|(service, url)| Url::new(service, url)), login)
            .oauth2_redirect_url(format!("{public_url}/docs/oauth2-redirect.html"))
            .display_request_duration(true)
            .try_it_out_enabled(true)
            .doc_expansion("list");
        Self { config: Arc::new(config), contracts: Mutex::default() }
    }

    fn fresh(&self, service: &str) -> Option<Bytes> {
        let contracts = self.contracts.lock().unwrap_or_else(PoisonError::into_inner);
        contracts.get(service).filter(|(fetched, _)| fetched.elapsed() < FRESH).map(|(_, json)| json.clone())
    }

    fn keep(&self, service: &'static str, json: Bytes) {
        let mut contracts = self.contracts.lock().unwrap_or_else(PoisonError::into_inner);
        contracts.insert(service, (Instant::now(), json));
    }
}

/// The pages below `/docs`.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|app: State<Arc<App>>| async move { asset(&app, "index.html") }))
        .route("/docs/{file}", get(|app: State<Arc<App>>, file: Path<String>| async move { asset(&app, &file) }))
        .route("/docs/contracts/{file}", get(contract_of))
        .layer(from_fn(guard))
}

fn asset(app: &App, file: &str) -> Response {
    match utoipa_swagger_ui::serve(file, Arc::clone(&app.docs.config)) {
        Ok(Some(asset)) => ([(header::CONTENT_TYPE, asset.content_type)], asset.bytes.into_owned()).into_response(),
        Ok(None) => Refusal::UnknownRoute.into_response(),
        Err(error) => web::Problem::internal(error.as_ref()).with("source", "gateway").into_response(),
    }
}

async fn contract_of(State(app): State<Arc<App>>, Path(file): Path<String>) -> Result<Response, Refusal> {
    let known = CONTRACTS.into_iter().find(|(service, _)| file.strip_suffix(".json") == Some(service));
    let (service, _) = known.ok_or(Refusal::UnknownRoute)?;
    let json = if let Some(json) = app.docs.fresh(service) {
        json
    } else {
        let json = contracts::fetch(&app, service).await?;
        app.docs.keep(service, json.clone());
        json
    };
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
