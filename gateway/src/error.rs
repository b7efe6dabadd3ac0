//! Why the gateway itself does not forward a request, or got no answer to it, and what the caller is told.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use proof::{Algorithm, Fault};
use web::Problem;

use crate::path::PathFault;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Every problem that the gateway makes. Its `source` tells it from a service's own refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    BadPath(PathFault),
    BadHost,
    TargetTooLong,
    MethodNotAllowed,
    UnknownRoute,
    UpgradeRefused,
    Saturated { service: &'static str },
    NoToken,
    MalformedToken,
    ForeignJwt,
    InvalidToken,
    BoundToken,
    UnboundToken,
    InvalidProof(Fault),
    NonceNeeded { nonce: String },
    NotForService { service: &'static str },
    AuthUnavailable,
    RateLimited { limit: &'static str, again: Duration },
    QuotaExhausted { again: Duration },
    BodyTooLarge { limit: usize },
    BodyTooSlow,
    BodyBroken,
    BadRequestTimeout,
    NotKept,
    NotAcceptable,
    BadFields,
    BadBody { why: String },
    CircuitOpen { service: &'static str, class: &'static str, again: Duration },
    Overloaded { service: &'static str },
    NoInstance { service: &'static str },
    Unreachable { service: &'static str },
    Timeout { service: &'static str, after: Duration },
    BadAnswer { service: &'static str },
    NoContract { service: &'static str },
}

impl Refusal {
    /// The problem document.
    #[rustfmt::skip]
    pub fn problem(&self) -> Problem {
        use StatusCode as S;
        let new = Problem::new;
        let problem = match self {
            Self::BadPath(fault) => new(S::BAD_REQUEST, "bad_path", "Bad path").detail(fault.to_string()),
            Self::BadHost => new(S::BAD_REQUEST, "bad_host", "Bad host").detail("Exactly one Host is needed."),
            Self::TargetTooLong => new(S::URI_TOO_LONG, "target_too_long", "Path and query too long"),
            Self::MethodNotAllowed => new(S::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
                .header(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")),
            Self::UnknownRoute => new(S::NOT_FOUND, "unknown_route", "Nothing is here"),
            Self::UpgradeRefused => new(S::BAD_REQUEST, "upgrade_refused", "No other protocol is spoken here"),
            Self::Saturated { service } => soon(new(S::SERVICE_UNAVAILABLE, "saturated", "Too many requests at a time"))
                .with("service", service),
            Self::NoToken => new(S::UNAUTHORIZED, "token_required", "An access token is required")
                .header(header::WWW_AUTHENTICATE, challenge(None)),
            Self::MalformedToken => new(S::UNAUTHORIZED, "invalid_token", "Invalid access token")
                .detail("One Authorization header of the form `Bearer <token>` or `DPoP <token>` is needed.")
                .header(header::WWW_AUTHENTICATE, challenge(Some("malformed"))),
            Self::ForeignJwt => new(S::UNAUTHORIZED, "invalid_token", "Invalid access token")
                .detail("A JWT is not accepted here. Send the access token that /auth/token gave you.")
                .header(header::WWW_AUTHENTICATE, challenge(Some("a JWT is not accepted"))),
            Self::InvalidToken => new(S::UNAUTHORIZED, "invalid_token", "Invalid access token")
                .detail("The access token is unknown, expired or revoked.")
                .header(header::WWW_AUTHENTICATE, challenge(Some("unknown, expired or revoked"))),
            Self::BoundToken => new(S::UNAUTHORIZED, "invalid_token", "Invalid access token")
                .detail("The access token is bound to a key: `Authorization: DPoP <token>` and a proof are needed.")
                .header(header::WWW_AUTHENTICATE, dpop("invalid_token", "the token is bound to a key")),
            Self::UnboundToken => new(S::UNAUTHORIZED, "invalid_token", "Invalid access token")
                .detail("The access token is bound to no key: it is sent as `Authorization: Bearer <token>`.")
                .header(header::WWW_AUTHENTICATE, dpop("invalid_token", "the token is bound to no key")),
            Self::InvalidProof(fault) => new(S::UNAUTHORIZED, "invalid_dpop_proof", "Invalid DPoP proof")
                .detail(fault.to_string())
                .header(header::WWW_AUTHENTICATE, dpop("invalid_dpop_proof", fault.0)),
            Self::NonceNeeded { nonce } => new(S::UNAUTHORIZED, "use_dpop_nonce", "Another DPoP proof is needed")
                .detail("The proof may have been used before this gateway was started: make another with this nonce.")
                .header(header::WWW_AUTHENTICATE, dpop("use_dpop_nonce", "the proof must have the nonce that comes along"))
                .header(DPOP_NONCE, HeaderValue::from_str(nonce).unwrap_or_else(|_| HeaderValue::from_static(""))),
            Self::NotForService { service } => new(S::FORBIDDEN, "token_not_for_service", "Token not valid there")
                .with("service", service),
            Self::AuthUnavailable => soon(new(S::SERVICE_UNAVAILABLE, "auth_unavailable", "Tokens cannot be checked")),
            Self::RateLimited { limit, again } =>
                after(*again, new(S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests"))
                    .detail("More than the plan allows within a short time. Nothing was done.")
                    .with("violated-policies", [limit]),
            Self::QuotaExhausted { again } => after(*again, new(S::TOO_MANY_REQUESTS, "quota_exhausted", "No more today"))
                .detail("All requests that the plan allows on one day (UTC) were made. Nothing was done.")
                .with("violated-policies", ["day"]),
            Self::BodyTooLarge { limit } => new(S::PAYLOAD_TOO_LARGE, "body_too_large", "Body too large")
                .with("limit_bytes", limit),
            Self::BodyTooSlow => new(S::REQUEST_TIMEOUT, "body_too_slow", "Body did not arrive in time"),
            Self::BodyBroken => new(S::BAD_REQUEST, "body_broken", "Body ended early"),
            Self::BadRequestTimeout => new(S::BAD_REQUEST, "bad_request_timeout", "Bad request timeout")
                .detail(web::NoTime.to_string()),
            Self::NotKept => new(S::GATEWAY_TIMEOUT, "not_cached", "No copy is kept of it")
                .detail("`Cache-Control: only-if-cached` asks for a copy or nothing."),
            Self::NotAcceptable => new(S::NOT_ACCEPTABLE, "not_acceptable", "Not available in that format")
                .detail("JSON, XML (application/xml) and CBOR (application/cbor) are spoken here."),
            Self::BadFields => new(S::BAD_REQUEST, "bad_fields", "The fields cannot be read")
                .detail("`fields` is one list as `sku,price.amount`: up to 50 names, up to 8 deep."),
            Self::BadBody { why } => new(S::BAD_REQUEST, "malformed_body", "The body is not what Content-Type says").detail(why),
            Self::CircuitOpen { service, class, again } =>
                after(*again, new(S::SERVICE_UNAVAILABLE, "circuit_open", "Service is given time to recover"))
                    .detail("Too many of the last requests to it failed or took too long. Nothing was sent to it.")
                    .with("service", service).with("class", class),
            Self::Overloaded { service } => soon(new(S::SERVICE_UNAVAILABLE, "overloaded", "Service is busy"))
                .detail("As many requests to it as it gets are under way, and no more may wait. Nothing was sent to it.")
                .with("service", service),
            Self::NoInstance { service } => soon(new(S::SERVICE_UNAVAILABLE, "no_instance", "Service not running"))
                .with("service", service),
            Self::Unreachable { service } => soon(new(S::SERVICE_UNAVAILABLE, "unreachable", "Service not reachable"))
                .with("service", service),
            Self::Timeout { service, after } => new(S::GATEWAY_TIMEOUT, "upstream_timeout", "Service did not answer")
                .with("service", service).with("after_seconds", after.as_secs_f32()),
            Self::BadAnswer { service } => new(S::BAD_GATEWAY, "bad_answer", "Service broke off")
                .with("service", service),
            Self::NoContract { service } => soon(new(S::SERVICE_UNAVAILABLE, "no_contract", "Contract not available"))
                .with("service", service),
        };
        problem.with("source", "gateway")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.problem().into_response()
    }
}

fn soon(problem: Problem) -> Problem {
    after(Duration::from_secs(1), problem)
}

// Whole seconds (RFC 9110 §10.2.3), never too early.
fn after(wait: Duration, problem: Problem) -> Problem {
    let seconds = wait.as_millis().div_ceil(1_000).max(1);
    problem.header(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)))
}

// RFC 9449 §7.1.
fn dpop(error: &str, why: &str) -> HeaderValue {
    let algorithms = Algorithm::NAMES.join(" ");
    let text = format!("DPoP realm=\"retail\", error=\"{error}\", error_description=\"{why}\", algs=\"{algorithms}\"");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("DPoP"))
}

// RFC 6750 §3: no error code when no token was sent.
fn challenge(fault: Option<&str>) -> HeaderValue {
    let text = match fault {
        None => "Bearer realm=\"retail\"".to_owned(),
        Some(fault) => format!("Bearer realm=\"retail\", error=\"invalid_token\", error_description=\"{fault}\""),
    };
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}
