//! A folder of good manifests, to be spoiled.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;

const MINERS: &str = "apiVersion: relay.pocket.network/v1alpha1
kind: MinerPool
metadata:
  name: main
spec:
  network:
    chainId: pocket
    nodes:
    - {name: first, rpc: 'http://127.0.0.1:26657', grpc: '127.0.0.1:9090'}
  redis:
    external: {url: 'redis://127.0.0.1:6379'}
  replicas: 2
";

const RELAYERS: &str = "apiVersion: relay.pocket.network/v1alpha1
kind: RelayerPool
metadata:
  name: main
spec:
  minerPoolRef: {name: main}
  services:
  - id: eth
    backends: {jsonRpc: {endpoints: [{url: 'http://127.0.0.1:8545'}]}}
    timeout: 10s
";

const SUPPLIER: &str = r#"apiVersion: relay.pocket.network/v1alpha1
kind: Supplier
metadata:
  name: supplier-1
spec:
  operatorAddress: pokt18zsapgatm7skj3aw9la0cds25wx03nr4uu95ur
  minerPoolRef: {name: main}
  keySecretRef: {name: key-1}
---
apiVersion: v1
kind: Secret
metadata:
  name: key-1
  labels:
    relay.pocket.network/supplier-key: "true"
stringData:
  privateKey: f24567be666b642762555585a4ad07be2aea13f3fe558903af6a5f1a9993f8e8
"#;

pub(crate) struct Folder {
    folder: TempDir,
    files: BTreeMap<String, String>,
}

impl Folder {
    pub(crate) fn good() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let empty = Self { folder, files: BTreeMap::new() };
        empty.file("miners.yaml", MINERS).file("relayers.yaml", RELAYERS).file("supplier.yaml", SUPPLIER)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    #[allow(dead_code, reason = "not every test file spoils something")]
    pub(crate) fn text(&self, name: &str) -> &str {
        &self.files[name]
    }

    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self.files.insert(name.to_owned(), text.to_owned());
        self
    }

    #[allow(dead_code, reason = "not every test file spoils something")]
    pub(crate) fn without(mut self, name: &str) -> Self {
        std::fs::remove_file(self.folder.path().join(name)).unwrap();
        self.files.remove(name);
        self
    }

    #[allow(dead_code, reason = "not every test file spoils something")]
    pub(crate) fn replace(self, name: &str, from: &str, to: &str) -> Self {
        let text = self.files[name].replace(from, to);
        assert_ne!(text, self.files[name], "{from} does not occur in {name}");
        self.file(name, &text)
    }
}
