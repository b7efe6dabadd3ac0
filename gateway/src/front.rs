//! The server: a runtime per core, each with a listener, its callers' connections and its own to the services. What is
//! forwarded passes no router; the gateway's own pages are one.

mod connection;
mod counted;
mod runtime;

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    response::Response,
};
use futures::{FutureExt, future::Either};
use http::Extensions;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use web::Door;

use crate::{App, connections::Bounds, peer::Peer, present::Present, proxy, tls::Tls, trail};
use runtime::Listeners;

/// How routes that no router leads to are called in spans and metrics.
const FORWARDED: &str = "/{*path}";

/// Where a request comes from, as it was noted for the gateway's own pages.
pub fn peer(extensions: &Extensions) -> Option<Peer> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| Peer::at(peer.0))
}

/// What answers every request.
pub struct Front {
    app: Arc<App>,
    pages: Router,
    bounds: Bounds,
    tls: Option<Tls>,
}

impl Front {
    /// `pages` answers what no route takes.
    pub fn new(app: Arc<App>, pages: Router, tls: Option<Tls>) -> Self {
        Self { app, pages: web::around(pages), bounds: Bounds::default(), tls }
    }

    /// Where TLS is spoken, if it is.
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref()?.address()
    }

    // Each is a future in a future, without a state of its own around it: they are moved with every request.
    fn answer(&self, mut request: Request, peer: &Peer) -> impl Future<Output = Response> {
        let now = Instant::now();
        let present = Present::of(request.headers());
        let id = trail::name(&mut request, present);
        let answer = if self.app.policies.load().route(request.uri().path()).is_some() {
            let forward = move |request| proxy::forward(&self.app, request, present, Some(peer), now);
            Either::Left(web::answered(request, (FORWARDED, id.clone()), now, forward))
        } else {
            request.extensions_mut().insert(ConnectInfo(peer.address));
            // A router cannot fail.
            let page = self.pages.clone().oneshot(request).map(|page| page.unwrap_or_else(|never| match never {}));
            Either::Right(Box::pin(page))
        };
        answer.map(|mut response| {
            trail::tell(id, &mut response);
            response
        })
    }
}

impl web::Server for Front {
    async fn serve(mut self, door: Door) -> io::Result<()> {
        // Dropped when the deadline is over.
        let cut = CancellationToken::new();
        let _cut = cut.clone().drop_guard();
        let (listeners, acceptor) = self.tls.take().map_or((Vec::new(), None), |it| (it.listeners, Some(it.acceptor)));
        let mut under_tls = listeners.into_iter().zip(acceptor.into_iter().cycle());
        let front = Arc::new(self);
        let mut running = Vec::new();
        for (number, listener) in door.listeners.into_iter().enumerate() {
            let tls =
                under_tls.next().map(|(listener, tls)| io::Result::Ok((listener.into_std()?, tls))).transpose()?;
            let listeners = Listeners { plain: listener.into_std()?, tls };
            running.push(runtime::start(number, listeners, &front, &door.closing, &cut)?);
        }
        for ended in running {
            // A runtime that ends without a word has panicked.
            ended.await.map_err(io::Error::other)??;
        }
        Ok(())
    }
}
