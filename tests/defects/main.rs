//! `docs/relayer-defects.md` and `docs/miner-defects.md`: what is known to go wrong, and the tests of ours that would fail if it did here.
//!
//! A test says with a line `// rule: D-14, G-08` directly above its attributes what it proves. This test makes the pages from
//! these lines and from the rows of [`relayer`] and [`miner`]; `UPDATE_DOCS=1` writes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod miner;
mod relayer;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Where tests are.
const FOLDERS: [&str; 5] = ["cli", "core", "miner", "relayer", "tests"];

/// What is known about one part of the program.
pub(crate) struct Page {
    /// From the root of the repository.
    file: &'static str,
    /// Whose defects.
    subject: &'static str,
    tables: &'static [Table],
    /// Why a row has no test.
    reasons: &'static [(&'static str, &'static str)],
    /// Rows whose tests are still to be written. The page says so.
    not_yet: &'static [&'static str],
}

/// One table.
pub(crate) struct Table {
    title: &'static str,
    about: &'static str,
    /// Number and rule.
    rows: &'static [(&'static str, &'static str)],
}

/// These concern relayers and miners alike.
pub(crate) const SEEN: Table = Table {
    title: "Seen in runs",
    about: "What the network's Go relay miner did on a real chain, recorded while this program was built.",
    rows: &[
        ("S-1", "A process that starts while the chain is away claims everything once it is back."),
        ("S-2", "A socket that closes right after its answer loses no relay."),
        ("S-3", "A hand-over leaves nothing pending with the miner that gave up."),
        ("S-4", "A proof that was judged invalid is not sent again unchanged."),
        ("S-5", "A gRPC backend may be written as `host:port`."),
        ("S-6", "It runs on Redis 6.2 and later."),
    ],
};

/// A test: its file, from the root of the repository, and its function.
type Test = (String, String);

/// Row → the tests that prove it.
type Marks = BTreeMap<String, BTreeSet<Test>>;

impl Page {
    fn rows(&self) -> BTreeSet<&'static str> {
        self.tables.iter().flat_map(|table| table.rows).map(|(id, _)| *id).collect()
    }

    /// Row → why it has no test. Panics when a row has two reasons, is no row, has a test all the same, or has nothing at all.
    fn excused(&self, marks: &Marks) -> BTreeMap<&'static str, &'static str> {
        let (file, known) = (self.file, self.rows());
        let excused: BTreeMap<&str, &str> =
            self.reasons.iter().copied().chain(self.not_yet.iter().map(|id| (*id, "not proven yet"))).collect();
        assert_eq!(excused.len(), self.reasons.len() + self.not_yet.len(), "{file}: a row has two reasons");
        let strange: Vec<_> = excused.keys().filter(|id| !known.contains(**id)).collect();
        assert!(strange.is_empty(), "{file}: reasons for what is no row: {strange:?}");
        let proven: Vec<_> = excused.keys().filter(|id| marks.contains_key(**id)).collect();
        assert!(proven.is_empty(), "{file}: these rows have tests now, so drop their reasons: {proven:?}");
        let bare: Vec<_> = known.iter().filter(|id| !marks.contains_key(**id) && !excused.contains_key(**id)).collect();
        assert!(bare.is_empty(), "{file}: neither tests nor a reason: {bare:?}");
        excused
    }

    fn render(&self, marks: &Marks) -> String {
        let (excused, subject) = (self.excused(marks), self.subject);
        let mut page = format!(
            "# Known defects of {subject}, and our tests against them\n\n\
             This page is generated: `UPDATE_DOCS=1 cargo test -p pocket-relay-miner --test defects`, and a test fails when it is out of date. A test says with a line\n\
             `// rule: …` above it what it proves; each would fail if we had that defect. Rows without a test say why.\n"
        );
        for table in self.tables {
            let open = table.rows.iter().filter(|(id, _)| !marks.contains_key(*id)).count();
            let (title, about, count) = (table.title, table.about, table.rows.len());
            write!(page, "\n## {title}\n\n{about} {} of {count} rows have tests.\n", count - open).unwrap();
            page.push_str("\n| row | what must hold | proven by |\n| --- | --- | --- |\n");
            for (id, rule) in table.rows {
                let proof = match marks.get(*id) {
                    Some(tests) => tests.iter().map(link).collect::<Vec<_>>().join(", "),
                    None => format!("*{}*", excused.get(id).copied().unwrap_or_default()),
                };
                writeln!(page, "| {id} | {rule} | {proof} |").unwrap();
            }
        }
        page
    }
}

#[test]
fn every_known_defect_has_a_test_or_a_reason_and_the_pages_say_so() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (marks, pages) = (marks(&root), [relayer::PAGE, miner::PAGE]);
    let known: BTreeSet<&str> = pages.iter().flat_map(Page::rows).collect();
    let unknown: Vec<_> = marks.iter().filter(|(id, _)| !known.contains(id.as_str())).collect();
    assert!(unknown.is_empty(), "no row has these numbers: {unknown:?}");
    for page in pages {
        let (file, fresh) = (root.join(page.file), page.render(&marks));
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
            std::fs::write(&file, fresh).unwrap();
        } else {
            let written = std::fs::read_to_string(&file).unwrap_or_default();
            assert!(written == fresh, "{} is out of date: run this test again with UPDATE_DOCS=1", page.file);
        }
    }
}

/// Row → the tests that prove it.
fn marks(root: &Path) -> Marks {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let mut marks = Marks::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        for (ids, function) in marked(&name, &text) {
            for id in ids {
                marks.entry(id).or_default().insert((name.clone(), function.clone()));
            }
        }
    }
    marks
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The marks of a file, each with the function below it.
fn marked(name: &str, text: &str) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(ids) = line.strip_prefix("// rule: ") else { continue };
        let ids: Vec<String> = ids.split(',').map(|id| id.trim().to_owned()).collect();
        let head: Vec<&str> = lines.by_ref().take_while(|line| !line.contains("fn ")).collect();
        let is_test = head.iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
        assert!(is_test && head.len() <= 8, "{name}: `// rule: {}` is not directly above a test", ids.join(", "));
        found.push((ids, String::new()));
    }
    // The line with the function was consumed with its head, so the names are found from the marks anew.
    let mut rest = text;
    for (_, function) in &mut found {
        let at = rest.find("// rule: ").unwrap();
        rest = &rest[at + "// rule: ".len()..];
        let declared = &rest[rest.find("fn ").unwrap() + "fn ".len()..];
        declared.split(['(', '<']).next().unwrap().trim().clone_into(function);
    }
    found
}

fn link((file, function): &Test) -> String {
    format!("[{}](../{file})", function.replace('_', " "))
}

#[test]
fn a_mark_names_the_function_below_it() {
    let text = "// rule: D-01, G-02\n#[tokio::test(flavor = \"multi_thread\")]\nasync fn it_holds() {}\n\
                fn other() {}\n    // rule: S-1\n    #[test]\n    fn a_law(x in 0..5) {}\n";
    let found = marked("x.rs", text);
    assert_eq!(found[0], (vec!["D-01".to_owned(), "G-02".to_owned()], "it_holds".to_owned()));
    assert_eq!(found[1], (vec!["S-1".to_owned()], "a_law".to_owned()));
}

#[test]
#[should_panic(expected = "not directly above a test")]
fn a_mark_above_something_else_is_a_mistake() {
    marked("x.rs", "// rule: D-01\nfn no_test() {}\n");
}
