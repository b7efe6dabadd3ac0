//! What may be declared, how names are filled in, and what the fields make of an answer.

use serde_json::{Map, json};

use super::{declared::Resource, fields::NotAsDeclared, joined::Freshness, template::Target};
use crate::policies::Policies;

const ROUTE: &str = r#"routes = [{ path = "/api/a/v1/", service = "a", timeout = 1, pause = 1, body = 1 }]
[api.x]
title = "X"
about = "Y"
"#;
const GOOD: &str = r#"[[resource]]
path = "/api/x/v1/{id}/page"
summary = "s"
scopes = []
timeout = 1000
names = [{ name = "id", type = "string" }]
query = [{ name = "q", type = "string", default = "a&b" }, { name = "n", type = "integer", least = 1, most = 9 }, { name = "t", type = "string", shortest = 1, longest = 2 }]
parts = [
  { name = "one", get = "/api/a/v1/{id}?q={q}", query = ["n"], required = true },
  { name = "two", get = "/api/a/v1/two/{one.size}" },
]
fields = [
  { name = "id", from = "one.id", type = "string" },
  { name = "list[].n", from = "two.items[].inner.n", type = "integer" },
  { name = "list[].text", from = "two.items[].text", type = "string", optional = true },
]
"#;

fn resource() -> Resource {
    let policies = Policies::read(&format!("{ROUTE}{GOOD}")).unwrap();
    Resource::clone(&policies.resources[0])
}

#[test]
fn what_comes_with_the_gateway_is_declared_well() {
    let standard = Policies::standard();
    let names: Vec<_> = standard.resources.iter().map(|it| it.name).collect();
    assert!(
        names.contains(&"/api/shop/v1/products/{sku}/page") && names.contains(&"/api/mobile/v1/orders"),
        "{names:?}"
    );
}

#[test]
fn a_fault_in_a_resource_names_its_line() {
    for (is, becomes, line, what) in [
        ("/api/x/v1/{id}/page", "/api/z/v1/{id}", 6, "[api.NAME]"),
        ("/api/x/v1/{id}/page", "/api/x/v1/{Id}", 6, "`{Id}`"),
        ("/api/x/v1/{id}/page", "/api/a/v1/page", 6, "[api.NAME]"),
        ("{ name = \"id\", type = \"string\" }", "", 6, "`names`"),
        ("timeout = 1000", "timeout = 0", 9, "0 is not from 1"),
        ("\"/api/a/v1/{id}?q={q}\"", "\"/api/b/v1/{id}\"", 13, "no route leads"),
        ("?q={q}", "?q={n}", 13, "`n`"),
        ("?q={q}", "?q={two.x}", 13, "no part `two` above"),
        ("query = [\"n\"]", "query = [\"m\"]", 13, "`m`"),
        ("name = \"two\"", "name = \"one\"", 14, "`one`"),
        ("from = \"one.id\"", "from = \"three.id\"", 17, "`three`"),
        ("from = \"one.id\"", "from = \"one.id[]\"", 17, "`id[]`"),
        ("from = \"one.id\"", "from = \"one.ids[].id\"", 17, "as many lists"),
        ("name = \"list[].text\"", "name = \"list[].n\"", 19, "taken"),
        ("name = \"list[].text\"", "name = \"list[].n.text\"", 19, "taken"),
        ("name = \"id\", from", "name = \"list.id\", from", 18, "taken"),
        (", required = true", "", 6, "required"),
    ] {
        assert!(GOOD.contains(is), "{is}");
        let fault = Policies::read(&format!("{ROUTE}{}", GOOD.replacen(is, becomes, 1))).unwrap_err().to_string();
        assert!(fault.starts_with(&format!("line {line}: ")) && fault.contains(what), "{becomes} gave {fault}");
    }
}

#[test]
fn a_resource_that_is_declared_twice_is_a_fault() {
    let fault = Policies::read(&format!("{ROUTE}{GOOD}{GOOD}")).unwrap_err().to_string();
    assert_eq!(fault, "line 22: `/api/x/v1/{id}/page` is declared twice, above as `/api/x/v1/{id}/page`");
    // What the names are is all the same to the paths.
    let other = GOOD.replace("{id}", "{sku}").replacen("name = \"id\"", "name = \"sku\"", 1);
    let fault = Policies::read(&format!("{ROUTE}{GOOD}{other}")).unwrap_err().to_string();
    assert_eq!(fault, "line 22: `/api/x/v1/{sku}/page` is declared twice, above as `/api/x/v1/{id}/page`");
    let more = GOOD.replace("/v1/{id}/page", "/v1/{id}/pages");
    assert!(Policies::read(&format!("{ROUTE}{GOOD}{more}")).is_ok());
}

