//! How a caller wants a joined answer: in which format, which fields of it, how compressed, and what it knows already.

use axum::response::Response;
use http::{HeaderMap, Method, request::Parts as Head, uri::PathAndQuery};
use web::validated;

use crate::{compress::Accepts, error::Refusal, formats::Shape, present::Present, routes::Route, tags::Tags};

/// What is done with the answer. The parts are asked for without it.
pub struct Wanted {
    method: Method,
    known: HeaderMap,
    shape: Option<Shape>,
    encodings: Option<Accepts>,
    tags: Option<Tags>,
}

impl Wanted {
    /// Of a request, as the resource's line allows it; and the query that is left.
    pub fn take(line: &Route, head: &Head) -> Result<(Self, Option<String>), Refusal> {
        let (mut headers, present) = (head.headers.clone(), Present::of(&head.headers));
        let encodings = Accepts::take(line, &head.method, &mut headers, present);
        let tags = Tags::take(line, &mut headers, present);
        let mut target = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        let shape = Shape::take(line, head, present, &mut target)?;
        let query = target.query().map(str::to_owned);
        Ok((Self { method: head.method.clone(), known: headers, shape, encodings, tags }, query))
    }

    /// The answer so.
    pub async fn give(self, answer: Response) -> Response {
        let mut response = validated(&self.method, &self.known, answer).await;
        if let Some(shape) = &self.shape {
            shape.give(&mut response, None).await;
        }
        if let Some(encodings) = self.encodings {
            encodings.compress(&mut response).await;
        }
        if let Some(tags) = &self.tags {
            tags.tell(&mut response);
        }
        response
    }
}
