//! Holds a document to an OpenAPI schema: the part of that language that our definitions use.

use std::collections::BTreeSet;

use regex::Regex;
use relay_core::config::nearest;
use serde_json::Value as Schema;

use super::node::{Node, Value};

/// A disagreement between document and schema.
pub(super) struct Mismatch {
    pub(super) line: u64,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// All disagreements, in the order of the document.
pub(super) fn check(node: &Node, schema: &Schema) -> Vec<Mismatch> {
    let mut checker = Checker::default();
    checker.value("", node, schema);
    checker.found
}

#[derive(Default)]
struct Checker {
    found: Vec<Mismatch>,
}

impl Checker {
    fn report(&mut self, line: u64, reason: &'static str, message: String) {
        self.found.push(Mismatch { line, reason, message });
    }

    fn invalid(&mut self, line: u64, path: &str, words: impl AsRef<str>) {
        self.report(line, "Invalid", format!("{} {}", named(path), words.as_ref()));
    }

    fn value(&mut self, path: &str, node: &Node, schema: &Schema) {
        match (schema["type"].as_str(), &node.value) {
            (Some("object"), Value::Map(entries)) => {
                self.object(path, node.line, entries, schema);
            }
            (Some("array"), Value::List(items)) => self.list(path, node.line, items, schema),
            (Some("string"), Value::Text(text)) => self.text(path, node.line, text, schema),
            (Some("integer"), Value::Number(number)) if !number.is_f64() => {
                self.integer(path, node.line, number, schema);
            }
            (None, _) | (Some("boolean"), Value::Bool(_)) => {}
            (Some("string"), Value::Number(_) | Value::Bool(_)) => {
                self.invalid(node.line, path, "must be a text: put it in quotes");
            }
            (Some(expected), found) => {
                let expected = match expected {
                    "object" => "a map",
                    "array" => "a list",
                    "string" => "a text",
                    "integer" => "a whole number",
                    _ => "true or false",
                };
                self.invalid(node.line, path, format!("must be {expected}, found {}", found.kind()));
            }
        }
    }

    fn object(&mut self, path: &str, line: u64, entries: &[(super::node::Key, Node)], schema: &Schema) {
        if schema["x-kubernetes-preserve-unknown-fields"] == true {
            return;
        }
        let properties = schema["properties"].as_object();
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Schema::as_str) {
            if !entries.iter().any(|(key, _)| key.name == required) {
                self.invalid(line, &join(path, required), "is missing");
            }
        }
        for (key, node) in entries {
            let place = join(path, &key.name);
            if let Some(property) = properties.and_then(|properties| properties.get(&key.name)) {
                self.value(&place, node, property);
            } else if schema["additionalProperties"].is_object() {
                self.value(&place, node, &schema["additionalProperties"]);
            } else {
                let known: Vec<&str> = properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                let hint = match nearest(&key.name, &known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("the keys known here are {}", known.join(", ")),
                };
                self.report(key.line, "UnknownKey", format!("unknown key `{place}`, {hint}"));
            }
        }
    }

    fn list(&mut self, path: &str, line: u64, items: &[Node], schema: &Schema) {
        let length = items.len() as u64;
        if let Some(least) = schema["minItems"].as_u64().filter(|least| length < *least) {
            self.invalid(line, path, format!("needs at least {least} entries, has {length}"));
        }
        if let Some(most) = schema["maxItems"].as_u64().filter(|most| length > *most) {
            self.invalid(line, path, format!("takes at most {most} entries, has {length}"));
            return;
        }
        for (index, item) in items.iter().enumerate() {
            self.value(&format!("{path}[{index}]"), item, &schema["items"]);
        }
        let keys: Vec<&str> =
            schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten().filter_map(Schema::as_str).collect();
        if keys.is_empty() {
            return;
        }
        let mut seen = BTreeSet::new();
        for item in items {
            let identity: Vec<&str> = keys.iter().filter_map(|key| item.get(key).and_then(Node::text)).collect();
            if identity.len() == keys.len() && !seen.insert(identity.clone()) {
                self.report(
                    item.line,
                    "Duplicate",
                    format!("{} has two entries with {} `{}`", named(path), keys.join(", "), identity.join(", ")),
                );
            }
        }
    }

