//! Rows for other programs: CSV that no spreadsheet takes for a formula, JSON that no terminal obeys.

use super::{is_hidden, visible};
use std::fmt::Write;

/// A row of CSV (RFC 4180) without its line end.
pub fn csv_row(cells: &[String]) -> Result<String, String> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let cells: Vec<String> = cells.iter().map(|text| csv_cell(text)).collect();
    writer.write_record(&cells).map_err(|error| error.to_string())?;
    let bytes = writer.into_inner().map_err(|error| error.to_string())?;
    let row = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    Ok(row.trim_end_matches(['\r', '\n']).to_owned())
}

/// A cell that no spreadsheet reads as a formula, and whose control characters are seen.
pub fn csv_cell(text: &str) -> String {
    // The wide signs are formulas to spreadsheets in East Asian settings; some leave white space before one out.
    let begins = |text: &str| text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let is_formula = begins(text) || begins(text.trim_start());
    let lead = if is_formula { "'" } else { "" };
    format!("{lead}{}", visible(text))
}

/// `text`, which is JSON, with white space outside of its strings left out and hidden scalars inside of them escaped.
/// Records are copied by their text, so their digits stay and their line ends must go.
pub fn harmless_json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut is_inside = false;
    let mut is_escaped = false;
    for scalar in text.chars() {
        if !is_inside && matches!(scalar, ' ' | '\t' | '\r' | '\n') {
            continue;
        }
        if scalar == '"' && !is_escaped {
            is_inside = !is_inside;
        }
        is_escaped = is_inside && scalar == '\\' && !is_escaped;
        if is_inside && is_hidden(scalar) {
            for unit in scalar.encode_utf16(&mut [0; 2]) {
                write!(shown, "\\u{unit:04x}").expect("a String takes whatever is written");
            }
        } else {
            shown.push(scalar);
        }
    }
    shown
}
