//! The definitions in `crds/` are the ones that the types generate, and keep the promises that users rely on.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use operator::crds::{self, Definition};
use serde_json::Value;

const LARGEST: usize = 200_000;

fn definitions() -> [Definition; 3] {
    crds::all().unwrap()
}

#[test]
fn the_tree_holds_what_the_types_generate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crds");
    for definition in definitions() {
        let file = folder.join(definition.file);
        let on_disk = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            on_disk == definition.to_yaml().unwrap(),
            "crds/{} is out of date: run `cargo run -- crds --out crds`",
            definition.file
        );
    }
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(files, definitions().len(), "crds/ holds a file that no kind generates");
}

#[test]
fn plain_apply_can_store_each_definition() {
    // `kubectl apply` keeps a copy in an annotation of at most 256 KiB.
    for definition in definitions() {
        let size = definition.to_yaml().unwrap().len();
        assert!(size < LARGEST, "{} has {size} bytes", definition.file);
    }
}

#[test]
fn every_string_and_list_is_bounded() {
    for definition in definitions() {
        for part in ["spec", "status"] {
            bounded(&definition.schema()["properties"][part], &format!("{}.{part}", definition.kind));
        }
    }
}

fn bounded(schema: &Value, path: &str) {
    assert!(schema.get("nullable").is_none(), "{path} is nullable");
    assert!(schema.get("description").is_some(), "{path} is not described");
    match schema["type"].as_str() {
        Some("string") => {
            assert!(schema["enum"].is_array() || schema["maxLength"].is_u64(), "{path} has no bound");
        }
        Some("array") => {
            assert!(schema["maxItems"].is_u64(), "{path} has no bound");
            bounded(&schema["items"], &format!("{path}[]"));
        }
        Some("object") => {
            let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{path} is an open map"));
            for (name, property) in properties {
                bounded(property, &format!("{path}.{name}"));
            }
        }
        Some("integer") => {}
        other => panic!("{path} has type {other:?}"),
    }
}

#[test]
fn kinds_have_the_short_names_and_columns_that_people_type_and_read() {
    let expected = [
        ("minerpools", "mp", "Ready Reason Miners Suppliers Height Age"),
        ("relayerpools", "rp", "Ready Reason Relayers Miners Age"),
        ("suppliers", "sup", "Ready Reason Stake Balance Services Miner Last-Claim Earned Age Operator Pool Message"),
    ];
    for (definition, (plural, short, columns)) in definitions().iter().zip(expected) {
        let spec = &definition.definition["spec"];
        assert_eq!(spec["group"], "relay.pocket.network");
        assert_eq!(spec["scope"], "Namespaced");
        assert_eq!(spec["names"]["plural"], plural);
        assert_eq!(spec["names"]["shortNames"][0], short);
        assert_eq!(spec["names"]["categories"][0], "pocket");
        let version = &spec["versions"][0];
        assert_eq!(version["name"], "v1alpha1");
        assert!(version["subresources"]["status"].is_object());
        let names: Vec<&str> = version["additionalPrinterColumns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["name"].as_str().unwrap())
            .collect();
        assert_eq!(names.join(" "), columns);
    }
}
