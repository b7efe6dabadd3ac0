//! A token service started for one test, and what tests often ask of it.

use std::sync::OnceLock;

use auth::{
    MIGRATOR,
    config::{Config, KeySettings, Seed},
    db::SealedKey,
    domain::SigningAlgorithm,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::{Method, Url};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use testkit::{Answer, Client, Clock, Contract, NOBODY, eventually, nats::Nats, postgres::Database};

pub const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
pub const PUBLIC_URL: &str = "http://shop.test";
pub const ISSUER: &str = "http://shop.test/auth";
/// The example of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const CALLBACK: &str = "http://127.0.0.1:49152/callback";
pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A running service with its database and its NATS.
pub struct Auth {
    /// Holds every answer to the contract.
    pub client: Client,
    pub database: Database,
    pub nats: Nats,
    pub clock: Clock,
    pub address: String,
    handle: web::Handle,
}

/// The secret of a confidential client of the tests.
pub fn secret(client_id: &str) -> String {
    format!("{client_id}-secret-of-the-tests-0123456789")
}

/// Settings for the tests.
pub fn config(database: &Database, nats: &Nats) -> Config {
    let mut web = web::Settings::on_loopback(PUBLIC_URL, "http://unused.test/auth", &nats.url());
    "error".clone_into(&mut web.log);
    Config {
        web,
        database: database.settings(),
        keys: KeySettings {
            key_encryption_key: STANDARD.encode([7; 32]).into(),
            key_rotation_days: 30,
            key_published_before_s: 300,
        },
        gateway_client_secret: secret("gateway").into(),
        order_client_secret: secret("order").into(),
        reporting_client_secret: Some(secret("reporting").into()),
        seed: Some(Seed::Demo),
        password_checks: 4,
        password_memory_kib: 19 * 1024,
        password_passes: 2,
        password_lanes: 1,
        security_event_days: 400,
        guesses_per_account: 10,
        guesses_per_address: 100,
    }
}

/// A key for RS256 as a server makes one, made once for all tests: that takes a while.
async fn plant_rsa_key(database: &Database, clock: &Clock) {
    static KEY: OnceLock<SealedKey> = OnceLock::new();
    let now = clock.now();
    let key = KEY.get_or_init(|| auth::keys::generate(&[7; 32], SigningAlgorithm::Rs256, now).unwrap());
    let key = SealedKey { signs_from: now, ..key.clone() };
    auth::db::insert_key(&mut database.connect().await, &key, now).await.unwrap();
}

impl Auth {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// With some settings changed.
    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let (database, nats) = (testkit::postgres::database(&[&MIGRATOR]).await, testkit::nats::server().await);
        let clock = Clock::system();
        plant_rsa_key(&database, &clock).await;
        let mut config = config(&database, &nats);
        change(&mut config);
        // Boxed, so that tests are small.
        let (service, router) = Box::pin(auth::start(&config, clock.clone())).await.unwrap();
        let handle = service.handle().unwrap();
        tokio::spawn(service.serve(router));
        let client = Client::new(&handle.address).held_to(Contract::load(CONTRACT));
        let address = handle.address.clone();
        Self { client, database, nats, clock, address, handle }
    }

    pub async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.client.send(self.client.request(Method::GET, path, NOBODY).header("cookie", cookie)).await
    }

    /// `POST path` with a form, as a browser with this cookie.
    pub async fn submit(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.client.request(Method::POST, path, NOBODY).header("cookie", cookie);
        self.client.send(request.form(form)).await
    }

    /// `POST path` with a form, as a client that shows its secret by Basic.
    pub async fn submit_as(&self, client_id: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.client.request(Method::POST, path, NOBODY).basic_auth(client_id, Some(secret(client_id)));
        self.client.send(request.form(form)).await
    }

    /// Adds a client, or changes it.
    pub async fn register(&self, client: auth::domain::Client) {
        let mut db = self.database.connect().await;
        auth::db::upsert_client(&mut db, &client, self.clock.now()).await.unwrap();
    }

    /// Asks the token endpoint, with no credentials but those in the form.
    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.submit("/auth/token", "", form).await
    }

    /// Logs a demo user in by the form; the cookie of the session.
    pub async fn log_in(&self, user: &str) -> String {
        let (cookie, proof) = self.form("/auth/login").await;
        let password = format!("{user}-demo-password");
        let form = [("csrf", proof.as_str()), ("username", user), ("password", &password)];
        cookie_of(&self.submit("/auth/login", &cookie, &form).await.expect(303)).unwrap()
    }

    /// Fills in the login form at this path, in a browser with this cookie; the answer, and the new cookie.
    pub async fn fill_in(&self, path: &str, cookie: &str, user: &str) -> (Answer, String) {
        let page = self.get(path, cookie).await.expect(200);
        let cookie = cookie_of(&page).unwrap_or_else(|| cookie.to_owned());
        let (proof, password) = (proof_in(&page.body), format!("{user}-demo-password"));
        let form = [("csrf", proof.as_str()), ("username", user), ("password", &password)];
        let action = if page.body.contains("name=\"password\"") { action_of(&page.body) } else { path.to_owned() };
        let answer = self.submit(&action, &cookie, &form).await.expect(303);
        let cookie = cookie_of(&answer).unwrap();
        (answer, cookie)
    }

    /// What the ID token says that the client `demo` gets in a browser with this cookie.
    pub async fn id_claims(&self, cookie: &str, changes: &[(&str, &str)]) -> Value {
        let answer = self.get(&authorize(changes), cookie).await.expect(303);
        let code = parameter(&answer, "code").unwrap_or_else(|| panic!("no code: {answer:?}"));
        let tokens = self.redeem(&code).await.expect(200).json();
        self.verify(text(&tokens, "id_token"), "demo").await.1
    }

    /// The id of the session of a browser with this cookie.
    pub async fn sid(&self, cookie: &str) -> String {
        text(&self.id_claims(cookie, &[]).await, "sid").to_owned()
    }

    /// Sends the first form of a page with a word that stands on its button, in a browser with this cookie.
    pub async fn press(&self, page: &Answer, cookie: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = hidden_in(&page.body);
        form.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.submit(&action_of(&page.body), cookie, &form).await
    }

    /// Registers a client anew, with some of it changed.
    pub async fn change(&self, client_id: &str, change: impl FnOnce(&mut auth::domain::Client)) {
        let mut db = self.database.connect().await;
        let mut client = auth::db::find_client(&mut db, client_id).await.unwrap().unwrap();
        change(&mut client);
        auth::db::upsert_client(&mut db, &client, self.clock.now()).await.unwrap();
    }

    /// The cookie and the proof that come with a form.
    pub async fn form(&self, path: &str) -> (String, String) {
        let page = self.get(path, "").await.expect(200);
        (cookie_of(&page).unwrap(), proof_in(&page.body))
    }

    /// A code for the client `demo`.
    pub async fn code(&self, user: &str, scope: &str) -> String {
        let cookie = self.log_in(user).await;
        let answer = self.get(&authorize(&[("scope", scope)]), &cookie).await.expect(303);
        parameter(&answer, "code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }

    pub async fn redeem(&self, code: &str) -> Answer {
        self.redeem_with(code, CALLBACK, VERIFIER).await
    }

    pub async fn redeem_with(&self, code: &str, redirect_uri: &str, verifier: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("client_id", "demo"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ])
        .await
    }

    /// Tokens of a demo user for the client `demo`.
    pub async fn tokens(&self, user: &str, scope: &str) -> Value {
        self.redeem(&self.code(user, scope).await).await.expect(200).json()
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("client_id", "demo"), ("refresh_token", token)]).await
    }

    pub async fn client_credentials(&self, client_id: &str, more: &[(&str, &str)]) -> Answer {
        let form = [&[("grant_type", "client_credentials")], more].concat();
        self.submit_as(client_id, "/auth/token", &form).await
    }

    /// Exchanges a token as the gateway does.
    pub async fn exchange(&self, token: &str, audience: &str) -> Answer {
        let form = [
            ("grant_type", EXCHANGE),
            ("subject_token", token),
            ("subject_token_type", ACCESS_TOKEN),
            ("audience", audience),
        ];
        self.submit_as("gateway", "/auth/token", &form).await
    }

    /// Verifies a JWT of ES256 with the published keys; its `typ` and its claims.
    pub async fn verify(&self, jwt: &str, audience: &str) -> (String, Value) {
        self.verify_by(Algorithm::ES256, jwt, audience).await
    }

    /// The same of this algorithm.
    pub async fn verify_by(&self, algorithm: Algorithm, jwt: &str, audience: &str) -> (String, Value) {
        let keys: JwkSet = self.client.get("/auth/jwks", NOBODY).await.expect(200).read();
        let header = decode_header(jwt).unwrap();
        let key = keys.find(&header.kid.unwrap()).expect("the key is published");
        let mut validation = Validation::new(algorithm);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let data = decode::<Value>(jwt, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
        (header.typ.unwrap(), data.claims)
    }

    /// Whether the gateway would still let this token through.
    pub async fn is_alive(&self, token: &str) -> bool {
        self.exchange(token, "order").await.status == 200
    }

    /// The hashes announced as revoked, in order.
    pub async fn announced(&self) -> Vec<String> {
        let sql = "select body #> '{data,token_hashes}' from messaging.outbox
            where subject = 'auth.tokens.revoked.v1' order by seq";
        let bodies: Vec<Value> = sqlx::query_scalar(sql).fetch_all(&mut self.database.connect().await).await.unwrap();
        let hashes = bodies.iter().flat_map(|hashes| hashes.as_array().cloned().unwrap_or_default());
        hashes.map(|hash| hash.as_str().unwrap().to_owned()).collect()
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let mut db = self.database.connect().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut db).await.unwrap()
    }

    /// At the end of a test every announced event has left.
    pub async fn end(self) {
        eventually(async || self.number("select count(*) from messaging.outbox where published_at is null").await == 0)
            .await;
        self.stop();
    }

    /// Asks the service to stop, as SIGTERM does.
    pub fn stop(&self) {
        self.handle.stop();
    }
}

