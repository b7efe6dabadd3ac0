//! DPoP (RFC 9449): who proves to hold a key gets tokens that only the holder of that key can use.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use proof::{Algorithm, Call, Fault, Proof};
use time::OffsetDateTime;
use web::Problem;

use crate::{
    App, db,
    domain::{AccessToken, Client, Code, Hash, Refusal},
    error::Error,
    http::credentials,
};

/// How a request presents its access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750.
    Bearer,
    /// RFC 9449, section 7.1.
    Dpop,
}

/// The key that a request to one of our own endpoints proves, if it proves one.
pub async fn proved(app: &App, headers: &HeaderMap, path: &str) -> Result<Option<Hash>, Error> {
    let Some(proof) = proof::only_header(headers).map_err(refused)? else { return Ok(None) };
    let url = format!("{}/{path}", app.issuer);
    let call = Call { method: "POST", url: &url, token: None, now: app.clock.now().unix_timestamp() };
    let proof = proof::check(proof, &call).map_err(refused)?;
    if is_first_use(app, &proof).await? { Ok(Some(key(&proof))) } else { Err(refused(USED).into()) }
}

/// The key that a token is to be bound to. A client that is given bound tokens only must prove one.
pub async fn for_token(app: &App, headers: &HeaderMap, client: &Client) -> Result<Option<Hash>, Error> {
    let key = proved(app, headers, "token").await?;
    if client.security.dpop_bound && key.is_none() {
        return Err(refused(Fault("this client proves its key with each request (RFC 9449)")).into());
    }
    Ok(key)
}

/// What stands behind the access token of a request to this path of ours: a bound one must come with a proof of its key,
/// another one as its bearer's.
pub async fn check(
    app: &App,
    to: (&Method, &str),
    headers: &HeaderMap,
    (scheme, text): (Scheme, &str),
) -> Result<AccessToken, Problem> {
    let mut db = app.pool.get().await.map_err(Error::from)?;
    let token = db::find_token(&mut db, Hash::of(text), app.clock.now()).await.map_err(Error::from)?;
    drop(db);
    let token = token.ok_or_else(credentials::invalid_token)?;
    match (token.key, scheme) {
        (None, Scheme::Bearer) => {}
        (Some(bound_to), Scheme::Dpop) => check_proof(app, to, (headers, text), bound_to).await?,
        _ => return Err(unauthorized("invalid_token")),
    }
    Ok(token)
}

async fn check_proof(
    app: &App,
    (method, path): (&Method, &str),
    (headers, token): (&HeaderMap, &str),
    bound_to: Hash,
) -> Result<(), Problem> {
    let wrong = |fault: Fault| unauthorized("invalid_dpop_proof").detail(fault.to_string());
    let proof = proof::only_header(headers).map_err(wrong)?.ok_or_else(|| wrong(Fault("the proof is missing")))?;
    let url = format!("{}{}", app.issuer, path.strip_prefix("/auth").unwrap_or(path));
    let call = Call { method: method.as_str(), url: &url, token: Some(token), now: app.clock.now().unix_timestamp() };
    let proof = proof::check(proof, &call).map_err(wrong)?;
    if key(&proof) != bound_to {
        return Err(unauthorized("invalid_token"));
    }
    if is_first_use(app, &proof).await? { Ok(()) } else { Err(wrong(USED)) }
}

async fn is_first_use(app: &App, proof: &Proof) -> Result<bool, Error> {
    let expires_at = OffsetDateTime::from_unix_timestamp(proof.made_at + proof::LATEST);
    let expires_at = expires_at.unwrap_or(app.clock.now());
    use_once(app, Hash::from(proof.id), expires_at).await
}

/// Notes that a proof or an assertion was used; false if it was before.
pub async fn use_once(app: &App, used: Hash, expires_at: OffsetDateTime) -> Result<bool, Error> {
    let mut db = app.pool.single("use jwt").await?;
    Ok(db::insert_used_jwt(&mut db, used, expires_at).await?)
}

const USED: Fault = Fault("the proof was used before");

fn key(proof: &Proof) -> Hash {
    Hash::from(proof.key.0)
}

fn refused(fault: Fault) -> Refusal {
    Code::InvalidDpopProof.because(fault.0)
}

fn unauthorized(error: &str) -> Problem {
    let challenge = format!("DPoP error=\"{error}\", algs=\"{}\"", Algorithm::NAMES.join(" "));
    let challenge = HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("DPoP"));
    Problem::new(StatusCode::UNAUTHORIZED, error, "A valid access token is required, with a proof if it is bound")
        .header(header::WWW_AUTHENTICATE, challenge)
}
