//! Who may use what.

use super::source::{Finding, Source};

/// What the rules of the trade may be written with: values, no effects.
const PURE: &[&str] = &[
    "std",
    "core",
    "alloc",
    "contracts",
    "time",
    "serde",
    "serde_json",
    "thiserror",
    "utoipa",
    "uuid",
    "base64",
    "hex",
    "sha2",
    "subtle",
    "super",
    "self",
    "Self",
];
/// Clock, randomness and effects within crates that are pure otherwise.
const IMPURE: &[&str] = &[
    "now_utc(",
    "now_v7(",
    "new_v4(",
    "::generate(",
    "SystemTime::",
    "Instant::now",
    "std::env",
    "std::fs",
    "async fn",
];
const SQL: &[&str] = &["select ", "insert into ", "update ", "delete from ", "create table ", "with "];
const SQL_CALLS: &[&str] = &["query!(", "query_as!(", "query_scalar!(", "sqlx::query", "raw_sql("];
/// Crates that hold SQL by trade, or start and inspect databases.
const SQL_CRATES: &[&str] = &["shared/messaging/", "shared/database/", "shared/launch/", "shared/testkit/", "xtask/"];
const ENVIRONMENT: &[&str] = &["env::var", "env::vars", "env::var_os", "env = \""];
/// Tools, whose environment is the developer's.
const TOOLS: &[&str] = &["xtask/", "e2e/", "shared/launch/", "shared/testkit/"];
const SERVICES: &[&str] = &["auth", "gateway", "store", "inventory", "accounting", "shipping", "order"];
const FOR_TESTS: &[&str] = &["testkit", "launch", "xtask", "e2e"];
const SHARED: &[&str] = &["contracts", "crash", "database", "messaging", "proof", "registry", "web"];
/// What those shared crates may use that must not depend on everything.
const SHARED_MAY_USE: &[(&str, &[&str])] = &[
    ("shared/contracts/", &[]),
    ("shared/crash/", &[]),
    ("shared/proof/", &[]),
    ("shared/registry/", &[]),
    ("shared/database/", &["crash"]),
    ("shared/web/", &["crash", "registry"]),
];

pub(super) fn domain_is_pure(source: &Source) -> Vec<Finding> {
    if !source.is_in_service() || source.is_test() || source.room().is_none_or(|(_, room)| room != "domain") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (line, code) in source.code() {
        if let Some(used) = used_crate(code).filter(|it| !PURE.contains(it)) {
            found.push(source.finding(line, format!("the domain may not use `{used}`")));
        }
        if let Some(effect) = IMPURE.iter().find(|effect| code.contains(**effect)) {
            found.push(source.finding(line, format!("the domain has no effects: `{effect}`; pass the value in")));
        }
    }
    found
}

/// What a `use` begins with; `crate::domain` is the room itself, and so are its own modules.
fn used_crate(code: &str) -> Option<&str> {
    let code = code.trim_start();
    if code.starts_with("pub use ") || code.starts_with("pub(super) use ") || code.starts_with("pub(crate) use ") {
        // Tables of contents re-export their own parts.
        return None;
    }
    let path = code.strip_prefix("use ")?.trim_start_matches("::");
    if path.starts_with("crate::domain") {
        return None;
    }
    let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(path.len());
    Some(&path[..end])
}

pub(super) fn sql_stands_in_db_only(source: &Source) -> Vec<Finding> {
    let allowed = SQL_CRATES.iter().any(|it| source.path.starts_with(it))
        || source.is_test()
        || source.room().is_some_and(|(_, room)| room == "db");
    if allowed || !source.is_rust() {
        return Vec::new();
    }
    let speaks_sql = |code: &str| {
        let text = code.to_ascii_lowercase();
        let quoted =
            text.split('"').skip(1).any(|literal| SQL.iter().any(|verb| literal.starts_with(verb)) && is_sql(literal));
        quoted || SQL_CALLS.iter().any(|call| code.contains(call))
    };
    let lines = source.code().filter(|(_, code)| speaks_sql(code));
    lines.map(|(line, _)| source.finding(line, "SQL stands in `db` only (and in `messaging`)")).collect()
}

/// `update ` also begins English sentences.
fn is_sql(literal: &str) -> bool {
    [" from ", " set ", " into ", " as (", "select "].iter().any(|word| literal.contains(word))
        || literal.starts_with("create")
}

pub(super) fn environment_is_read_in_config_only(source: &Source) -> Vec<Finding> {
    let is_config = source.room().is_some_and(|(_, room)| room == "config");
    let settings = is_config || source.path.ends_with("/settings.rs");
    // `healthcheck` of every process asks for one address only, before there are settings.
    let healthcheck = source.path == "shared/web/src/process.rs";
    let tool = TOOLS.iter().any(|it| source.path.starts_with(it));
    if settings || healthcheck || tool || source.is_test() || !source.is_rust() {
        return Vec::new();
    }
    let reads = |code: &str| ENVIRONMENT.iter().any(|read| code.contains(read));
    let lines = source.code().filter(|(_, code)| reads(code));
    lines.map(|(line, _)| source.finding(line, "the environment is read in `config.rs` only")).collect()
}

