//! `/`: where everything is, and the gateway's own contract.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{OpenApi, Server};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{App, operators, services, status};

/// What this origin offers. Every member is an address.
#[derive(Debug, Serialize, ToSchema)]
pub struct Index {
    /// Swagger UI over all contracts.
    #[schema(example = "http://localhost:8080/docs/")]
    docs: String,
    /// `OpenID` Connect discovery.
    #[schema(example = "http://localhost:8080/auth/.well-known/openid-configuration")]
    openid_configuration: String,
    /// Below each prefix a service answers.
    #[schema(example = json!(["http://localhost:8080/api/store/v1/"]))]
    services: Vec<String>,
}

/// Where everything is
#[utoipa::path(get, path = "/", responses((status = 200, description = "The addresses.", body = Index)))]
async fn index(State(app): State<Arc<App>>) -> Json<Index> {
    let at = |path: &str| format!("{}{path}", app.public_url);
    let policies = app.policies.load();
    let services = policies.routes.iter().filter(|route| route.audience.is_some());
    Json(Index {
        docs: at("/docs/"),
        openid_configuration: at("/auth/.well-known/openid-configuration"),
        services: services.map(|route| at(route.prefix)).collect(),
    })
}

/// The page, with its description.
pub fn router() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(index))
}

/// The contract of the gateway itself; what it forwards stands in the services' contracts.
pub fn contract() -> OpenApi {
    let about = "Where everything is, and what runs. The services' own contracts are at /docs.";
    let scopes = operators::SCOPES;
    let mut contract = web::contract::document("gateway", "Gateway", about, env!("CARGO_PKG_VERSION"), scopes);
    contract.servers = Some(vec![Server::new("/")]);
    contract.merge(router().into_openapi());
    contract.merge(services::router().into_openapi());
    contract.merge(status::router().into_openapi());
    contract
}
