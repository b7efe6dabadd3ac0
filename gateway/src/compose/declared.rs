//! Virtual resources as they are declared in the policies, and what may be wrong with them.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::{
    fields::{Field, Kind, Place},
    template::{Pattern, Target},
};
use crate::{
    policies::{Sections, Within, name},
    routes::Route,
};

/// A virtual resource.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its path as it is written, which names it in metrics.
    pub name: &'static str,
    pub path: Pattern,
    /// Whose contract it stands in.
    pub api: &'static str,
    pub summary: String,
    pub scopes: Vec<String>,
    /// For all parts together.
    pub timeout: Duration,
    pub names: Vec<Parameter>,
    pub query: Vec<Parameter>,
    pub parts: Vec<Part>,
    pub fields: Vec<Field>,
    /// What is done with its answers, as on the lines of routes.
    pub line: Route,
}

/// What the caller may say in path or query.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    pub default: Option<String>,
    pub about: Option<String>,
    /// The bounds of a number.
    pub least: Option<i64>,
    pub most: Option<i64>,
    /// The bounds of a text's length.
    pub shortest: Option<u32>,
    pub longest: Option<u32>,
    /// For the contract: it is the service that keeps to it.
    pub pattern: Option<String>,
    pub example: Option<String>,
}

/// A request to a service.
#[derive(Clone, Debug)]
pub struct Part {
    pub name: &'static str,
    pub get: Target,
    /// What of the caller's query goes on to it.
    pub query: Vec<String>,
    /// Without it there is no answer.
    pub required: bool,
    /// The parts whose answers it is asked with.
    pub after: Vec<usize>,
    /// Whether another part waits for it.
    pub awaited: bool,
}

/// What a contract says about all its resources: a section `[api.…]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub title: String,
    pub about: String,
}

