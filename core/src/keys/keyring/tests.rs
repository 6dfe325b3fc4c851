//! Against keyrings that the SDK itself wrote: `tests/testbed/chain/keyring` made `tests/fixtures/keyring`.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::address::Address;
use crate::config::KeysSection;
use crate::keys::{Care, KeySource, KeyWatch};

const ADDRESS: &str = "pokt1xlzu0q86fv6ne2l52qxem2xxj2fkj40jccmhcd";
const OTHER_ADDRESS: &str = "pokt10n5zm3qxtsmv5w6upx60d442e6ctwa607wc092";
const PASSPHRASE: &str = "correct horse battery staple";

fn written_by_the_sdk() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/keyring")
}

fn of_kind_test(directory: &Path) -> KeyringSection {
    let directory = directory.to_owned();
    KeyringSection {
        backend: KeyringBackend::Test,
        directory,
        names: vec![],
        password_file: None,
        password_variable: None,
    }
}

/// A copy of both keyrings that can be changed, with a file that holds the passphrase.
fn copy() -> (TempDir, KeyringSection) {
    let copy = TempDir::new().unwrap();
    for folder in ["keyring-test", "keyring-file"] {
        fs::create_dir(copy.path().join(folder)).unwrap();
        for entry in written_by_the_sdk().join(folder).read_dir().unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.path().join(folder).join(path.file_name().unwrap())).unwrap();
        }
    }
    let file = copy.path().join("passphrase");
    fs::write(&file, format!("{PASSPHRASE}\n")).unwrap();
    let keyring = of_kind_test(copy.path());
    (copy, KeyringSection { backend: KeyringBackend::File, password_file: Some(file), ..keyring })
}

fn addresses(reading: &Reading) -> Vec<&str> {
    reading.ring.addresses().map(Address::as_str).collect()
}

#[test]
fn what_the_sdk_wrote_is_read() {
    let test = load(&of_kind_test(&written_by_the_sdk())).unwrap();
    assert_eq!(addresses(&test), [OTHER_ADDRESS, ADDRESS], "addresses begin with pokt, whatever the SDK is set to");
    assert!(test.ring.refused().is_empty(), "a public key alone is none of ours");
    let (_folder, keyring) = copy();
    assert_eq!(addresses(&load(&keyring).unwrap()), [OTHER_ADDRESS, ADDRESS]);
}

#[test]
fn names_choose_and_what_is_missing_is_told() {
    let wanted = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        load(&KeyringSection { names, ..of_kind_test(&written_by_the_sdk()) }).unwrap()
    };
    let one = wanted(&["pool/two, b%"]);
    assert_eq!((addresses(&one), one.ring.refused().len()), (vec![OTHER_ADDRESS], 0));
    let others = wanted(&["supplier-1", "only-watched", "absent"]);
    assert_eq!(addresses(&others), [ADDRESS]);
    let reasons: Vec<&str> = others.ring.refused().iter().map(|file| file.reason.as_str()).collect();
    assert!(reasons[0].contains("a public key alone") && reasons[1].contains("no key of this name"), "{reasons:?}");
}

#[test]
fn a_wrong_passphrase_refuses_the_keyring_and_is_not_repeated() {
    let (folder, keyring) = copy();
    fs::write(folder.path().join("passphrase"), "hunter2").unwrap();
    let error = load(&keyring).map(|reading| reading.ring).unwrap_err().to_string();
    assert!(error.contains("is the passphrase right?") && !error.contains("hunter2"), "{error}");
    let unset = KeyringSection {
        password_file: None,
        password_variable: Some("POCKET_NO_SUCH_VARIABLE".to_owned()),
        ..keyring
    };
    let error = load(&unset).map(|reading| reading.ring).unwrap_err().to_string();
    assert!(error.contains("POCKET_NO_SUCH_VARIABLE is not set"), "{error}");
}

#[test]
fn a_damaged_entry_does_not_stop_the_others() {
    let (folder, keyring) = copy();
    let file = folder.path().join("keyring-file/supplier-1.info");
    let good = fs::read_to_string(&file).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let header = |text: &str| {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        [&[encoded.as_str()], &parts[1..]].concat().join(".")
    };
    let damaged = [
        (String::new(), "not an encrypted item"),
        ("a.b.c".to_owned(), "not an encrypted item"),
        (header("{}"), "not an encrypted item"),
        (header(r#"{"alg":"dir","enc":"A256GCM","p2c":1,"p2s":""}"#), "in a way that keyrings do not use"),
        (header(r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":4000000000,"p2s":""}"#), "keyrings do not use"),
        (header(r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":0,"p2s":""}"#), "keyrings do not use"),
        (header(r#"{"alg":"PBES2-HS256+A128KW","enc":"A256GCM","p2c":1,"p2s":""}"#), "cannot be decrypted"),
        ([&parts[..4], &["AAAAAAAAAAAAAAAAAAAAAA"]].concat().join("."), "was changed"),
    ];
    for (text, expected) in damaged {
        fs::write(&file, &text).unwrap();
        let reading = load(&keyring).unwrap();
        assert_eq!(addresses(&reading), [OTHER_ADDRESS], "{expected}");
        let reason = &reading.ring.refused()[0].reason;
        assert!(reason.contains(expected), "{reason} / {expected}");
    }
}

#[test]
fn a_keyring_is_followed_and_keeps_its_keys_while_it_is_locked() {
    let (folder, keyring) = copy();
    let section = KeysSection { keyring: Some(keyring), ..KeysSection::default() };
    let mut watch = KeyWatch::new(KeySource::from_section(&section), Care::AT_ONCE);
    assert_eq!(watch.look().ring.unwrap().len(), 2);
    assert!(watch.look().ring.is_none());
    fs::write(folder.path().join("passphrase"), "another").unwrap();
    let look = watch.look();
    assert!(look.ring.is_none() && look.failed.len() == 1, "{look:?}");
    fs::write(folder.path().join("passphrase"), PASSPHRASE).unwrap();
    assert_eq!(watch.look().ring.unwrap().len(), 2);
    fs::remove_file(folder.path().join("keyring-file/supplier-1.info")).unwrap();
    assert_eq!(watch.look().ring.unwrap().len(), 1);
}

#[test]
fn names_of_files_are_names_of_keys() {
    assert_eq!(plain("pool%2Ftwo, b%25"), "pool/two, b%");
    assert_eq!(plain("a%2"), "a%2");
    assert_eq!(plain("%zz%"), "%zz%");
}
