//! Who is at the other end of a caller's connection.

use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;

/// Its address, also as services are told it: that is spelled once for all requests of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    pub spelled: HeaderValue,
}

impl Peer {
    /// The one at this address.
    pub fn at(address: SocketAddr) -> Self {
        let spelled = HeaderValue::try_from(address.ip().to_canonical().to_string());
        // An address is made of nothing but visible characters.
        Self { address, spelled: spelled.unwrap_or(HeaderValue::from_static("unknown")) }
    }

    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_spelled_as_short_as_it_can_be() {
        for (address, spelled) in
            [("10.0.0.9:1", "10.0.0.9"), ("[::ffff:10.0.0.9]:1", "10.0.0.9"), ("[2001:db8:0::1]:1", "2001:db8::1")]
        {
            assert_eq!(Peer::at(address.parse().unwrap()).spelled, spelled);
        }
    }
}