    fn text(&mut self, path: &str, line: u64, text: &str, schema: &Schema) {
        let length = text.chars().count() as u64;
        if let Some(choices) = schema["enum"].as_array() {
            let choices: Vec<&str> = choices.iter().filter_map(Schema::as_str).collect();
            if !choices.contains(&text) {
                self.invalid(line, path, format!("must be one of {}", choices.join(", ")));
            }
            return;
        }
        if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
            self.invalid(line, path, format!("has {length} characters, needs at least {least}"));
        } else if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
            self.invalid(line, path, format!("has {length} characters, takes at most {most}"));
        } else if let Some(pattern) = schema["pattern"].as_str() {
            // Our own constants; a pattern that does not compile is caught by a test, and checked by the server anyway.
            if Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text)) {
                self.invalid(line, path, format!("must match {pattern}"));
            }
        }
    }

    fn integer(&mut self, path: &str, line: u64, number: &serde_json::Number, schema: &Schema) {
        let (Some(value), least, most) = (number.as_i64(), bound(schema, "minimum"), bound(schema, "maximum")) else {
            return self.invalid(line, path, "is far too large");
        };
        if let Some(least) = least.filter(|least| value < *least) {
            self.invalid(line, path, format!("must be at least {least}"));
        }
        if let Some(most) = most.filter(|most| value > *most) {
            self.invalid(line, path, format!("must be at most {most}"));
        }
    }
}

/// Kubernetes keeps bounds as floating-point numbers; all of ours are small whole ones.
#[allow(clippy::cast_possible_truncation, reason = "the bounds of our schemas are small whole numbers")]
fn bound(schema: &Schema, name: &str) -> Option<i64> {
    schema[name].as_f64().map(|bound| bound as i64)
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn named(path: &str) -> String {
    if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn messages(yaml: &str) -> Vec<String> {
        let schema = json!({
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 4, "pattern": "^[a-z]+$"},
                "count": {"type": "integer", "minimum": 1.0, "maximum": 3.0},
                "kind": {"type": "string", "enum": ["A", "B"]},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "nodes": {
                    "type": "array", "minItems": 1, "maxItems": 2, "x-kubernetes-list-map-keys": ["id"],
                    "items": {"type": "object", "properties": {"id": {"type": "string"}}}
                },
            }
        });
        let node: Node = serde_saphyr::from_str(yaml).unwrap();
        check(&node, &schema).into_iter().map(|found| format!("{}: {}", found.line, found.message)).collect()
    }

    #[test]
    fn a_good_document_passes() {
        assert_eq!(messages("name: abc\ncount: 3\nkind: A\nlabels: {x: z}\nnodes: [{id: a}, {id: b}]\n"), [""; 0]);
    }

    #[test]
    fn each_rule_is_told_with_its_line() {
        for (yaml, expected) in [
            ("count: 1\n", "1: `name` is missing"),
            ("name: abc\ncoumt: 1\n", "2: unknown key `coumt`, did you mean `count`?"),
            ("name: abcde\n", "1: `name` has 5 characters, takes at most 4"),
            ("name: ''\n", "1: `name` has 0 characters, needs at least 1"),
            ("name: A1\n", "1: `name` must match ^[a-z]+$"),
            ("name: 12\n", "1: `name` must be a text: put it in quotes"),
            ("name: [a]\n", "1: `name` must be a text, found a list"),
            ("name: a\ncount: 0\n", "2: `count` must be at least 1"),
            ("name: a\ncount: 4\n", "2: `count` must be at most 3"),
            ("name: a\ncount: 1.5\n", "2: `count` must be a whole number, found a fraction"),
            ("name: a\nkind: C\n", "2: `kind` must be one of A, B"),
            ("name: a\nlabels:\n  x: 1\n", "3: `labels.x` must be a text: put it in quotes"),
            ("name: a\nnodes: []\n", "2: `nodes` needs at least 1 entries, has 0"),
            ("name: a\nnodes: [{}, {}, {}]\n", "2: `nodes` takes at most 2 entries, has 3"),
            ("name: a\nnodes:\n- id: a\n- id: a\n", "4: `nodes` has two entries with id `a`"),
            ("name: a\nnodes:\n- idd: a\n", "3: unknown key `nodes[0].idd`, did you mean `id`?"),
        ] {
            assert_eq!(messages(yaml), [expected], "{yaml}");
        }
    }

    #[test]
    fn patterns_of_our_kinds_compile() {
        fn patterns(schema: &Schema, found: &mut Vec<String>) {
            match schema {
                Schema::Object(object) => {
                    found.extend(object.get("pattern").and_then(Schema::as_str).map(str::to_owned));
                    object.values().for_each(|inner| patterns(inner, found));
                }
                Schema::Array(items) => items.iter().for_each(|inner| patterns(inner, found)),
                _ => {}
            }
        }
        let mut found = Vec::new();
        for definition in crate::crds::all().unwrap() {
            patterns(definition.schema(), &mut found);
        }
        assert!(found.len() > 10);
        for pattern in found {
            assert!(Regex::new(&pattern).is_ok(), "{pattern}");
        }
    }
}
