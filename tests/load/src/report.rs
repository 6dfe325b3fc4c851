//! The table of figures, targets and verdicts, and how they compare with the report before.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Error, machine};

/// One measured number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    name: String,
    value: f64,
    unit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_most: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aim: Option<f64>,
}

/// All of them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    machine: String,
    program_bytes: u64,
    figures: Vec<Figure>,
    notes: Vec<String>,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &str) -> Self {
        Self { name: name.into(), value, unit: unit.to_owned(), at_most: None, at_least: None, aim: None }
    }

    pub(crate) fn at_most(self, target: f64) -> Self {
        Self { at_most: Some(target), ..self }
    }

    pub(crate) fn at_least(self, target: f64) -> Self {
        Self { at_least: Some(target), ..self }
    }

    pub(crate) fn aim(self, aim: f64) -> Self {
        Self { aim: Some(aim), ..self }
    }

    fn target(&self) -> String {
        let aim = self.aim.map_or(String::new(), |aim| format!(", aim {aim}"));
        match (self.at_most, self.at_least) {
            (Some(target), _) => format!("≤ {target}{aim}"),
            (None, Some(target)) => format!("≥ {target}{aim}"),
            (None, None) => String::new(),
        }
    }

    fn verdict(&self) -> &'static str {
        let met = match (self.at_most, self.at_least) {
            (Some(target), _) => self.value <= target,
            (None, Some(target)) => self.value >= target,
            (None, None) => return "",
        };
        if met { "met" } else { "missed" }
    }
}

impl Report {
    pub(crate) fn new(program: &Path) -> Result<Self, Error> {
        let program_bytes = fs::metadata(program).map_err(Error::io("look at the program"))?.len();
        Ok(Self { machine: machine::description(), program_bytes, figures: Vec::new(), notes: Vec::new() })
    }

    pub(crate) fn add(&mut self, figure: Figure) {
        println!(
            "{:<50} {:>10.3} {:<9} {:<18} {}",
            figure.name,
            figure.value,
            figure.unit,
            figure.target(),
            figure.verdict()
        );
        self.figures.push(figure);
    }

    pub(crate) fn note(&mut self, note: String) {
        println!("  {note}");
        self.notes.push(note);
    }

    pub(crate) fn finish(&mut self, busy: Duration, alone: Duration) {
        self.add(Figure::new("M, one multiplication by k256, all processors busy", busy.as_secs_f64() * 1e6, "µs"));
        self.add(Figure::new("the same on one thread, nothing else running", alone.as_secs_f64() * 1e6, "µs"));
    }

    /// Writes `<path>.md` and `<path>.json`, and compares with the newest earlier report beside it.
    pub(crate) fn write(&self, path: Option<&Path>) -> Result<(), Error> {
        let Some(path) = path else { return Ok(()) };
        let write = Error::io("write the report");
        let json_path = path.with_extension("json");
        let before = previous(&json_path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(&write)?;
        }
        let json = serde_json::to_string_pretty(self).map_err(|error| Error::Worthless(error.to_string()))?;
        fs::write(&json_path, json + "\n").map_err(&write)?;
        fs::write(path.with_extension("md"), self.text(before.as_ref())).map_err(&write)
    }

    fn text(&self, before: Option<&(PathBuf, Self)>) -> String {
        let earlier: BTreeMap<&str, f64> =
            before.iter().flat_map(|(_, report)| &report.figures).map(|figure| (&*figure.name, figure.value)).collect();
        let mut text = String::from("# What a relay costs\n\n");
        let program = self.program_bytes >> 20;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "Made by `make bench` on {}; a program of {program} MiB.", self.machine);
        if let Some((path, _)) = before {
            let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let _ = writeln!(text, "The last column is the ratio to [{name}]({name}.md).");
        }
        text += "\n| | value | unit | target | | ratio |\n| --- | ---: | --- | --- | --- | ---: |\n";
        for figure in &self.figures {
            let ratio = earlier.get(&*figure.name).filter(|value| **value != 0.0);
            let ratio = ratio.map_or(String::new(), |value| format!("{:.2}", figure.value / value));
            let Figure { name, value, unit, .. } = figure;
            let _ = writeln!(
                text,
                "| {name} | {value:.3} | {unit} | {} | {} | {ratio} |",
                figure.target(),
                figure.verdict()
            );
        }
        for note in &self.notes {
            let _ = write!(text, "\n{note}\n");
        }
        text
    }
}

/// The report whose name sorts last among those beside this one.
fn previous(this: &Path) -> Option<(PathBuf, Report)> {
    let files = fs::read_dir(this.parent()?).ok()?.flatten().map(|entry| entry.path());
    let others = files.filter(|path| path != this && path.extension().is_some_and(|extension| extension == "json"));
    let newest = others.filter(|path| path.file_name() < this.file_name()).max()?;
    let report = serde_json::from_slice(&fs::read(&newest).ok()?).ok()?;
    Some((newest, report))
}
