//! CSV as RFC 4180 has it, safe to open in a spreadsheet.

/// Adds one row, with its line end.
pub fn row(to: &mut String, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            to.push(',');
        }
        add(to, cell.as_ref());
    }
    to.push_str("\r\n");
}

/// Adds one cell. A name that begins like a formula must not become one where the file is opened (CWE-1236).
fn add(to: &mut String, cell: &str) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if formula { "'" } else { "" };
    if formula || cell.contains(['"', ',', '\r', '\n']) {
        to.push('"');
        to.push_str(guard);
        to.push_str(&cell.replace('"', "\"\""));
        to.push('"');
    } else {
        to.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_never_become_formulas() {
        let mut text = String::new();
        row(&mut text, ["plain", "a,b", "say \"x\"", "two\nlines", "", "=1+1", "-2", "@x", "a=b"]);
        row(&mut text, ["ü"]);
        let expected = "plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",,\"'=1+1\",\"'-2\",\"'@x\",a=b\r\nü\r\n";
        assert_eq!(text, expected);
    }
}
