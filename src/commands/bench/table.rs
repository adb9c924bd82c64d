//! The result for people: one table, a row for each figure, with the median and its spread in one unit.

use std::fmt::Write as _;

use super::document::{ArtifactFigures, Document, EventFigures};
use super::statistics::Spread;
use crate::units::Bytes;

/// The letters that stand for artifacts when there are two.
const LETTERS: [&str; 2] = ["A", "B"];
/// How much of an event names its row.
const LABEL_WIDTH: usize = 32;

/// The table, with what its columns are above it.
pub(super) fn render(document: &Document) -> String {
    let mut text = String::new();
    let two = document.artifacts.len() > 1;
    for (artifact, letter) in document.artifacts.iter().zip(LETTERS) {
        let letter = if two {
            format!("{letter}  ")
        } else {
            String::new()
        };
        let _ = writeln!(text, "{letter}{}", title(artifact));
    }
    let pairs = if two { "; A / B pair by pair" } else { "" };
    let _ = writeln!(
        text,
        "medians of {} calls for each event and of {} starts{pairs}",
        document.calls, document.starts,
    );
    if document.events.iter().any(|event| event.beside) {
        text.push_str("the empty event shows what the exchange itself costs\n");
    }
    text.push('\n');
    text.push_str(&align(&rows(document)));
    text
}

fn title(artifact: &ArtifactFigures) -> String {
    let arch = artifact.arch.map_or("script", |arch| arch.name());
    match &artifact.emulator {
        Some(emulator) => format!("{} ({arch} through {emulator})", artifact.path),
        None => format!("{} ({arch})", artifact.path),
    }
}

type Row = Vec<String>;

fn rows(document: &Document) -> Vec<Row> {
    let two = document.artifacts.len() > 1;
    let medians: &[&str] = if two {
        &["A", "B", "A / B"]
    } else {
        &["median"]
    };
    let mut header = vec!["event".to_owned(), String::new()];
    for median in medians {
        header.extend([(*median).to_owned(), "p10..p90".to_owned()]);
    }
    let mut rows = vec![header];
    for event in &document.events {
        rows.extend(event_rows(event));
    }
    let first_next = document
        .artifacts
        .iter()
        .map(|artifact| Some(artifact.first_next_us));
    let ratio = document.ratio.as_ref();
    rows.push(row(
        ["start", "first /next"],
        first_next,
        ratio.and_then(|ratio| ratio.first_next),
    ));
    let mut memory = vec!["memory".to_owned(), "peak".to_owned()];
    for artifact in &document.artifacts {
        memory.extend([
            Bytes(artifact.peak_memory_kib * 1024).to_string(),
            String::new(),
        ]);
    }
    if let Some(ratio) = ratio {
        let ratio = ratio.peak_memory.map(|ratio| format!("{ratio:.3}"));
        memory.extend([ratio.unwrap_or_default(), String::new()]);
    }
    rows.push(memory);
    rows
}

fn event_rows(event: &EventFigures) -> [Row; 2] {
    let ratio = event.ratio.as_ref();
    [
        row(
            [&shorten(&event.event), "CPU"],
            event.artifacts.iter().map(|figures| figures.cpu_us),
            ratio.and_then(|ratio| ratio.cpu),
        ),
        row(
            ["", "wall"],
            event.artifacts.iter().map(|figures| figures.wall_us),
            ratio.and_then(|ratio| ratio.wall),
        ),
    ]
}

fn row(
    names: [&str; 2],
    times: impl Iterator<Item = Option<Spread>>,
    ratio: Option<Spread>,
) -> Row {
    let mut row: Row = names.map(str::to_owned).to_vec();
    for spread in times {
        row.extend(spread.map_or_else(Default::default, time_cells));
    }
    row.extend(ratio.into_iter().flat_map(ratio_cells));
    row
}

/// A median with three digits and its unit, and the spread in the same unit.
fn time_cells(spread: Spread) -> [String; 2] {
    let (divisor, unit) = match spread.median {
        median if median < 999.5 => (1.0, "µs"),
        median if median < 999_500.0 => (1e3, "ms"),
        _ => (1e6, "s"),
    };
    let digits = match spread.median / divisor {
        median if median < 9.995 => 2,
        median if median < 99.95 => 1,
        _ => 0,
    };
    let [median, p10, p90] =
        [spread.median, spread.p10, spread.p90].map(|us| format!("{:.digits$}", us / divisor));
    [format!("{median} {unit}"), format!("{p10}..{p90}")]
}

fn ratio_cells(spread: Spread) -> [String; 2] {
    [
        format!("{:.3}", spread.median),
        format!("{:.3}..{:.3}", spread.p10, spread.p90),
    ]
}

fn shorten(label: &str) -> String {
    match label.char_indices().nth(LABEL_WIDTH) {
        Some((at, _)) => format!("{}…", label.get(..at).unwrap_or_default()),
        None => label.to_owned(),
    }
}

/// Two columns of names, then pairs of columns: a number to the right, its spread to the left.
fn align(rows: &[Row]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Row, column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let width = |row| cell(row, column).chars().count();
            rows.iter().map(width).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, width) in widths.iter().enumerate() {
            let cell = cell(row, column);
            let is_number = column >= 2 && column.is_multiple_of(2);
            let _ = if is_number {
                write!(line, "{cell:>width$}  ")
            } else {
                write!(line, "{cell:<width$}  ")
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_has_the_unit_and_the_digits_of_its_median() {
        let cells = |p10, median, p90| {
            time_cells(Spread {
                median,
                p10,
                p90,
                min: 0.0,
                max: 0.0,
                count: 3,
            })
            .join(" ")
        };
        assert_eq!(cells(198.4, 211.7, 1240.0), "212 µs 198..1240");
        assert_eq!(cells(990.0, 999.6, 1500.0), "1.00 ms 0.99..1.50");
        assert_eq!(cells(9_000.0, 12_340.0, 99_900.0), "12.3 ms 9.0..99.9");
        assert_eq!(cells(1e6, 1.5e6, 2e6), "1.50 s 1.00..2.00");
    }

    #[test]
    fn columns_line_up() {
        let rows = [
            ["event", "", "A", "p10..p90"],
            ["{}", "CPU", "9 µs", "1..2"],
        ];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            align(&rows),
            "event          A  p10..p90\n{}     CPU  9 µs  1..2\n"
        );
    }
}
