//! A service's database is its own.

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::setting::{databases, shared_suite};

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
