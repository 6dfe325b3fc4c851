use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{Care, KeyRing, KeySource, KeyWatch, KeysError};
use crate::address::{Address, SecretKey};
use crate::config::KeysSection;

const KEY: &str = "2208f22a189d84f064bbc0798d052ddd32cee33c5a282f167e4e628ab7195c90";
const ADDRESS: &str = "pokt1xlzu0q86fv6ne2l52qxem2xxj2fkj40jccmhcd";
const OTHER_KEY: &str = "e61f54e5360a2f326080d66b1d0370dfbbdfc77a69114c69c268d76caa272ed4";
const OTHER_ADDRESS: &str = "pokt10n5zm3qxtsmv5w6upx60d442e6ctwa607wc092";

fn cases(list: &str, count: usize) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/keys.json");
    let vectors: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let cases = vectors[list].as_array().unwrap().clone();
    assert_eq!(cases.len(), count);
    cases
}

fn text<'v>(case: &'v Value, field: &str) -> &'v str {
    case[field].as_str().unwrap()
}

fn directory(path: &Path) -> Result<KeyRing, KeysError> {
    KeySource::from_section(&KeysSection { directory: Some(path.to_owned()), ..KeysSection::default() }).load()
}

fn list_file(path: &Path) -> Result<KeyRing, KeysError> {
    KeySource::from_section(&KeysSection { file: Some(path.to_owned()), ..KeysSection::default() }).load()
}

fn addresses(ring: &KeyRing) -> Vec<&str> {
    ring.addresses().map(Address::as_str).collect()
}

fn expected(case: &Value) -> Vec<&str> {
    case["keys"].as_array().unwrap().iter().map(|key| text(key, "address")).collect()
}

/// The keys of the ring are those of the case, digit for digit.
fn assert_keys(ring: &KeyRing, case: &Value) {
    assert_eq!(addresses(ring), expected(case), "{}", case["name"]);
    for key in case["keys"].as_array().unwrap() {
        let address = text(key, "address").parse().unwrap();
        let same = SecretKey::from_hex(text(key, "private_key")).unwrap();
        let message = [5; 32];
        assert_eq!(ring.get(&address).unwrap().sign_prehash(&message), same.sign_prehash(&message));
    }
}

#[test]
fn list_files_load_as_recorded() {
    let folder = TempDir::new().unwrap();
    let mut refused_only_here = Vec::new();
    let cases = cases("supplier_file", 30);
    for case in &cases {
        let path = folder.path().join(text(case, "file"));
        fs::write(&path, text(case, "content")).unwrap();
        match (list_file(&path), text(&case["result"], "verdict")) {
            (Ok(ring), "ok") => assert_keys(&ring, case),
            (Err(KeysError::ListFile { .. }), "ok") => refused_only_here.push(text(case, "name")),
            (Err(KeysError::ListFile { .. }), "error") => {}
            (result, verdict) => panic!("{}: {verdict}, but {result:?}", case["name"]),
        }
    }
    // Numbers that are no private keys load there under addresses that nobody can use.
    assert_eq!(refused_only_here, ["zero key", "key = n", "key above n"]);
}

#[test]
fn errors_name_all_bad_entries_and_no_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys.yaml");
    let message = |content: &str| {
        fs::write(&path, content).unwrap();
        list_file(&path).unwrap_err().to_string()
    };
    let bad_entries = message(&format!("keys: [{KEY}, {KEY}0, zz]\n"));
    assert!(bad_entries.contains("entry 2: ") && bad_entries.contains("entry 3: "), "{bad_entries}");
    for content in
        [format!("keys: {KEY}\n"), format!("keys:\n  {KEY}: 1\n"), format!("keys: [{KEY}\n"), format!("- {KEY}")]
    {
        let message = message(&content);
        assert!(!message.contains(&KEY[..6]), "{message}");
        assert!(message.contains("keys: ["), "{message}");
    }
}