/// A section `[[resource]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    path: Spanned<String>,
    summary: String,
    scopes: Vec<String>,
    timeout: Within<1, 600_000>,
    #[serde(default)]
    names: Vec<Parameter>,
    #[serde(default)]
    query: Vec<Parameter>,
    parts: Vec<Spanned<PartRow>>,
    fields: Vec<Spanned<FieldRow>>,
    compress: Option<String>,
    formats: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartRow {
    name: String,
    get: String,
    #[serde(default)]
    query: Vec<String>,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldRow {
    name: String,
    from: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    optional: bool,
    about: Option<String>,
}

/// What is wrong, and at which byte.
type Wrong = (usize, String);

impl Row {
    /// At which byte its path stands.
    pub fn at(&self) -> usize {
        self.path.span().start
    }

    /// The resource, or what is wrong with it. `leads`: whether a route takes such a path.
    pub fn checked(
        self,
        apis: &BTreeMap<String, Api>,
        sections: &Sections,
        leads: impl Fn(&str) -> bool,
    ) -> Result<Resource, Wrong> {
        let at = self.at();
        let text = self.path.into_inner();
        let path = Pattern::read(&text).map_err(|what| (at, what))?;
        let api = text.strip_prefix("/api/").and_then(|rest| rest.split_once("/v1/")).map(|(api, _)| api);
        let api = api.filter(|api| apis.contains_key(*api));
        let api = api.ok_or_else(|| (at, format!("`{text}` is not below /api/NAME/v1/ of a section `[api.NAME]`")))?;
        if leads(&text) {
            return Err((at, format!("a route leads to `{text}`")));
        }
        let timeout = Duration::from_millis(self.timeout.get().into());
        let compress = sections.compress.named("compress", self.compress.as_deref()).map_err(|what| (at, what))?;
        let formats = sections.formats.named("formats", self.formats.as_deref()).map_err(|what| (at, what))?;
        let mut resource = Resource {
            line: Route { compress, formats, ..Route::to_nobody(name(&text), name(api), timeout) },
            name: name(&text),
            path,
            api: name(api),
            summary: self.summary,
            scopes: self.scopes,
            timeout,
            names: self.names,
            query: self.query,
            parts: Vec::new(),
            fields: Vec::new(),
        };
        if !resource.names.iter().map(|it| it.name.as_str()).eq(resource.path.names()) {
            return Err((at, "`names` must be those of the path, in order".to_owned()));
        }
        for row in self.parts {
            let at = row.span().start;
            let part = resource.part(row.into_inner(), &leads).map_err(|what| (at, what))?;
            part.after.iter().for_each(|nth| resource.parts[*nth].awaited = true);
            resource.parts.push(part);
        }
        if !resource.parts.iter().any(|part| part.required) {
            return Err((at, "no part is required".to_owned()));
        }
        for row in self.fields {
            let at = row.span().start;
            let field = resource.field(row.into_inner()).map_err(|what| (at, what))?;
            resource.fields.push(field);
        }
        Ok(resource)
    }
}

impl Parameter {
    /// Whether a caller may say this.
    pub fn allows(&self, text: &str) -> bool {
        let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let fits = |number: i64| self.least.is_none_or(|it| number >= it) && self.most.is_none_or(|it| number <= it);
        self.kind.allows(text)
            && self.shortest.is_none_or(|it| length >= it)
            && self.longest.is_none_or(|it| length <= it)
            && (self.kind != Kind::Integer || text.parse().is_ok_and(fits))
    }

    /// Its JSON schema.
    pub fn schema(&self) -> Value {
        let mut schema = self.kind.schema(None);
        for (keyword, bound) in [
            ("minimum", self.least),
            ("maximum", self.most),
            ("minLength", self.shortest.map(Into::into)),
            ("maxLength", self.longest.map(Into::into)),
        ] {
            if let Some(bound) = bound {
                schema[keyword] = bound.into();
            }
        }
        for (keyword, text) in [("pattern", &self.pattern), ("default", &self.default), ("example", &self.example)] {
            if let Some(text) = text {
                schema[keyword] = text.as_str().into();
            }
        }
        schema
    }
}

impl Resource {
    fn part(&self, row: PartRow, leads: impl Fn(&str) -> bool) -> Result<Part, String> {
        let PartRow { name: named, get, query, required } = row;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if named.is_empty() || !named.bytes().all(plain) || self.parts.iter().any(|part| part.name == named) {
            return Err(format!("`{named}` is no name for a part, or there are two of it"));
        }
        let get = Target::read(&get)?;
        if !leads(get.beginning()) {
            return Err(format!("no route leads to `{}`", get.beginning()));
        }
        let mut after = Vec::new();
        for used in get.names() {
            match used.split_once('.') {
                Some((part, _)) => after.push(self.number(part)?),
                None if self.path.names().any(|it| it == used) => {}
                None if self.query.iter().any(|it| it.name == used && it.default.is_some()) => {}
                None => return Err(format!("`{used}` is neither in the path nor in the query with a default")),
            }
        }
        if let Some(unknown) = query.iter().find(|it| !self.query.iter().any(|declared| declared.name == **it)) {
            return Err(format!("`{unknown}` is not in the query"));
        }
        Ok(Part { name: name(&named), get, query, required, after, awaited: false })
    }

    fn field(&self, row: FieldRow) -> Result<Field, String> {
        let FieldRow { name, from, kind, optional, about } = row;
        let (part, place) = from.split_once('.').ok_or_else(|| format!("`{from}` is not PART.PLACE"))?;
        let (part, to, from) = (self.number(part)?, Place::read(&name)?, Place::read(place)?);
        if to.lists() != from.lists() {
            return Err(format!("`{name}` and `{place}` must go through as many lists"));
        }
        if name == "missing" || name.starts_with("missing.") || self.fields.iter().any(|it| it.to.excludes(&to)) {
            return Err(format!("`{name}` is taken"));
        }
        Ok(Field { to, part, from, kind, optional, about })
    }

    fn number(&self, part: &str) -> Result<usize, String> {
        let number = self.parts.iter().position(|it| it.name == part);
        number.ok_or_else(|| format!("there is no part `{part}` above"))
    }
}