#[test]
fn a_path_gives_its_names_and_whatever_they_are_they_change_nothing_else() {
    let resource = resource();
    assert_eq!(resource.path.values("/api/x/v1/1/page").unwrap()["id"], "1");
    assert_eq!(resource.path.values("/api/x/v1/a%3Fb&c=d%20e/page").unwrap()["id"], "a?b&c=d e");
    for other in ["/api/x/v1/1/pages", "/api/x/v1/page", "/api/x/v1/1/2/page", "/api/x/v1/1/page/"] {
        assert!(resource.path.values(other).is_none(), "{other}");
    }
    let target = Target::read("/v1/{id}?q={id}").unwrap();
    let filled = target.filled(|_| Some("a/../b?c&d=e#ä".into())).unwrap();
    assert_eq!(filled, "/v1/a%2F..%2Fb%3Fc%26d%3De%23%C3%A4?q=a%2F..%2Fb%3Fc%26d%3De%23%C3%A4");
    assert!(target.filled(|_| None).is_none() && Target::read("/v1/{id").is_err());
}

#[test]
fn a_query_is_read_as_it_is_declared() {
    let values = |query| resource().values([("id".to_owned(), "1".to_owned())].into(), query);
    assert_eq!(values("n=5&other=x").unwrap()["q"], "a&b");
    assert_eq!(values("q=c%20d&n=5").unwrap()["q"], "c d");
    for bad in ["n=x", "n=1&n=2", "q=%FF", "q=%00", "n=0", "n=10", "t=", "t=abc"] {
        assert_eq!(values(bad).unwrap_err().code(), "invalid_query", "{bad}");
    }
}

#[test]
fn fields_take_what_they_name_and_lists_go_item_by_item() {
    let (resource, mut joined) = (resource(), Map::new());
    let answer = json!({"items": [{"inner": {"n": 1}, "text": "a"}, {"inner": {"n": 2}, "text": null}]});
    resource.fields[1].take(&answer, &mut joined).unwrap();
    resource.fields[2].take(&answer, &mut joined).unwrap();
    assert_eq!(json!(joined), json!({"list": [{"n": 1, "text": "a"}, {"n": 2}]}));
    let mut empty = Map::new();
    resource.fields[1].take(&json!({"items": []}), &mut empty).unwrap();
    assert_eq!(json!(empty), json!({"list": []}));
    for bad in [json!({}), json!({"items": 1}), json!({"items": [{}]}), json!({"items": [{"inner": {"n": "1"}}]})] {
        assert_eq!(resource.fields[1].take(&bad, &mut Map::new()), Err(NotAsDeclared), "{bad}");
    }
}

#[test]
fn a_whole_is_for_everybody_only_if_every_part_is() {
    let said = |text: &str, age: Option<&str>| {
        let age = age.map(|age| (http::header::AGE, age.parse().unwrap()));
        [(http::header::CACHE_CONTROL, text.parse().unwrap())].into_iter().chain(age).collect::<http::HeaderMap>()
    };
    let all = |parts: &[&str]| parts.iter().fold(Freshness::Unsaid, |fresh, it| fresh.and(&said(it, None)));
    assert_eq!(all(&["public, max-age=60", "max-age=5, Public"]), Freshness::Public(5));
    for one in [
        "private, max-age=60",
        "max-age=60",
        "public",
        "no-store",
        "public, max-age=60, no-cache",
        "public, max-age=9, private=\"x\"",
    ] {
        assert_eq!(all(&["public, max-age=60", one]), Freshness::Private, "{one}");
    }
    assert_eq!(Freshness::Public(5).and(&http::HeaderMap::new()), Freshness::Private);
    // What has lain in a cache is fresh for less.
    for (age, left) in [("20", 40), ("60", 0), ("61", 0)] {
        assert_eq!(Freshness::Unsaid.and(&said("public, max-age=60", Some(age))), Freshness::Public(left));
    }
}