#[test]
fn directories_load_as_recorded() {
    let mut refused_only_here = Vec::new();
    let cases = cases("key_dir", 13);
    for case in &cases {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(text(case, "file")), text(case, "content")).unwrap();
        let ring = directory(folder.path()).unwrap();
        if addresses(&ring) == expected(case) {
            assert_keys(&ring, case);
            let passed_over = ring.is_empty() && text(case, "file") != "a.txt";
            assert_eq!(ring.refused().len(), usize::from(passed_over), "{}", case["name"]);
        } else {
            assert_eq!(ring.refused().len(), 1);
            refused_only_here.push(text(case, "name"));
        }
    }
    let expected = ["address does not belong to the key: loaded all the same", "address only looks like one"];
    assert_eq!(refused_only_here, expected);
}

// rule: D-43
#[test]
fn a_bad_file_does_not_stop_the_others() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.yaml"), format!("operator_address: {OTHER_ADDRESS}\nprivate_key_hex: {KEY}\n"))
        .unwrap();
    fs::write(folder.path().join(OTHER_ADDRESS), format!("0x{OTHER_KEY}\n")).unwrap();
    fs::write(folder.path().join(ADDRESS), OTHER_KEY).unwrap();
    fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    fs::write(folder.path().join(".hidden"), "anything").unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    let ring = directory(folder.path()).unwrap();
    assert_eq!(addresses(&ring), [OTHER_ADDRESS]);
    let refused: Vec<_> = ring.refused().iter().map(|file| file.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(refused, ["a.yaml", "binary", ADDRESS]);
    assert!(ring.refused()[0].reason.contains(ADDRESS) && ring.refused()[0].reason.contains(OTHER_ADDRESS));
    assert!(ring.refused().iter().all(|file| !file.reason.contains(&KEY[..6])));
}

/// Puts a key into a mounted Secret as a kubelet does.
fn mount_version(mount: &Path, version: &str, key: &str) {
    fs::create_dir(mount.join(version)).unwrap();
    fs::write(mount.join(version).join("privateKey"), key).unwrap();
    let next = mount.join("..data_tmp");
    symlink(version, &next).unwrap();
    fs::rename(next, mount.join("..data")).unwrap();
    let _ = symlink("..data/privateKey", mount.join("privateKey"));
}

#[test]
fn a_mounted_secret_is_read_through_its_link() {
    let mount = TempDir::new().unwrap();
    let write = |version: &str, key: &str| mount_version(mount.path(), version, key);
    write("..2026_01", KEY);
    let first = directory(mount.path()).unwrap();
    assert_eq!(addresses(&first), [ADDRESS]);

    write("..2026_02", OTHER_KEY);
    fs::remove_dir_all(mount.path().join("..2026_01")).unwrap();
    let second = directory(mount.path()).unwrap();
    assert_eq!(addresses(&second), [OTHER_ADDRESS]);
    assert_ne!(first.fingerprint(), second.fingerprint());
}

#[test]
fn sources_are_united_and_must_exist() {
    let folder = TempDir::new().unwrap();
    let keys = folder.path().join("keys");
    fs::create_dir(&keys).unwrap();
    assert!(directory(&keys).unwrap().is_empty(), "a pool without suppliers is fine");
    fs::write(keys.join(ADDRESS), KEY).unwrap();
    let list = folder.path().join("list.yaml");
    fs::write(&list, format!("keys: [{OTHER_KEY}, {KEY}]")).unwrap();
    let both = KeysSection { file: Some(list), directory: Some(keys), ..KeysSection::default() };
    let ring = KeySource::from_section(&both).load().unwrap();
    assert_eq!(addresses(&ring), [OTHER_ADDRESS, ADDRESS]);
    assert_eq!(format!("{ring:?}"), format!("[{OTHER_ADDRESS}, {ADDRESS}]"));

    let neither = KeysSection::default();
    assert!(matches!(KeySource::from_section(&neither).load(), Err(KeysError::NoSource)));
    assert!(matches!(directory(&folder.path().join("absent")), Err(KeysError::Read { .. })));
    assert!(matches!(list_file(&folder.path().join("absent")), Err(KeysError::Read { .. })));
}

mod watching;
