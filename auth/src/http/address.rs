//! Where a request came from.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::{HeaderMap, request::Parts};

/// The address of whoever sent a request: the gateway says whose it forwards, and replaces what a caller says of that.
/// Who reaches this service past the gateway may claim any.
#[derive(Clone, Copy)]
pub struct Address(pub Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        Ok(Self(forwarded_for(&parts.headers).or_else(peer).map(|address| address.to_canonical())))
    }
}

fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_proxy_says_whose_request_it_forwards() {
        let headers =
            |value: &'static str| HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), value.parse().unwrap())]);
        assert_eq!(forwarded_for(&headers("10.0.0.9")), Some([10, 0, 0, 9].into()));
        assert_eq!(forwarded_for(&headers("1.2.3.4, 10.0.0.9")), Some([10, 0, 0, 9].into()));
        for nobody in ["", "unknown", "10.0.0.9:80"] {
            assert_eq!(forwarded_for(&headers(nobody)), None, "{nobody}");
        }
    }
}
