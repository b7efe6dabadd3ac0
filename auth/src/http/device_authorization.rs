//! Where a device without a browser asks for a login elsewhere (RFC 8628, section 3.1).

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    App,
    db::{self, NewDevice},
    domain::{DEVICE_CODE_LIFETIME, DEVICE_POLL, GrantType, Resources, Scopes, Secret, UserCode},
    error::{Error, OAuthError},
    http::{address::Address, credentials, parameters::Form},
};

/// What a device asks for, and who asks.
#[derive(Deserialize, ToSchema)]
pub struct DeviceParameters {
    /// Unless it is in the `Authorization` header.
    #[schema(example = "demo")]
    client_id: Option<String>,
    /// Of a confidential client, unless it is in the `Authorization` header.
    client_secret: Option<String>,
    /// `private_key_jwt`: what the client signed to say who it is (RFC 7523).
    client_assertion: Option<String>,
    /// `private_key_jwt`: `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// What is asked for.
    #[schema(required, example = "openid order:read")]
    scope: Option<String>,
    /// What the tokens are to be for (RFC 8707).
    resource: Option<String>,
}

/// What the device shows, and what it asks with (RFC 8628, section 3.2).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"device_code": "Xb5…", "user_code": "BCDF-GHJK",
    "verification_uri": "http://localhost:8080/auth/device",
    "verification_uri_complete": "http://localhost:8080/auth/device?user_code=BCDF-GHJK",
    "expires_in": 600, "interval": 5}))]
pub struct DeviceResponse {
    /// For the token endpoint.
    device_code: String,
    /// For the user to type.
    user_code: String,
    /// Where.
    verification_uri: String,
    /// The same with the code in it, to be shown as a picture.
    verification_uri_complete: String,
    /// Lifetime in seconds.
    expires_in: i64,
    /// How many seconds to wait between two questions.
    interval: i32,
}

/// Begins a login on another device.
#[utoipa::path(post, path = "/auth/device_authorization", operation_id = "authorizeDevice", tag = "tokens",
    summary = "Begin a login on another device",
    request_body(content = DeviceParameters, content_type = "application/x-www-form-urlencoded",
        description = "What is asked for, and who asks."),
    responses(
        (status = 200, description = "What to show to the user, and what to ask with.", body = DeviceResponse),
        (status = 400, description = "Refused; `error` says why.", body = OAuthError),
        (status = 401, description = "The client is not who it says.", body = OAuthError),
        (status = "default", description = "Any other failure.", body = OAuthError),
    ),
    security((), ("client" = [])))]
pub async fn begin(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Form(parameters): Form<DeviceParameters>,
) -> Result<Response, Error> {
    let DeviceParameters { client_id, client_secret, client_assertion, client_assertion_type, scope, resource } =
        parameters;
    let form = credentials::InForm { client_id, client_secret, client_assertion, client_assertion_type };
    let client = credentials::authenticate(&app, address, &headers, form).await?;
    client.may_use(GrantType::DeviceCode)?;
    let resources = client.narrow_resources(Resources::parse(resource.as_deref(), &app.issuer)?)?;
    let wanted = Scopes::parse(scope.as_deref().unwrap_or_default())?;
    let wanted = resources.as_ref().map_or_else(|| wanted.clone(), |only| only.narrow(&wanted));
    let scopes = client.narrow(Some(&wanted), None)?;
    let device_code = Secret::plain(rand::random());
    let user_code = loop {
        let user_code = UserCode::of(rand::random());
        let (client_id, scopes, resources) = (client.client_id.as_str(), &scopes, resources.as_ref());
        let hash = app.user_codes.hash(&user_code);
        let new = NewDevice { device_code: device_code.hash(), user_code: hash, client_id, scopes, resources };
        // Taken once in a blue moon.
        if db::insert_device(&mut *app.pool.single("begin device login").await?, &new, app.clock.now()).await? {
            break user_code;
        }
    };
    let verification_uri = format!("{}/device", app.issuer);
    let answer = DeviceResponse {
        device_code: device_code.reveal().to_owned(),
        user_code: user_code.to_string(),
        verification_uri_complete: format!("{verification_uri}?user_code={user_code}"),
        verification_uri,
        expires_in: DEVICE_CODE_LIFETIME.whole_seconds(),
        interval: DEVICE_POLL,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}
