//! The parts of an `OpenAPI` document that are the same in every service.

use axum::response::{IntoResponse, Response};
use http::header;
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, PartialSchema, ToResponse, ToSchema,
    openapi::{
        Components, ContentBuilder, Info, License, OpenApi, OpenApiBuilder, RefOr, Response as Described,
        ResponseBuilder, Schema, Server,
        security::{AuthorizationCode, Flow, OAuth2, Scopes, SecurityScheme},
    },
};

use crate::problem::{FieldError, Problem};

/// The document of a service before its routes are added: title, version, server and the `oauth2` security scheme
/// with the service's scopes.
pub fn document(service: &str, title: &str, description: &str, version: &str, scopes: &[(&str, &str)]) -> OpenApi {
    let mut info = Info::new(title, version);
    info.description = Some(description.to_owned());
    let mut license = License::new("MIT");
    license.identifier = Some("MIT".to_owned());
    info.license = Some(license);
    let flow = AuthorizationCode::new("/auth/authorize", "/auth/token", scopes.iter().copied().collect::<Scopes>());
    let mut components = Components::new();
    components.add_security_scheme("oauth2", SecurityScheme::OAuth2(OAuth2::new([Flow::AuthorizationCode(flow)])));
    for (name, response) in [NotFound::response(), Conflict::response()] {
        components.responses.insert(name.to_owned(), response);
    }
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    let server = if service == "auth" { "/".to_owned() } else { format!("/api/{service}") };
    OpenApiBuilder::new().info(info).servers(Some([Server::new(server)])).components(Some(components)).build()
}

/// Serves a document, rendered once.
pub fn serve(document: &OpenApi) -> impl Fn() -> std::future::Ready<Response> + Clone + Send + Sync + 'static {
    let json: axum::body::Bytes = render(document).into();
    move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], json.clone()).into_response())
}

/// The document as committed: indented JSON that ends with a line break.
pub fn render(document: &OpenApi) -> String {
    let mut json = document.to_pretty_json().expect("a document is plain data");
    json.push('\n');
    json
}

/// The problems that any operation with a token may answer: for `responses(…, web::contract::Problems)`.
pub struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let of = |status: &str, description: &str| (status.to_owned(), RefOr::T(problem(description)));
        BTreeMap::from([
            of("400", "The path, the query string or the body cannot be read."),
            of("401", "No valid access token."),
            of("403", "The token does not carry the scope or the user does not have the role."),
            of("500", "Internal error."),
            of("503", "Temporarily unavailable; try again after `Retry-After` seconds."),
            of("default", "Any other problem, for example of the gateway."),
        ])
    }
}

/// The problems of an operation that takes a body: for `responses(…, web::contract::BodyProblems)`.
pub struct BodyProblems;

impl IntoResponses for BodyProblems {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let of = |status: &str, description: &str| (status.to_owned(), RefOr::T(problem(description)));
        BTreeMap::from([
            of("413", "The body is too large."),
            of("415", "The body is not `application/json`."),
            of("422", "The body is not as the contract says; `errors` names the fields."),
        ])
    }
}

/// 404: for `(status = 404, response = web::contract::NotFound)`.
pub struct NotFound;

impl<'r> ToResponse<'r> for NotFound {
    fn response() -> (&'r str, RefOr<Described>) {
        ("NotFound", RefOr::T(problem("There is no such thing, or it is not yours.")))
    }
}

/// 409: for `(status = 409, response = web::contract::Conflict)`.
pub struct Conflict;

impl<'r> ToResponse<'r> for Conflict {
    fn response() -> (&'r str, RefOr<Described>) {
        ("Conflict", RefOr::T(problem("Refused; `code` says why.")))
    }
}

/// A problem response with this description.
pub fn problem(description: &str) -> Described {
    let schema: RefOr<Schema> = utoipa::openapi::Ref::from_schema_name("Problem").into();
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}
