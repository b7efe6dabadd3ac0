//! Routes, in the order of the contract. Who calls is part of the protocol at each endpoint, so there is no common
//! check of a token here.

mod account;
mod address;
mod assertion;
mod authorize;
mod consent;
mod cors;
mod credentials;
mod device;
mod device_authorization;
mod disabled;
mod discovery;
mod dpop;
#[cfg(test)]
mod fuzz;
mod guesses;
mod head;
mod hint;
mod initial_access_tokens;
mod introspect;
mod login;
mod logout;
mod operators;
mod pages;
mod par;
mod parameters;
mod register;
mod revoke;
mod security_events;
mod session;
mod signing_keys;
mod token;
mod user_codes;
mod userinfo;
mod verification;

pub use guesses::Guesses;
pub use session::Browsers;
pub use user_codes::UserCodes;

use axum::{
    middleware::{from_fn, from_fn_with_state},
    routing::options,
};
use utoipa::openapi::{
    OpenApi,
    security::{Http, HttpAuthScheme, SecurityScheme},
};
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt},
    routes,
};

use crate::App;

const SCOPES: &[(&str, &str)] = &[
    ("openid", "Know who is logged in"),
    ("profile", "Know the user's names"),
    ("email", "Know the user's email address"),
    ("address", "Know where the user lives"),
    ("phone", "Know the user's phone number"),
    ("offline_access", "Act while the user is away"),
    ("auth:operate", "Look behind this service and interfere with it"),
];

/// Every route with its description.
pub fn router(app: &App) -> OpenApiRouter<App> {
    let paths: Vec<_> = described_for_pages_of_clients().into_openapi().paths.paths.into_keys().collect();
    // A route of its own: the answer to a method that is not allowed would pass no layer.
    let for_pages_of_clients = paths
        .iter()
        .fold(described_for_pages_of_clients(), |router, path| router.route(path, options(cors::preflight)))
        .layer(from_fn_with_state(app.clone(), cors::cors));
    OpenApiRouter::with_openapi(document()).merge(for_pages_of_clients).merge(described())
}

/// The contract, without starting anything.
pub fn contract() -> OpenApi {
    let router = OpenApiRouter::with_openapi(document()).merge(described_for_pages_of_clients()).merge(described());
    router.into_openapi()
}

fn described_for_pages_of_clients() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(discovery::openid_configuration))
        .routes(routes!(discovery::oauth_authorization_server))
        .routes(routes!(discovery::of_issuer))
        .routes(routes!(discovery::jwks))
        .routes(routes!(token::token))
        .routes(routes!(device_authorization::begin))
        .routes(routes!(par::push))
        .routes(routes!(userinfo::by_get, userinfo::by_post))
        .routes(routes!(revoke::revoke))
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(introspect::introspect))
        .routes(routes!(authorize::from_query, authorize::from_form).layer(from_fn(head::refuse)))
        .routes(routes!(consent::answer))
        .routes(routes!(login::show, login::log_in))
        .routes(routes!(account::show))
        .routes(routes!(account::end_sessions))
        .routes(routes!(account::withdraw))
        .routes(routes!(logout::show, logout::log_out).layer(from_fn(head::refuse)))
        .routes(routes!(verification::show, verification::decide))
        .routes(routes!(pages::style))
        .routes(routes!(security_events::list))
        .routes(routes!(signing_keys::list, signing_keys::rotate))
        .routes(routes!(signing_keys::retire))
        .routes(routes!(disabled::disable_user, disabled::enable_user))
        .routes(routes!(disabled::disable_client, disabled::enable_client))
        .routes(routes!(initial_access_tokens::issue))
        .routes(routes!(initial_access_tokens::withdraw))
        .routes(routes!(register::register))
        .routes(routes!(register::show, register::change, register::delete))
}

fn document() -> OpenApi {
    let mut document = web::contract::document(
        "auth",
        "Auth",
        "Who you are: an OAuth 2.0 and OpenID Connect server. Clients get opaque access tokens; the gateway exchanges \
         them for short-lived JWTs, one service each.",
        env!("CARGO_PKG_VERSION"),
        SCOPES,
    );
    if let Some(components) = document.components.as_mut() {
        components.add_security_scheme("client", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
        components.add_security_scheme("registration", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
    document
}
