//! Made-up input for everything that reads what comes from the network: it is refused or means what it says, and nothing
//! panics. `cargo retail fuzz-auth` runs these for as long as it is told.

use proptest::{collection::vec, prelude::*, sample::select};
use reqwest::Url;
use serde_json::{Map, Value};

use super::{assertion::claimed_client, parameters::read, token::TokenRequest};
use crate::domain::{Assertion, AuthorizationRequest, Client, GrantType, Scopes, Wishes, redirect_matches, with_query};

const REDIRECTS: [&str; 7] = [
    // Not on loopback, although it begins so.
    "http://127.0.0.1.shop.example/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1:49152/callback",
    "http://[::1]/callback",
    "https://shop.example/callback",
    "https://shop.example/callback?tenant=1",
    "com.example.app:/callback",
];
const QUERIES: [&str; 4] = [
    "response_type=code&client_id=demo&redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&scope=openid+order%3Aread&state=s\
     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256",
    "response_type=code&client_id=demo&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&scope=openid&prompt=login+consent\
     &max_age=60&response_mode=form_post&claims=%7B%22id_token%22%3A%7B%22sub%22%3A%7B%22value%22%3A%22x%22%7D%7D%7D\
     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&nonce=n&login_hint=alice",
    "client_id=demo&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3AXb5cQ3eR9mZ2kV7pT1wY8uHn4oJ6sLaDfGiKqMxNvBc",
    "client_id=demo&request=eyJhbGciOiJub25lIn0.e30.&redirect_uri=https%3A%2F%2Fshop.example%2Fcallback",
];
const FORMS: [&str; 3] = [
    "grant_type=authorization_code&client_id=demo&code=Xb5cQ3eR9mZ2&redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&code_verifier=dBjftJeZ4CVP",
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=rat_x&audience=order&scope=a+b",
    "grant_type=client_credentials&client_id=order&client_secret=%C3%A9%26%3D&client_assertion=eyJ.e30.x&scope=",
];
const ASSERTIONS: [&str; 2] = [
    // The headers and claims of RFC 7515, appendix A.3, and of an assertion, with signatures that nobody made.
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.c2ln",
    "eyJhbGciOiJQUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJkZW1vIiwic3ViIjoiZGVtbyIsImF1ZCI6WyJ4Il0sImV4cCI6MSwianRpIjoiMSJ9.c2ln",
];
const REFERENCES: [&str; 2] = [
    "urn:ietf:params:oauth:request_uri:Xb5cQ3eR9mZ2kV7pT1wY8uHn4oJ6sLaDfGiKqMxNvBc",
    "https://shop.example/request.jwt",
];
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const CLAIMS: [&str; 3] = [
    r#"{"id_token": {"acr": {"essential": true, "values": ["x", "y"]}, "sub": {"value": "z"}}, "userinfo": {"name": null}}"#,
    r#"{"userinfo": {"email": {"essential": true}, "address": null}, "id_token": null}"#,
    "{}",
];
/// What separates, escapes or ends something somewhere.
const PIECES: [&str; 39] = [
    "&",
    "=",
    "%",
    "+",
    "%00",
    "%FF",
    "%26",
    "%3D",
    "%0D%0A",
    "\r\n",
    "#",
    "?",
    "/",
    "//",
    "\\",
    "@",
    ":",
    ";",
    ".",
    "..",
    "[",
    "]",
    "{",
    "}",
    "\"",
    ",",
    "[]",
    "\u{0}",
    "\u{fffd}",
    "é",
    " ",
    "\t",
    ":80",
    ":65535",
    ":80@",
    "scope=a",
    "client_id=demo",
    "127.0.0.1",
    "evil.example",
];

#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, &'static str),
    /// Before a mark of punctuation, where readers come to differ.
    Part(usize, &'static str),
    Replace(usize, char),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<usize>(), select(&PIECES[..])).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<usize>(), select(&PIECES[..])).prop_map(|(at, piece)| Edit::Part(at, piece)),
        (any::<usize>(), any::<char>()).prop_map(|(at, letter)| Edit::Replace(at, letter)),
        (any::<usize>(), 1..8_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<usize>(), 1..24_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ]
}

