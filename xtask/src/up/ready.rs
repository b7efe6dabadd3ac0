//! What somebody wants to know once the suite is ready.

use std::{path::Path, time::Duration};

use launch::suite::Suite;

/// Addresses, users, logs, and how long it took.
pub(super) fn block(suite: &Suite, took: Duration, logs: &Path) -> String {
    let url = suite.public_url();
    let instances = suite.status().len();
    format!(
        "
ready in {:.1} s: {instances} processes, PostgreSQL on port {}, NATS at {}

  shop API    {url}/api/{{service}}/v1/…     store inventory accounting shipping order
  contracts   {url}/docs                   Swagger UI; press Authorize and log in
  login       {url}/auth                   OAuth 2.0 and OpenID Connect
  users       alice bob carol (customers)  sam (staff)  olga (operator)
              password: {{name}}-demo-password, e.g. alice-demo-password
  logs        {}

  cargo retail demo   buys something, and something that must be undone
  cargo retail down   stops all this, as does Ctrl-C where it was started",
        took.as_secs_f64(),
        suite.postgres().access().port,
        suite.nats().address(),
        logs.display(),
    )
}
