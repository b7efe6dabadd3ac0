//! `GET /api/registry/v1/services`: who runs, as this gateway sees it.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use web::{Allowed, Problem};

use crate::App;
use crate::balance::{Ejection, Instance};
use crate::operators::{Operate, Operators};

/// Every service of which this gateway knows an instance, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Services {
    services: Vec<Service>,
}

/// One service.
#[derive(Debug, Serialize, ToSchema)]
pub struct Service {
    #[schema(example = "inventory")]
    name: String,
    instances: Vec<Running>,
}

/// One instance. What only the registry knows is missing where addresses are fixed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Running {
    /// Its id in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    instance: Option<Uuid>,
    /// Host and port.
    #[schema(example = "10.0.0.7:8080")]
    address: String,
    /// Version of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "0.1.0")]
    version: Option<String>,
    /// Where its contract is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, example = "http://10.0.0.7:8080/openapi.json")]
    contract: Option<String>,
    /// Requests of this gateway that it has not answered to the end.
    in_flight: usize,
    /// Its share of the requests: 1 is all that it should get, 0 is ejected.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    weight: f64,
}

impl Running {
    fn of(instance: &Instance, ejection: &Ejection, now: Instant) -> Self {
        let registered = instance.registered.as_ref();
        Self {
            instance: registered.map(|it| it.instance),
            address: instance.authority.to_string(),
            version: registered.map(|it| it.version.clone()),
            contract: registered.map(|it| it.contract.clone()),
            in_flight: instance.in_flight(),
            weight: instance.weight(ejection, now),
        }
    }
}

/// Who runs
///
/// Every service with its instances, as this gateway knows them now: from the registry, or from its settings.
#[utoipa::path(
    get,
    path = "/api/registry/v1/services",
    tag = "operators",
    operation_id = "list_services",
    responses((status = 200, description = "The services.", body = Services), web::contract::Problems),
    security(("oauth2" = ["gateway:operate"])),
)]
async fn list(State(app): State<Arc<App>>, _: Allowed<Operate>) -> Result<Json<Services>, Problem> {
    let (ejection, now) = (app.policies.load().ejection, Instant::now());
    let running = |instances: &[Arc<Instance>]| instances.iter().map(|it| Running::of(it, &ejection, now)).collect();
    let all = app.forwarder.discovery.all().into_iter();
    Ok(Json(Services { services: all.map(|(name, them)| Service { name, instances: running(&them) }).collect() }))
}

/// The page, with its description.
pub fn router() -> OpenApiRouter<Operators> {
    OpenApiRouter::new().routes(routes!(list))
}
