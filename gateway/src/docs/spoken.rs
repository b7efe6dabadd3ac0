//! What the gateway does for services and says in their contracts: that XML and CBOR are spoken, and `?fields=`.

use serde_json::{Value, json};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];
/// The name of the schema of what is written as XML.
const AS_XML: &str = "AsXml";

/// Adds it to all operations at a path that `speaks`.
pub fn add(contract: &mut Value, speaks: impl Fn(&str) -> bool) {
    let base = contract["servers"][0]["url"].as_str().unwrap_or_default().trim_end_matches('/').to_owned();
    let mut any = false;
    for (path, item) in members(contract.get_mut("paths")) {
        if !speaks(&format!("{base}{path}")) {
            continue;
        }
        any = true;
        for (method, operation) in members(Some(item)).filter(|(method, _)| METHODS.contains(&method.as_str())) {
            described(operation.pointer_mut("/requestBody/content"));
            for (_, response) in members(operation.get_mut("responses")) {
                described(response.get_mut("content"));
            }
            if method == "get" && operation.pointer("/responses/200/content/application~1json").is_some() {
                choose(operation);
            }
        }
    }
    if any {
        for (_, response) in members(contract.pointer_mut("/components/responses")) {
            described(response.get_mut("content"));
        }
        contract["components"]["schemas"][AS_XML] = as_xml();
    }
}

fn members(object: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    object.and_then(Value::as_object_mut).into_iter().flatten()
}

fn choose(operation: &mut Value) {
    let Some(operation) = operation.as_object_mut() else { return };
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.push(fields());
    }
}

// The same content in the other formats.
fn described(content: Option<&mut Value>) {
    let Some(content) = content else { return };
    for (json, xml) in
        [("application/json", "application/xml"), ("application/problem+json", "application/problem+xml")]
    {
        let Some(known) = content.get(json).cloned() else { continue };
        content[xml] = json!({"schema": {"$ref": format!("#/components/schemas/{AS_XML}")}});
        content["application/cbor"] = known;
    }
}

fn as_xml() -> Value {
    json!({
        "type": "string",
        "description": "The same data as in JSON. A member is an element of its name, a member of a list is `item`, and what \
            is no string says its `type`; the root is `data`, or `problem`.",
        "example": "<data type=\"object\"><sku>MUG-BLUE</sku><price type=\"object\"><amount type=\"number\">1490</amount>\
            <currency>EUR</currency></price></data>",
    })
}

fn fields() -> Value {
    json!({
        "name": "fields",
        "in": "query",
        "required": false,
        "description": "Only these members, of each item of a list: `sku,price.amount`. For thin clients.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+)*(,[A-Za-z0-9_]+(\\.[A-Za-z0-9_]+)*)*$"},
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn contract() -> Value {
        let json = |schema: &str| json!({"application/json": {"schema": {"$ref": schema}}});
        let problem = json!({"application/problem+json": {"schema": {"$ref": "#/Problem"}}});
        json!({
            "servers": [{"url": "/api/store"}],
            "paths": {
                "/v1/carts": {
                    "parameters": [],
                    "get": {"responses": {"200": {"content": json("#/Page")}, "404": {"$ref": "#/NotFound"}}},
                    "post": {"requestBody": {"content": json("#/NewCart")},
                        "responses": {"201": {"content": json("#/Cart")}, "400": {"content": problem}}},
                },
                "/v1/pictures": {"get": {"responses": {"200": {"content": {"image/png": {}}}}}},
                "/openapi.json": {"get": {"responses": {"200": {"content": json("#/Any")}}}},
            },
            "components": {"responses": {"NotFound": {"content": problem}}, "schemas": {}},
        })
    }

    #[test]
    fn what_is_spoken_stands_beside_json_where_it_is_and_nowhere_else() {
        let mut spoken = contract();
        add(&mut spoken, |path| path.starts_with("/api/store/v1/"));
        let types = |at: &str| {
            let content = spoken.pointer(at).unwrap_or_else(|| panic!("no {at}"));
            // In whatever order.
            content.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>()
        };
        let data = ["application/cbor", "application/json", "application/xml"];
        let problem = ["application/cbor", "application/problem+json", "application/problem+xml"];
        assert_eq!(types("/paths/~1v1~1carts/get/responses/200/content"), set(&data));
        assert_eq!(types("/paths/~1v1~1carts/post/requestBody/content"), set(&data));
        assert_eq!(types("/paths/~1v1~1carts/post/responses/400/content"), set(&problem));
        assert_eq!(types("/components/responses/NotFound/content"), set(&problem));
        assert_eq!(types("/paths/~1v1~1pictures/get/responses/200/content"), set(&["image/png"]));
        assert_eq!(types("/paths/~1openapi.json/get/responses/200/content"), set(&["application/json"]));
        let of = |method: &str| spoken["paths"]["/v1/carts"][method]["parameters"][0]["name"].clone();
        assert_eq!((of("get"), of("post")), ("fields".into(), Value::Null));
        assert!(spoken["paths"]["/v1/pictures"]["get"].get("parameters").is_none());
        let xml = &spoken["paths"]["/v1/carts"]["post"]["responses"]["201"]["content"]["application/xml"];
        assert!(spoken.pointer(&xml["schema"]["$ref"].as_str().unwrap()[1..]).is_some());
    }

    #[test]
    fn a_contract_of_which_nothing_is_spoken_stays_as_it_is() {
        let mut spoken = contract();
        add(&mut spoken, |_| false);
        assert_eq!(spoken, contract());
    }
}