pub(super) fn depends_on_what_it_may(source: &Source) -> Vec<Finding> {
    let Some(directory) = source.path.strip_suffix("Cargo.toml").filter(|it| !it.is_empty()) else { return Vec::new() };
    let may = SHARED_MAY_USE.iter().find(|(shared, _)| *shared == directory).map(|(_, may)| *may);
    let mut found = Vec::new();
    let mut section = "";
    for (index, line) in source.text.lines().enumerate() {
        section = if line.starts_with('[') { line } else { section };
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        let own = source.is_in_service() || directory.starts_with("shared/");
        let wrong = match section {
            "[dependencies]" if own && FOR_TESTS.contains(&name) => directory != "shared/testkit/",
            "[dependencies]" if may.is_some_and(|may| SHARED.contains(&name) && !may.contains(&name)) => true,
            "[dependencies]" | "[dev-dependencies]" => own && SERVICES.contains(&name),
            _ => false,
        };
        if wrong {
            found.push(source.finding(index + 1, format!("{directory} may not depend on `{name}`")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_file(path: &str, text: &str) -> Source {
        Source::of(path, text)
    }

    const DOMAIN: &str = "services/store/src/domain/cart.rs";
    const HTTP: &str = "services/store/src/http.rs";

    #[test]
    fn a_domain_with_effects_is_found() {
        for code in [
            "use sqlx::PgConnection;",
            "use web::Problem;",
            "use crate::db;",
            "async fn load() {}",
            "    let now = OffsetDateTime::now_utc();",
            "    let id = CartId::generate();",
        ] {
            assert_eq!(domain_is_pure(&in_file(DOMAIN, code)).len(), 1, "{code}");
            assert!(domain_is_pure(&in_file(HTTP, code)).is_empty(), "{code}");
        }
    }

    #[test]
    fn a_domain_of_values_passes() {
        let text = "use std::fmt;\nuse contracts::{Money, Sku};\nuse super::line::Line;\nuse crate::domain::Cart;\n\
                    #[cfg(test)]\nmod tests { use proptest::prelude::*; }";
        assert!(domain_is_pure(&in_file(DOMAIN, text)).is_empty());
    }

    #[test]
    fn sql_outside_db_is_found() {
        for code in [
            "    sqlx::query!(r#\"x\"#)",
            "    let text = \"SELECT id FROM cart\";",
            "    let text = \"update cart set state = $1\";",
        ] {
            assert_eq!(sql_stands_in_db_only(&in_file(HTTP, code)).len(), 1, "{code}");
            assert!(sql_stands_in_db_only(&in_file("services/store/src/db/carts.rs", code)).is_empty(), "{code}");
        }
        for code in ["summary = \"Update a cart\"", "/// \"select a from b\"", "let a = \"with love\";"] {
            assert!(sql_stands_in_db_only(&in_file(HTTP, code)).is_empty(), "{code}");
        }
    }

    #[test]
    fn reading_the_environment_outside_config_is_found() {
        for code in ["std::env::var(\"X\")", "    #[arg(long, env = \"X\")]"] {
            assert_eq!(environment_is_read_in_config_only(&in_file(HTTP, code)).len(), 1, "{code}");
            for config in ["services/store/src/config.rs", "services/store/src/config/keys.rs"] {
                assert!(environment_is_read_in_config_only(&in_file(config, code)).is_empty(), "{config}: {code}");
            }
        }
        assert!(environment_is_read_in_config_only(&in_file(HTTP, "env!(\"CARGO_PKG_VERSION\")")).is_empty());
    }

    #[test]
    fn a_dependency_through_a_wall_is_found() {
        let breaches = [
            ("services/store/Cargo.toml", "[dependencies]\ninventory.workspace = true"),
            ("services/store/Cargo.toml", "[dev-dependencies]\ninventory.workspace = true"),
            ("services/store/Cargo.toml", "[dependencies]\ntestkit.workspace = true"),
            ("gateway/Cargo.toml", "[dependencies]\nauth = { path = \"../auth\" }"),
            ("shared/web/Cargo.toml", "[dependencies]\ncontracts.workspace = true"),
            ("shared/contracts/Cargo.toml", "[dependencies]\nregistry.workspace = true"),
            ("shared/messaging/Cargo.toml", "[dependencies]\norder.workspace = true"),
        ];
        for (path, text) in breaches {
            assert_eq!(depends_on_what_it_may(&in_file(path, text)).len(), 1, "{path}: {text}");
        }
        let fine = [
            (
                "services/store/Cargo.toml",
                "[dependencies]\nweb.workspace = true\n[dev-dependencies]\ntestkit.workspace = true",
            ),
            ("shared/web/Cargo.toml", "[dependencies]\nregistry.workspace = true"),
            ("shared/testkit/Cargo.toml", "[dependencies]\nlaunch.workspace = true"),
            ("e2e/Cargo.toml", "[dependencies]\nstore.workspace = true"),
        ];
        for (path, text) in fine {
            assert!(depends_on_what_it_may(&in_file(path, text)).is_empty(), "{path}: {text}");
        }
    }
}
