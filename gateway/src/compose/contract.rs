//! The contract of virtual resources, made from their declaration.

use serde_json::{Map, Value, json};

use super::{
    declared::{Parameter, Resource},
    fields::object,
};
use crate::policies::Policies;

/// The contract of an API of virtual resources, if one is declared.
pub fn of(policies: &Policies, api: &str) -> Option<Value> {
    let described = policies.apis.get(api)?;
    let scopes: Vec<&str> = policies.scopes(api).collect();
    let scopes: Vec<_> = scopes.iter().map(|scope| (*scope, "")).collect();
    let document = web::contract::document(api, &described.title, &described.about, env!("CARGO_PKG_VERSION"), &scopes);
    let mut document = serde_json::to_value(document).ok()?;
    let mut paths = Map::new();
    for resource in policies.resources.iter().filter(|resource| resource.api == api) {
        let path = resource.name.strip_prefix("/api/").and_then(|rest| rest.strip_prefix(api))?;
        paths.insert(path.to_owned(), json!({"get": operation(resource)}));
    }
    document["paths"] = Value::Object(paths);
    Some(document)
}

impl Policies {
    fn scopes(&self, api: &str) -> impl Iterator<Item = &str> {
        let of_api = self.resources.iter().filter(move |resource| resource.api == api);
        let all: std::collections::BTreeSet<&str> = of_api.flat_map(|it| &it.scopes).map(String::as_str).collect();
        all.into_iter()
    }
}

fn operation(resource: &Resource) -> Value {
    let parameter = |it: &Parameter, place: &str| {
        let mut described = json!({"name": it.name, "in": place, "required": place == "path", "schema": it.schema()});
        if let Some(about) = &it.about {
            described["description"] = about.as_str().into();
        }
        described
    };
    let in_path = resource.names.iter().map(|it| parameter(it, "path"));
    let in_query = resource.query.iter().map(|it| parameter(it, "query"));
    let problem = |about: &str| {
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        json!({"description": about, "content": {"application/problem+json": {"schema": schema}}})
    };
    let id = resource.name.trim_start_matches("/api/").replace(['/', '-'], "_").replace(['{', '}'], "");
    let text = |about: &str| json!({"schema": {"type": "string"}, "description": about});
    let cached = json!({"Cache-Control": text("`no-store` unless every part is public and none is missing."),
        "ETag": text("If it may be kept.")});
    let known = json!({"ETag": text("Its tag.")});
    json!({
        "tags": [resource.api],
        "summary": resource.summary,
        "description": description(resource),
        "operationId": id,
        "parameters": in_path.chain(in_query).collect::<Vec<_>>(),
        "responses": {
            "200": {"description": "The parts that there are.", "headers": cached,
                "content": {"application/json": {"schema": schema(resource)}}},
            "304": {"description": "The caller has it already, by its tag.", "headers": known},
            "400": problem("The path or the query cannot be read."),
            "401": problem("No valid access token."),
            "403": problem("The token does not carry the scope of a required part."),
            "404": problem("A required part says that there is no such thing."),
            "503": problem("A required part cannot be asked now; try again after `Retry-After` seconds."),
            "504": problem("A required part did not answer in time."),
            "default": problem("Any other problem, of a required part or of the gateway."),
        },
        "security": [{"oauth2": resource.scopes}],
    })
}

fn description(resource: &Resource) -> String {
    let named = |required| {
        let parts = resource.parts.iter().filter(move |part| part.required == required);
        parts.map(|part| format!("`{}`", part.name)).collect::<Vec<_>>().join(", ")
    };
    let joined = format!("Joined from {}", named(true));
    match named(false) {
        optional if optional.is_empty() => format!("{joined}."),
        optional => format!("{joined}, and {optional} if they answer in time; `missing` names those that did not."),
    }
}

fn schema(resource: &Resource) -> Value {
    let mut schema = object();
    for field in &resource.fields {
        field.describe(&mut schema, resource.parts[field.part].required);
    }
    let optional: Vec<_> = resource.parts.iter().filter(|part| !part.required).map(|part| part.name).collect();
    if !optional.is_empty() {
        if let Some(required) = schema["required"].as_array_mut() {
            required.push("missing".into());
        }
        schema["properties"]["missing"] = json!({
            "type": "array",
            "description": "The parts that did not answer.",
            "items": {"type": "object", "required": ["part", "reason"], "properties": {
                "part": {"type": "string", "enum": optional},
                "reason": {"type": "string", "description": "`code` of the problem that came instead.", "example": "upstream_timeout"},
                "status": {"type": "integer", "description": "Its status, if there was an answer.", "example": 503},
            }},
        });
    }
    schema
}
