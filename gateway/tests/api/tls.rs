//! The listener that speaks TLS, with a certificate authority of our own.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use gateway::{
    cache::Limits,
    config::{Config, TlsSettings, discovery},
    policies::Policies,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::{Certificate, Client, Version};
use testkit::Temporary;

use crate::{
    raw,
    services::{Arrived, Instance},
    world::{PUBLIC_URL, SECRET, SOON, World, policies},
};

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: Temporary,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, directory: Temporary::new("tls").unwrap() }
    }

    /// A certificate for loopback, and its key.
    fn certify(&self, name: &str) -> TlsSettings {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let file = |kind: &str, text: &str| {
            let path = self.directory.path().join(format!("{name}.{kind}.pem"));
            fs::write(&path, text).unwrap();
            Some(path)
        };
        TlsSettings {
            tls_bind: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            tls_certificate: file("certificate", &certificate.pem()),
            tls_key: file("key", &key.serialize_pem()),
        }
    }

    /// A caller that trusts this authority only.
    fn caller(&self) -> Client {
        let trusted = Certificate::from_pem(self.issuer.pem().as_bytes()).unwrap();
        Client::builder().no_proxy().tls_certs_only([trusted]).build().unwrap()
    }
}

struct UnderTls {
    plain: String,
    tls: SocketAddr,
    _world: World,
}

impl UnderTls {
    async fn start(tls: &TlsSettings, policies: Policies) -> anyhow::Result<Self> {
        let (world, store) = (World::new().await, Instance::echo("store").await);
        let config = Config {
            web: web::Settings::on_loopback(PUBLIC_URL, &world.auth.url, &world.nats.url()),
            discovery: discovery(&format!("store={}", store.address)).unwrap(),
            policies: None,
            runtimes: Some(2),
            tls: tls.clone(),
            gateway_client_secret: SECRET.to_owned().into(),
        };
        let (service, front) = gateway::start(&config, policies.shared(), Limits::default()).await?;
        let (plain, tls) = (service.handle()?.address, front.tls_address().unwrap());
        tokio::spawn(service.serve(front));
        Ok(Self { plain, tls, _world: world })
    }

    fn url(&self) -> String {
        format!("https://{}/api/store/v1/x", self.tls)
    }
}

async fn arrived(caller: &Client, url: &str) -> (Version, Arrived) {
    let answer = caller.get(url).bearer_auth("good-1").send().await.unwrap();
    (answer.version(), answer.json().await.unwrap())
}

#[tokio::test]
async fn callers_that_trust_the_authority_are_served_over_either_version_of_http() {
    let authority = Authority::new();
    let gateway = UnderTls::start(&authority.certify("good"), policies()).await.unwrap();
    let (version, over_http2) = arrived(&authority.caller(), &gateway.url()).await;
    assert_eq!((version, over_http2.target.as_str()), (Version::HTTP_2, "/v1/x"));
    assert_eq!(over_http2.headers["x-forwarded-proto"], ["https"]);
    let trusted = Certificate::from_pem(authority.issuer.pem().as_bytes()).unwrap();
    let older = Client::builder().no_proxy().tls_certs_only([trusted]).http1_only().build().unwrap();
    assert_eq!(arrived(&older, &gateway.url()).await.0, Version::HTTP_11);
    // Who stands behind it goes on in the clear.
    let inside = Client::builder().no_proxy().build().unwrap();
    assert_eq!(arrived(&inside, &format!("{}/api/store/v1/x", gateway.plain)).await.1.target, "/v1/x");
}

#[tokio::test]
async fn callers_that_do_not_trust_the_authority_or_speak_no_tls_get_nothing() {
    let authority = Authority::new();
    let gateway = UnderTls::start(&authority.certify("good"), policies()).await.unwrap();
    let stranger = Authority::new().caller().get(gateway.url()).send().await.unwrap_err();
    assert!(stranger.is_connect(), "{stranger:?}");
    let told = raw::send(&gateway.tls.to_string(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(!told.contains("HTTP/1.1 "), "{told}");
    arrived(&authority.caller(), &gateway.url()).await;
}

#[tokio::test]
async fn who_does_not_finish_the_handshake_is_given_up() {
    let authority = Authority::new();
    let mut impatient = policies();
    impatient.connections.patience.head = SOON;
    let gateway = UnderTls::start(&authority.certify("good"), impatient).await.unwrap();
    // The first bytes of a handshake, and no more.
    let address = gateway.tls.to_string();
    let told = tokio::time::timeout(Duration::from_secs(10), raw::send(&address, "\x16\x03\x01"));
    assert_eq!(told.await.unwrap(), "");
}

#[tokio::test]
async fn what_is_refused_in_the_clear_is_refused_under_tls_too() {
    let authority = Authority::new();
    let gateway = UnderTls::start(&authority.certify("good"), policies()).await.unwrap();
    for (path, status) in [("/api/store/v1/x%00y", 400), ("/api/store/v1/x", 401)] {
        let answer = authority.caller().get(format!("https://{}{path}", gateway.tls)).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
}

#[tokio::test]
async fn files_that_do_not_fit_stop_the_start_and_are_named() {
    let authority = Authority::new();
    let (good, other) = (authority.certify("good"), authority.certify("other"));
    let absent = Some(Path::new("/nowhere/key.pem").to_owned());
    let empty = authority.directory.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for (wrong, said) in [
        (TlsSettings { tls_key: other.tls_key, ..good.clone() }, "TLS_KEY is not the key of TLS_CERTIFICATE"),
        (TlsSettings { tls_key: absent.clone(), ..good.clone() }, "TLS_KEY: /nowhere/key.pem"),
        (TlsSettings { tls_certificate: absent, ..good.clone() }, "TLS_CERTIFICATE: /nowhere/key.pem"),
        (TlsSettings { tls_certificate: Some(empty), ..good.clone() }, "holds no certificate"),
    ] {
        let fault = UnderTls::start(&wrong, policies()).await.err().unwrap();
        assert!(format!("{fault:#}").contains(said), "{fault:#}");
    }
}
