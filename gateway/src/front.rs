//! The server: a runtime per core, each with a listener, its callers' connections and its own to the services. What is
//! forwarded passes no router; the gateway's own pages are one.

mod connection;
mod counted;
mod runtime;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    response::Response,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use web::Door;

use crate::{App, connections::Bounds, proxy, tls::Tls, trail};
use runtime::Listeners;

/// How routes that no router leads to are called in spans and metrics.
const FORWARDED: &str = "/{*path}";

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

    async fn answer(self: Arc<Self>, mut request: Request, peer: SocketAddr) -> Response {
        request.extensions_mut().insert(ConnectInfo(peer));
        let id = trail::name(&mut request);
        let mut response = self.unnamed(request).await;
        trail::tell(id, &mut response);
        response
    }

    async fn unnamed(self: Arc<Self>, request: Request) -> Response {
        if self.app.policies.load().route(request.uri().path()).is_none() {
            // A router cannot fail.
            return self.pages.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        }
        web::answered(request, FORWARDED, |request| {
            // It is large, and would be moved into each of those around it.
            trail::lay(request, |request| Box::pin(proxy::forward(State(Arc::clone(&self.app)), request)))
        })
        .await
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
