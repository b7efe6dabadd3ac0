//! A service's database is its own, and NATS is the suite's.

use std::fs;

use async_nats::{ConnectErrorKind, ConnectOptions};
use e2e::patiently;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::setting::{databases, own_suite, shared_suite};

#[tokio::test]
async fn a_role_of_one_service_is_refused_by_every_other_database() {
    let suite = shared_suite().await;
    let databases = databases(suite);
    for (service, url) in &databases {
        let own: PgConnectOptions = url.parse().unwrap();
        PgConnection::connect_with(&own).await.unwrap_or_else(|error| panic!("{service} at home: {error}"));
        for other in databases.keys().filter(|other| *other != service) {
            let refused = PgConnection::connect_with(&own.clone().database(other)).await;
            let error = refused.err().unwrap_or_else(|| panic!("{service} may connect to {other}"));
            // 42501: insufficient_privilege.
            assert_eq!(
                error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref(),
                Some("42501"),
                "{error}"
            );
        }
        let elsewhere = PgConnection::connect_with(&own.database("postgres")).await;
        assert!(elsewhere.is_err(), "{service} may connect to the maintenance database");
    }
}

#[tokio::test]
async fn nats_refuses_whoever_does_not_know_its_password_and_nobody_writes_it_down() {
    let suite = own_suite().await;
    let (nats, url) = (suite.nats(), suite.nats().url());
    let guesses = [ConnectOptions::new(), ConnectOptions::with_user_and_password("suite".into(), "suite".into())];
    for stranger in guesses {
        let refused = stranger.connect(nats.address()).await.unwrap_err();
        assert_eq!(refused.kind(), ConnectErrorKind::AuthorizationViolation, "{refused}");
    }
    registry::connect(ConnectOptions::new(), &url).await.unwrap();

    let (_, password) = url.split_once('@').unwrap().0.rsplit_once(':').unwrap();
    suite.start_with("store", &[("LOG", "trace".to_owned())]).unwrap();
    let logs = patiently(async || {
        let logs: Vec<_> = suite.status().into_iter().map(|it| Ok((fs::read_to_string(&it.log)?, it.id))).collect();
        let logs = logs.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let talkative =
            logs.iter().any(|(log, _)| log.contains("attempting connection") && log.contains("event: connected"));
        anyhow::ensure!(talkative, "nobody tells of connections");
        Ok(logs)
    });
    for (log, id) in logs.await.unwrap() {
        assert!(!log.contains(password), "{id} has written it down");
    }
}
