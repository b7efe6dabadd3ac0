//! The way into NATS. The client sends nothing of a name and password that stand in its URL, and shows that URL in its log.

use async_nats::{Client, ConnectError, ConnectOptions};

/// Connects to `nats://[NAME:PASSWORD@]HOST:PORT`, or `nats://TOKEN@HOST:PORT`. Name and password are taken as they
/// stand: letters and digits need no escape.
pub async fn connect(options: ConnectOptions, url: &str) -> Result<Client, ConnectError> {
    let (login, address) = apart(url);
    let options = match login.map(|login| login.split_once(':').ok_or(login)) {
        Some(Ok((name, password))) => options.user_and_password(name.to_owned(), password.to_owned()),
        Some(Err(token)) => options.token(token.to_owned()),
        None => options,
    };
    options.connect(address).await
}

fn apart(url: &str) -> (Option<&str>, String) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("nats", url));
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    (login, format!("{scheme}://{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_in_is_no_part_of_the_address() {
        for (url, login, address) in [
            ("nats://nats:4222", None, "nats://nats:4222"),
            ("nats://suite:s3cret@nats:4222", Some("suite:s3cret"), "nats://nats:4222"),
            ("tls://suite:a@b:c@[::1]:4222", Some("suite:a@b:c"), "tls://[::1]:4222"),
            ("nats://t0ken@nats:4222", Some("t0ken"), "nats://nats:4222"),
            ("nats:4222", None, "nats://nats:4222"),
        ] {
            assert_eq!(apart(url), (login, address.to_owned()), "{url}");
        }
    }
}
