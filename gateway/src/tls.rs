//! The listener that speaks TLS, for callers who come without a proxy that does.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

use crate::config::TlsSettings;

/// Listeners on one address, and how a connection becomes one under TLS.
pub struct Tls {
    pub listeners: Vec<TcpListener>,
    pub acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads certificate and key, and listens; none if that is not set.
    pub async fn open(settings: &TlsSettings, count: usize) -> anyhow::Result<Option<Self>> {
        let (Some(address), Some(certificate), Some(key)) =
            (settings.tls_bind, &settings.tls_certificate, &settings.tls_key)
        else {
            return Ok(None);
        };
        let acceptor = acceptor(certificate, key)?;
        let listeners = web::listen(address, count).await;
        let listeners = listeners.with_context(|| format!("cannot listen on {address} (TLS_BIND)"))?;
        Ok(Some(Self { listeners, acceptor }))
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listeners.first()?.local_addr().ok()
    }
}

fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.with_context(|| format!("TLS_CERTIFICATE: {}", certificate.display()))?;
    anyhow::ensure!(!chain.is_empty(), "TLS_CERTIFICATE: {} holds no certificate", certificate.display());
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| format!("TLS_KEY: {}", key.display()))?;
    // Named, because other crates bring providers as well.
    let config =
        ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions();
    let config = config?.with_no_client_auth().with_single_cert(chain, key);
    let mut config = config.context("TLS_KEY is not the key of TLS_CERTIFICATE")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
