//! Tables as `kubectl get` prints them, from the same columns that the definitions declare.

use std::time::Duration;

use crate::api::{Condition, Supplier, SupplierStatus};

const MISSING: &str = "<none>";

/// A table: a header, rows, and columns as wide as they need to be.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The table of suppliers. `age` is for how long the fleet has run, if it does.
    #[must_use]
    pub fn suppliers(suppliers: &[Supplier], wide: bool, age: Option<Duration>) -> Self {
        let mut header =
            vec!["NAME", "READY", "REASON", "STAKE", "BALANCE", "SERVICES", "MINER", "LAST-CLAIM", "EARNED", "AGE"];
        if wide {
            header.extend(["OPERATOR", "POOL", "MESSAGE"]);
        }
        let empty = SupplierStatus::default();
        let rows = suppliers.iter().map(|supplier| {
            let status = supplier.status.as_ref().unwrap_or(&empty);
            let ready = ready(&status.conditions);
            let mut row = vec![
                supplier.metadata.name.clone().unwrap_or_default(),
                ready.map_or("Unknown".to_owned(), |ready| format!("{:?}", ready.status)),
                text(ready.map(|ready| ready.reason.clone())),
                text(status.stake.clone()),
                text(status.balance.clone()),
                text(status.services.clone()),
                text(status.assignment.as_ref().map(|assignment| assignment.miner.clone())),
                text(status.last_claim.as_ref().map(|claim| claim.height.to_string())),
                text(status.earned.clone()),
                text(age.map(rough)),
            ];
            if wide {
                row.push(supplier.spec.operator_address.clone());
                row.push(supplier.spec.miner_pool_ref.name.clone());
                row.push(text(ready.map(|ready| ready.message.clone())));
            }
            row
        });
        let mut table = Self { rows: vec![header.into_iter().map(str::to_owned).collect()] };
        table.rows.extend(rows);
        table
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect::<Vec<_>>();
            writeln!(f, "{}", cells.join("   ").trim_end())?;
        }
        Ok(())
    }
}

fn ready(conditions: &[Condition]) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.kind == "Ready")
}

fn text(value: Option<String>) -> String {
    value.filter(|text| !text.is_empty()).unwrap_or_else(|| MISSING.to_owned())
}

/// An age as kubectl writes it: one unit, or two while it is young.
fn rough(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => format!("{}m{}s", seconds / 60, seconds % 60),
        600..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}