/// The path of a right authorization request of the client `demo`, with some parameters replaced, or with an empty
/// value left out.
pub fn authorize(changes: &[(&str, &str)]) -> String {
    format!("/auth/authorize?{}", query(changes))
}

pub fn query(changes: &[(&str, &str)]) -> String {
    let right = [
        ("response_type", "code"),
        ("client_id", "demo"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid order:read"),
        ("state", "a state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let unchanged = right.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let url = Url::parse_with_params("http://x/", unchanged.chain(changes.iter().filter(|(_, to)| !to.is_empty())));
    url.unwrap().query().unwrap().to_owned()
}

/// A parameter of the address that an answer redirects to.
pub fn parameter(answer: &Answer, name: &str) -> Option<String> {
    let url = Url::parse(answer.header("location")?).ok()?;
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// The cookie that an answer sets, as a browser sends it back.
pub fn cookie_of(answer: &Answer) -> Option<String> {
    answer.header("set-cookie")?.split(';').next().map(str::to_owned)
}

/// Where the form of a page goes.
pub fn action_of(page: &str) -> String {
    let (_, after) = page.split_once("action=\"").unwrap();
    after.split_once('"').unwrap().0.replace("&#38;", "&").replace("&amp;", "&")
}

/// What the first form of a page sends along unseen.
pub fn hidden_in(page: &str) -> Vec<(String, String)> {
    let form = page.split_once("<form").unwrap().1.split_once("</form>").unwrap().0;
    let fields = form.split("<input type=\"hidden\" name=\"").skip(1).map(|field| {
        let (name, rest) = field.split_once("\" value=\"").unwrap();
        (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
    });
    fields.collect()
}

/// Whether the browser is sent to log in.
pub fn is_login(answer: &Answer) -> bool {
    answer.header("location").is_some_and(|to| to.starts_with("/auth/login?"))
}

/// The proof in a form.
pub fn proof_in(page: &str) -> String {
    let (_, after) = page.split_once("name=\"csrf\" value=\"").expect("the page has a form");
    after.split_once('"').unwrap().0.to_owned()
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// The fault that an OAuth endpoint names.
pub fn fault(answer: &Answer) -> String {
    text(&answer.json(), "error").to_owned()
}
