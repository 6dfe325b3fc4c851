use super::*;
use crate::keys::Look;

fn watch(file: Option<&Path>, directory: Option<&Path>, care: Care) -> KeyWatch {
    let (file, directory) = (file.map(Path::to_owned), directory.map(Path::to_owned));
    KeyWatch::new(KeySource::from_section(&KeysSection { file, directory, ..KeysSection::default() }), care)
}

/// A look that finds no trouble.
fn good(look: Look) -> Option<KeyRing> {
    assert!(look.failed.is_empty(), "{:?}", look.failed);
    look.ring
}

#[test]
fn a_watch_tells_of_changes_of_content_only() {
    let folder = TempDir::new().unwrap();
    let mut watch = watch(None, Some(folder.path()), Care::AT_ONCE);
    assert!(good(watch.look()).unwrap().is_empty() && good(watch.look()).is_none());
    let file = folder.path().join("first");
    fs::write(&file, KEY).unwrap();
    assert_eq!(addresses(&good(watch.look()).unwrap()), [ADDRESS]);
    fs::write(&file, KEY).unwrap();
    assert!(good(watch.look()).is_none(), "written again, but the same");
    fs::write(&file, OTHER_KEY).unwrap();
    assert_eq!(addresses(&good(watch.look()).unwrap()), [OTHER_ADDRESS], "as long as before, and at once");
    fs::remove_file(&file).unwrap();
    assert!(good(watch.look()).unwrap().is_empty());
    fs::write(folder.path().join(".hidden"), KEY).unwrap();
    assert!(good(watch.look()).is_none(), "nobody reads hidden files");
}

#[test]
fn a_watch_follows_a_mounted_secret() {
    let mount = TempDir::new().unwrap();
    mount_version(mount.path(), "..2026_01", KEY);
    let mut watch = watch(None, Some(mount.path()), Care::AT_ONCE);
    assert_eq!(addresses(&good(watch.look()).unwrap()), [ADDRESS]);
    assert!(good(watch.look()).is_none());
    mount_version(mount.path(), "..2026_02", OTHER_KEY);
    fs::remove_dir_all(mount.path().join("..2026_01")).unwrap();
    assert_eq!(addresses(&good(watch.look()).unwrap()), [OTHER_ADDRESS]);
    assert!(good(watch.look()).is_none());
}

#[test]
fn a_watch_tells_of_trouble_once_and_recovers() {
    let folder = TempDir::new().unwrap();
    let list = folder.path().join("list.yaml");
    fs::write(&list, format!("keys: [{KEY}]")).unwrap();
    let mut watch = watch(Some(&list), None, Care::AT_ONCE);
    assert!(good(watch.look()).is_some());
    fs::write(&list, "keys: [zz]").unwrap();
    assert!(matches!(watch.look().failed.as_slice(), [("supplier_keys_file", KeysError::ListFile { .. })]));
    assert!(watch.look().failed.is_empty(), "told once");
    assert_eq!(watch.troubles().count(), 1, "but it lasts");
    fs::remove_file(&list).unwrap();
    assert!(matches!(watch.look().failed.as_slice(), [(_, KeysError::Read { .. })]));
    assert!(watch.look().failed.is_empty());
    fs::write(&list, format!("keys: [{KEY}]")).unwrap();
    assert_eq!(addresses(&good(watch.look()).unwrap()), [ADDRESS]);
    assert_eq!(watch.troubles().count(), 0);
}

#[test]
fn a_start_needs_every_source() {
    let folder = TempDir::new().unwrap();
    let section = KeysSection {
        file: Some(folder.path().join("absent")),
        directory: Some(folder.path().to_owned()),
        ..KeysSection::default()
    };
    let started = KeyWatch::start(KeySource::from_section(&section), Care::AT_ONCE);
    assert!(matches!(started, Err(KeysError::Read { .. })));
    let nothing = KeyWatch::start(KeySource::from_section(&KeysSection::default()), Care::AT_ONCE);
    assert!(matches!(nothing, Err(KeysError::NoSource)));
}

// rule: W-13
#[test]
fn a_broken_source_keeps_its_keys_and_does_not_hold_up_the_others() {
    let folder = TempDir::new().unwrap();
    let (list, keys) = (folder.path().join("list.yaml"), folder.path().join("keys"));
    fs::create_dir(&keys).unwrap();
    fs::write(&list, format!("keys: [{KEY}]")).unwrap();
    let mut watch = watch(Some(&list), Some(&keys), Care::AT_ONCE);
    assert_eq!(addresses(&good(watch.look()).unwrap()), [ADDRESS]);
    fs::write(&list, "keys: [").unwrap();
    fs::write(keys.join("other"), OTHER_KEY).unwrap();
    let look = watch.look();
    assert_eq!(look.failed.len(), 1);
    assert_eq!(addresses(&look.ring.unwrap()), [OTHER_ADDRESS, ADDRESS], "sorted by their bytes");
    fs::rename(&keys, folder.path().join("gone")).unwrap();
    let look = watch.look();
    assert!(look.failed.len() == 1 && look.ring.is_none(), "{look:?}");
    fs::write(&list, format!("keys: [{KEY}]")).unwrap();
    let look = watch.look();
    assert_eq!(look.ring.unwrap().len(), 2, "the directory is gone and keeps what it had");
}

// rule: W-13
#[test]
fn a_removal_needs_several_good_readings() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("first"), KEY).unwrap();
    let mut watch = watch(None, Some(folder.path()), Care::CAREFUL);
    assert_eq!(good(watch.look()).unwrap().len(), 1, "the first look counts at once");
    fs::remove_file(folder.path().join("first")).unwrap();
    let mut sizes = Vec::new();
    for _ in 0..8 {
        let look = watch.look();
        let unsettled = look.unsettled;
        sizes.push((good(look).map(|ring| ring.len()), unsettled));
    }
    let expected = [(None, true), (Some(1), true), (Some(1), true), (Some(0), false), (None, false)];
    assert_eq!(sizes[..5], expected);
    fs::write(folder.path().join("first"), KEY).unwrap();
    assert!(watch.look().ring.is_none(), "it may be half written");
    assert_eq!(good(watch.look()).unwrap().len(), 1);
}
