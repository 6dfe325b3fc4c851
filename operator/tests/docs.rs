//! The page about resources names every field and every reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::Value;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/resources.md")).unwrap()
}

/// The paths of all values, and of what groups them only where the page says something about it.
fn leaves(schema: &Value, path: &str, found: &mut Vec<String>) {
    match schema["type"].as_str() {
        Some("object") => {
            for (name, property) in schema["properties"].as_object().unwrap() {
                leaves(property, &format!("{path}.{name}"), found);
            }
        }
        Some("array") => leaves(&schema["items"], &format!("{path}[]"), found),
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn every_field_is_described() {
    let page = page();
    for definition in operator::crds::all().unwrap() {
        let section = page.split(&format!("## {} (", definition.kind)).nth(1).expect(definition.kind);
        let section = section.split("\n## ").next().unwrap();
        let mut fields = Vec::new();
        leaves(&definition.schema()["properties"]["spec"], "spec", &mut fields);
        assert!(fields.len() >= 5);
        for field in &mut fields {
            *field = of_any_kind(field);
        }
        for field in &fields {
            assert!(section.contains(&format!("| `{field}` |")), "{}: {field} is not described", definition.kind);
        }
        let described = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        for field in described {
            let exists = fields.iter().any(|known| known == field || known.strip_prefix(field).is_some_and(below));
            assert!(exists, "{}: there is no {field}", definition.kind);
        }
    }
}

/// The backends of all kinds of request have the same fields, which are described once.
fn of_any_kind(field: &str) -> String {
    let kinds = ["jsonRpc", "rest", "cometBft", "webSocket", "grpc"];
    let kind = kinds.into_iter().find(|kind| field.contains(&format!(".backends.{kind}.")));
    kind.map_or_else(|| field.to_owned(), |kind| field.replace(&format!(".{kind}."), ".<kind>."))
}

/// Whether the rest of a path leads further down.
fn below(rest: &str) -> bool {
    rest.starts_with(['.', '['])
}

#[test]
fn every_reason_is_described() {
    let page = page();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/validate");
    let mut found = 0;
    for file in std::fs::read_dir(sources).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for reason in text.split('"').filter(|word| is_reason(word)) {
            assert!(reason == "Invalid" || page.contains(&format!("`{reason}`")), "{reason} is not described");
            found += 1;
        }
    }
    assert!(found > 10);
}

fn is_reason(word: &str) -> bool {
    let pascal = word.chars().next().is_some_and(char::is_uppercase) && word.chars().all(char::is_alphanumeric);
    pascal && !["MinerPool", "RelayerPool", "Supplier", "Secret"].contains(&word)
}