/// One of `right` with up to five changes.
fn changed(right: impl Into<Vec<&'static str>>) -> impl Strategy<Value = String> {
    (select(right.into()), vec(edit(), 0..6)).prop_map(|(text, edits)| {
        let mut letters: Vec<char> = text.chars().collect();
        for edit in edits {
            let length = letters.len();
            match edit {
                Edit::Insert(at, piece) => {
                    let at = at % (length + 1);
                    letters.splice(at..at, piece.chars());
                }
                Edit::Part(at, piece) => {
                    let marks = (0..=length).filter(|it| letters.get(*it).is_none_or(|it| !it.is_alphanumeric()));
                    let marks: Vec<_> = marks.collect();
                    let at = marks[at % marks.len()];
                    letters.splice(at..at, piece.chars());
                }
                Edit::Replace(at, letter) if length > 0 => letters[at % length] = letter,
                Edit::Remove(at, count) if length > 0 => {
                    drop(letters.drain(at % length..(at % length + count).min(length)));
                }
                Edit::Repeat(at, count) if length > 0 => {
                    let from = at % length;
                    let piece = letters[from..(from + count).min(length)].to_vec();
                    letters.splice(from..from, piece);
                }
                Edit::Replace(..) | Edit::Remove(..) | Edit::Repeat(..) => {}
            }
        }
        letters.into_iter().collect()
    })
}

fn client() -> Client {
    Client {
        client_id: "demo".into(),
        grant_types: vec![GrantType::AuthorizationCode],
        redirect_uris: REDIRECTS.map(str::to_owned).to_vec(),
        scopes: Scopes::of(["openid", "order:read"]),
        ..Client::default()
    }
}

