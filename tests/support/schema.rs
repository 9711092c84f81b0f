//! Holds JSON against the schemas that ringfence prints: as much of draft 2020-12 as they use, and stricter in one thing: a field
//! that a schema does not know is an error here, for then the schema is out of date.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Bed;

/// A schema as `ringfence schema NAME` prints it.
pub struct Schema(Value);

impl Schema {
    pub fn of(name: &str) -> Schema {
        let schema: Value = Bed::new().run(&["schema", name, "--json"]).exits(0).json();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        Schema(schema)
    }

    /// Fails where `value` does not fit.
    #[track_caller]
    pub fn fits(&self, value: &Value) {
        if let Err(why) = self.whole(&self.0, &self.0, value) {
            panic!("{why}\n{value:#}");
        }
    }

    /// Fails where `value` does fit.
    #[track_caller]
    pub fn refuses(&self, value: &Value) {
        assert!(self.whole(&self.0, &self.0, value).is_err(), "{value:#}");
    }

    /// `value` by `schema`, all of whose fields it must know. `base` is the document that its references start in.
    fn whole(&self, schema: &Value, base: &Value, value: &Value) -> Result<(), String> {
        let known = self.check(schema, base, value)?;
        let names = value.as_object().map(Map::keys).into_iter().flatten();
        let unknown: Vec<_> = names.filter(|name| !known.contains(*name)).collect();
        // A schema that says nothing of fields allows any.
        if known.is_empty() || unknown.is_empty() { Ok(()) } else { Err(format!("not in the schema: {unknown:?}")) }
    }

    /// The fields of `value` that `schema` knows, where it fits.
    fn check(&self, schema: &Value, base: &Value, value: &Value) -> Result<BTreeSet<String>, String> {
        let mut known = BTreeSet::new();
        let Value::Object(rules) = schema else {
            let allowed = schema.as_bool().expect("a schema is an object or a boolean");
            return if allowed { Ok(known) } else { Err("it must not be there".into()) };
        };
        for (rule, to) in rules {
            let branches = || to.as_array().unwrap().iter().map(|branch| self.check(branch, base, value));
            match rule.as_str() {
                "$schema" | "$id" | "$defs" | "title" | "description" | "then" => {}
                "$ref" => {
                    let (target, base) = self.target(to.as_str().unwrap(), base);
                    known.extend(self.check(target, base, value)?);
                }
                "oneOf" | "anyOf" => {
                    let fits: Vec<_> = branches().filter_map(Result::ok).collect();
                    if fits.is_empty() || rule == "oneOf" && fits.len() > 1 {
                        let why: Vec<_> = branches().filter_map(Result::err).collect();
                        return Err(format!("{rule}: {} fit: {why:?}", fits.len()));
                    }
                    known.extend(fits.into_iter().flatten());
                }
                "if" => {
                    if let Ok(more) = self.check(to, base, value) {
                        known.extend(more);
                        known.extend(self.check(&rules["then"], base, value)?);
                    }
                }
                "properties" => {
                    for (name, rule) in to.as_object().unwrap() {
                        if let Some(field) = value.get(name) {
                            self.whole(rule, base, field).map_err(|why| format!("{name}: {why}"))?;
                            known.insert(name.clone());
                        }
                    }
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.whole(to, base, item)?;
                    }
                }
                _ if plain(rule, to, value) => {}
                _ => return Err(format!("{value} against {rule} {to}")),
            }
        }
        Ok(known)
    }

    /// What `reference` leads to, and the document that it is in.
    fn target<'a>(&'a self, reference: &str, base: &'a Value) -> (&'a Value, &'a Value) {
        let (document, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let base = match document {
            "" => base,
            id if self.0["$id"] == *id => &self.0,
            id => self.0["$defs"].as_object().unwrap().values().find(|schema| schema["$id"] == *id).expect(id),
        };
        (base.pointer(pointer).expect(reference), base)
    }
}

/// A rule about a value by itself. An unknown rule is a gap in this file.
fn plain(rule: &str, to: &Value, value: &Value) -> bool {
    let is = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    let bound = to.as_f64();
    match rule {
        "type" => to.as_array().map_or_else(|| is(to), |kinds| kinds.iter().any(is)),
        "const" => value == to,
        "enum" => to.as_array().unwrap().contains(value),
        "required" => {
            !value.is_object() || to.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some())
        }
        "minimum" => value.as_f64() >= bound || !value.is_number(),
        "maximum" => value.as_f64() <= bound || !value.is_number(),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= to.as_u64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= to.as_u64().unwrap()),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= to.as_u64().unwrap()),
        // RFC 3339 in UTC, as all of ours are.
        "format" => value.as_str().is_none_or(|text| text.get(10..11) == Some("T") && text.ends_with('Z')),
        _ => panic!("tests/support/schema.rs does not know {rule}"),
    }
}
