//! Every rule over several objects, with the words in which it is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod folder;

use folder::Folder;
use operator::local::dereference;

fn told(folder: &Folder) -> String {
    dereference::fleet(folder.path()).unwrap_err().to_string().replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_good_folder_becomes_a_fleet() {
    let fleet = dereference::fleet(Folder::good().path()).unwrap();
    assert_eq!(fleet.pools.len(), 1);
    assert_eq!(fleet.pools[0].redis_prefix, "default.main");
    assert_eq!((fleet.relayers(), fleet.processes()), (2, 4));
    assert_eq!(fleet.suppliers().count(), 1);
}

#[test]
fn references_must_lead_somewhere() {
    let folder = Folder::good()
        .replace("relayers.yaml", "minerPoolRef: {name: main}", "minerPoolRef: {name: mian}")
        .replace("supplier.yaml", "minerPoolRef: {name: main}", "minerPoolRef: {name: other}")
        .replace("supplier.yaml", "keySecretRef: {name: key-1}", "keySecretRef: {name: key-2}");
    insta::assert_snapshot!(told(&folder));
}

#[test]
fn a_secret_must_have_the_entry_and_the_label() {
    let entry = Folder::good().replace("supplier.yaml", "  privateKey:", "  key:");
    insta::assert_snapshot!(told(&entry));
    let label = Folder::good().replace("supplier.yaml", r#"supplier-key: "true""#, r#"supplier-key: "yes""#);
    insta::assert_snapshot!(told(&label));
}

#[test]
fn the_key_must_be_the_suppliers_own() {
    let broken = Folder::good().replace("supplier.yaml", "f24567be", "zz4567be");
    let text = told(&broken);
    insta::assert_snapshot!(text);
    assert!(!text.contains("zz4567be"), "a key is quoted");
    let foreign = Folder::good().replace("supplier.yaml", "f24567be", "f24567bf");
    insta::assert_snapshot!(told(&foreign));
    let address = Folder::good().replace("supplier.yaml", "4uu95ur", "4uu95uq");
    insta::assert_snapshot!(told(&address));
}

#[test]
fn one_address_has_one_supplier() {
    let text = Folder::good().text("supplier.yaml").replace("name: supplier-1", "name: supplier-2");
    let twice = text.split("---").next().unwrap_or_default().to_owned();
    insta::assert_snapshot!(told(&Folder::good().file("supplier-2.yaml", &twice)));
}

#[test]
fn relayers_need_a_supplier_to_serve() {
    insta::assert_snapshot!(told(&Folder::good().without("supplier.yaml")));
}

#[test]
fn names_are_given_once_and_are_short() {
    let miners = Folder::good().text("miners.yaml").replace("  redis:\n", "  redis:\n    prefix: other\n");
    let twice = Folder::good().file("miners-2.yaml", &miners);
    insta::assert_snapshot!(told(&twice));
    let long = "a".repeat(41);
    let folder = Folder::good().file("miners-2.yaml", &miners.replace("name: main", &format!("name: {long}")));
    insta::assert_snapshot!(told(&folder));
}

#[test]
fn pools_of_a_folder_share_a_chain_and_not_a_prefix() {
    let other = Folder::good().text("miners.yaml").replace("name: main", "name: other");
    let same = Folder::good().file("other.yaml", &other.replace("  redis:\n", "  redis:\n    prefix: default.main\n"));
    insta::assert_snapshot!(told(&same));
    let elsewhere = Folder::good().file("other.yaml", &other.replace("chainId: pocket", "chainId: pocket-beta"));
    insta::assert_snapshot!(told(&elsewhere));
}

#[test]
fn redis_is_given_in_exactly_one_way() {
    let both = Folder::good().replace("miners.yaml", "external: {", "external: {secretRef: {name: redis, key: url}, ");
    insta::assert_snapshot!(told(&both));
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: redis}\ndata: {url: aHR0cDovL3g=}\n";
    let wrong = Folder::good()
        .replace(
            "miners.yaml",
            "external: {url: 'redis://127.0.0.1:6379'}",
            "external: {secretRef: {name: redis, key: url}}",
        )
        .file("redis.yaml", secret);
    insta::assert_snapshot!(told(&wrong));
}

#[test]
fn a_redis_url_may_come_from_a_secret() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: redis}\ndata: {url: cmVkaXM6Ly86c2VjcmV0QGg6MQ==}\n";
    let folder = Folder::good()
        .replace(
            "miners.yaml",
            "external: {url: 'redis://127.0.0.1:6379'}",
            "external: {secretRef: {name: redis, key: url}}",
        )
        .file("redis.yaml", secret);
    let fleet = dereference::fleet(folder.path()).unwrap();
    assert_eq!(fleet.pools[0].redis_url.as_str(), "redis://:secret@h:1");
    assert!(!format!("{:?}", fleet.pools[0].pool).contains("secret@"));
}

#[test]
fn files_are_held_to_the_schema() {
    let folder = Folder::good()
        .replace("miners.yaml", "replicas: 2", "replicas: 0\n  repilcas: 3")
        .replace("relayers.yaml", "id: eth", "id: eth!")
        .file("strange.yaml", "kind: Deployment\n---\n- a list\n")
        .file("torn.yaml", "kind: [MinerPool\n");
    insta::assert_snapshot!(told(&folder));
}

#[test]
fn a_folder_without_pools_or_files_is_told_so() {
    let folder = Folder::good().without("miners.yaml").without("relayers.yaml");
    insta::assert_snapshot!(told(&folder));
    let empty = Folder::good().without("miners.yaml").without("relayers.yaml").without("supplier.yaml");
    let text = dereference::fleet(empty.path()).unwrap_err().to_string();
    assert!(text.contains("has no .yaml files"), "{text}");
    let missing = dereference::fleet(&empty.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read "), "{missing}");
}
