//! Only what a caller wants to see of an answer: `fields=sku,price.amount`. A list is looked through to its members.

use std::collections::BTreeMap;

use http::uri::PathAndQuery;
use serde_json::Value;

use crate::error::Refusal;

const MOST: usize = 50;
const DEEPEST: usize = 8;

/// A tree of names; without names below it, a member is kept whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, Fields>);

impl Fields {
    /// Those that the query names. They are taken out of it.
    pub fn take(target: &mut PathAndQuery) -> Result<Option<Self>, Refusal> {
        let Some(query) = target.query() else { return Ok(None) };
        let (named, rest): (Vec<_>, Vec<_>) = query.split('&').partition(|pair| pair.starts_with("fields="));
        let [named] = named[..] else { return if named.is_empty() { Ok(None) } else { Err(Refusal::BadFields) } };
        let fields = Self::parse(&named["fields=".len()..].replace("%2C", ",").replace("%2c", ","));
        let fields = fields.ok_or(Refusal::BadFields)?;
        let rest = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
        *target = format!("{}{rest}", target.path()).parse().map_err(|_| Refusal::BadFields)?;
        Ok(Some(fields))
    }

    fn parse(list: &str) -> Option<Self> {
        let mut tree = Self::default();
        let paths: Vec<&str> = list.split(',').collect();
        if paths.len() > MOST {
            return None;
        }
        for path in paths {
            let names: Vec<&str> = path.split('.').collect();
            let well_formed =
                |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if names.len() > DEEPEST || !names.iter().all(well_formed) {
                return None;
            }
            tree.add(&names);
        }
        Some(tree)
    }

    // A member that is named itself is whole, whatever is named below it.
    fn add(&mut self, names: &[&str]) {
        let Some((first, below)) = names.split_first() else { return self.0.clear() };
        match self.0.get_mut(*first) {
            Some(known) if known.0.is_empty() => {}
            Some(known) => known.add(below),
            None => {
                let mut new = Self::default();
                new.add(below);
                self.0.insert((*first).to_owned(), new);
            }
        }
    }

    /// Takes everything else out. What is named and is not there stays out: it may be there another time.
    pub fn keep(&self, value: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        match value {
            Value::Array(members) => members.iter_mut().for_each(|member| self.keep(member)),
            Value::Object(members) => {
                members.retain(|name, _| self.0.contains_key(name));
                for (name, member) in members.iter_mut() {
                    self.0[name].keep(member);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_named_is_kept() {
        let page = json!({"items": [{"sku": "A", "price": {"amount": 1, "currency": "EUR"}, "x": 1}, {"sku": "B"}], "next": "n"});
        for (fields, kept) in [
            ("next", json!({"next": "n"})),
            ("items.sku", json!({"items": [{"sku": "A"}, {"sku": "B"}]})),
            ("next,items.price.amount", json!({"items": [{"price": {"amount": 1}}, {}], "next": "n"})),
            ("items,items.sku", json!({"items": page["items"]})),
            ("items.sku,items", json!({"items": page["items"]})),
            ("nothing", json!({})),
        ] {
            let mut value = page.clone();
            Fields::parse(fields).unwrap().keep(&mut value);
            assert_eq!(value, kept, "{fields}");
        }
    }

    #[test]
    fn the_service_does_not_see_them() {
        for (target, rest) in [
            ("/v1/products?fields=sku", "/v1/products"),
            ("/v1/products?limit=1&fields=sku,price.amount&sort=name", "/v1/products?limit=1&sort=name"),
            ("/v1/products?fields=sku%2Cprice", "/v1/products"),
        ] {
            let mut target: PathAndQuery = target.parse().unwrap();
            assert!(Fields::take(&mut target).unwrap().is_some());
            assert_eq!(target, rest);
        }
    }

    #[test]
    fn what_names_no_fields_is_refused() {
        let many = format!("fields={}", ["a"; MOST + 1].join(","));
        let deep = format!("fields={}", ["a"; DEEPEST + 1].join("."));
        for bad in ["fields=", "fields=a,", "fields=a..b", "fields=a&fields=b", "fields=*", "fields=%61", &many, &deep]
        {
            let mut target: PathAndQuery = format!("/v1/products?{bad}").parse().unwrap();
            assert_eq!(Fields::take(&mut target), Err(Refusal::BadFields), "{bad}");
        }
    }
}