proptest! {
    /// Who is taken for the registered address is the registered address, also to those who read it as browsers do.
    #[test]
    fn a_redirect_uri((registered, requested) in select(&REDIRECTS[..]).prop_flat_map(|it| (Just(it), changed([it])))) {
        if redirect_matches(registered, &requested) && registered != requested {
            let (registered, requested) = (Url::parse(registered).unwrap(), Url::parse(&requested).unwrap());
            prop_assert!(["127.0.0.1", "[::1]"].contains(&requested.host_str().unwrap()), "{}", requested);
            let mut same_port = requested.clone();
            prop_assert!(same_port.set_port(registered.port()).is_ok());
            prop_assert_eq!(same_port, registered);
        }
    }

    /// An answer goes to the address that it was meant for, whatever stands in it.
    #[test]
    fn an_answer(destination in select(&REDIRECTS[..]), state in any::<String>()) {
        let query = serde_urlencoded::to_string([("state", state.as_str())]).unwrap();
        let location = with_query(destination, &query);
        prop_assert!(http::HeaderValue::try_from(&location).is_ok());
        let (meant, went) = (Url::parse(destination).unwrap(), Url::parse(&location).unwrap());
        prop_assert_eq!((meant.scheme(), meant.authority(), meant.path()), (went.scheme(), went.authority(), went.path()));
        prop_assert!(went.fragment().is_none());
        prop_assert!(went.query_pairs().any(|(name, value)| name == "state" && value == state.as_str()));
    }

    /// What is read of a form is what others read of it, each parameter once; anything else is refused.
    #[test]
    fn a_token_request(form in changed(FORMS), tail in vec(any::<u8>(), 0..4)) {
        let bytes = [form.as_bytes(), &tail].concat();
        let all: Result<Map<String, Value>, _> = read(&bytes);
        prop_assert_eq!(read::<TokenRequest>(&bytes).is_ok(), all.is_ok());
        let Ok(mut all) = all else { return Ok(()) };
        // A list, which others read as several.
        all.remove("resource");
        let others: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().filter(|(name, value)| !value.is_empty() && name != "resource").collect();
        prop_assert_eq!(others.len(), all.len());
        for (name, value) in others {
            prop_assert!(!value.contains(['\0', '\u{FFFD}']), "{value:?}");
            prop_assert_eq!(all.get(&name).and_then(Value::as_str), Some(value.as_str()));
        }
    }

    /// A request that is found right says so too after its way through the login page, and asks for nothing that its
    /// client may not have.
    #[test]
    fn an_authorization_request(query in changed(QUERIES)) {
        let Ok(request) = read::<AuthorizationRequest>(query.as_bytes()) else { return Ok(()) };
        let client = client();
        let checked = request.check(&client, "https://shop.example/auth");
        let again: AuthorizationRequest = read(serde_urlencoded::to_string(&request).unwrap().as_bytes()).unwrap();
        prop_assert_eq!(format!("{:?}", again.check(&client, "https://shop.example/auth")), format!("{:?}", checked));
        prop_assert_eq!(again.destination(Some(&client)), request.destination(Some(&client)));
        if let Ok(uri) = request.destination(Some(&client)) {
            prop_assert!(client.redirect_uris.iter().any(|registered| redirect_matches(registered, uri)));
        }
        if let Ok(authorization) = checked {
            prop_assert!(authorization.scopes.within(&client.scopes) && !authorization.scopes.is_empty());
            prop_assert!(authorization.challenge.is_some(), "without a proof key");
            prop_assert!(request.request.is_none());
        }
    }

    /// Claims that are asked for by name are a JSON object or are refused.
    #[test]
    fn a_claims_parameter(text in changed(CLAIMS)) {
        if let Ok(wishes) = Wishes::parse(Some(&text)) {
            prop_assert!(serde_json::from_str::<Value>(&text).unwrap().is_object());
            let _ = (wishes.subject(), wishes.check_acr("x"), wishes.named_for(&client()));
        }
    }

    /// Whom an assertion claims to be from is a text in it, or it is refused.
    #[test]
    fn a_client_assertion(text in changed(ASSERTIONS), kind in select(vec![Some(BEARER), Some("x"), None])) {
        if let Ok(client_id) = claimed_client(&text, kind) {
            prop_assert!(kind == Some(BEARER) && !client_id.is_empty());
        }
    }

    /// An assertion that is taken speaks of this client, to this server, and now.
    #[test]
    fn what_a_client_assertion_says(
        (issuer, subject) in (select(vec!["demo", "other", ""]), select(vec!["demo", "other", ""])),
        audience in vec(select(vec!["https://x/auth", "https://x/auth/token", "https://evil/auth", ""]), 0..3),
        expires_at in prop_oneof![-200..8000_i64, any::<i64>()],
        begins in vec(prop::option::of(prop_oneof![-200..200_i64, any::<i64>()]), 2),
    ) {
        let now = time::OffsetDateTime::from_unix_timestamp(1_795_262_400).unwrap();
        let at = |offset: i64| offset.saturating_add(now.unix_timestamp());
        let (issued_at, not_before) = (begins[0].map(at), begins[1].map(at));
        let assertion =
            Assertion { issuer, subject, audience: &audience, id: "1", expires_at: at(expires_at), issued_at, not_before };
        if assertion.check("demo", &["https://x/auth".to_owned(), "https://x/auth/token".to_owned()], now).is_ok() {
            prop_assert_eq!((issuer, subject), ("demo", "demo"));
            prop_assert!(!audience.is_empty() && audience.iter().all(|it| it.starts_with("https://x/auth")));
            prop_assert!((1..=3660).contains(&expires_at), "{}", expires_at);
            prop_assert!([issued_at, not_before].into_iter().flatten().all(|it| it <= at(60)));
        }
    }

    /// A reference that this server has not resolved itself grants nothing.
    #[test]
    fn a_request_uri(reference in changed(REFERENCES)) {
        let query = format!("{}&{}", QUERIES[0], serde_urlencoded::to_string([("request_uri", &reference)]).unwrap());
        let Ok(request) = read::<AuthorizationRequest>(query.as_bytes()) else { return Ok(()) };
        prop_assert_eq!(request.request_uri.is_none(), reference.is_empty());
        prop_assert_eq!(request.check(&client(), "https://shop.example/auth").is_ok(), reference.is_empty());
    }
}
