//! Tables for people: columns as wide as their widest cell, nothing else.

use owo_colors::{OwoColorize, Style};

use super::sanitize;

/// A cell: text, and how it is coloured.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A coloured cell.
    pub fn styled(text: &str, style: Style) -> Self {
        // One line and no control characters, whatever a configured path may hold.
        Cell { text: sanitize(text).replace(['\n', '\t'], " "), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::styled(text.as_ref(), Style::new())
    }
}

/// Rows under a header.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with this header.
    pub fn new(header: &[&str]) -> Self {
        let bold = |text: &&str| Cell::styled(text, Style::new().bold());
        Table { rows: vec![header.iter().map(bold).collect()] }
    }

    /// Adds a row.
    pub fn row<C: Into<Cell>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// The lines, two spaces between columns, none at the end; with styles, which the printer takes out where unwanted.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width =
            |at: usize| self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.chars().count()).max();
        let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
        self.rows.iter().map(move |row| {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                let text = cell.text.style(cell.style).to_string();
                line += &text;
                if at + 1 < row.len() {
                    line += &" ".repeat(widths[at] + 2 - cell.text.chars().count());
                }
            }
            line.trim_end().to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_under_styles_and_wide_characters() {
        let mut table = Table::new(&["KEY", "VALUE"]);
        table.row(["ä", "1"]);
        table.row([Cell::from("longer"), Cell::styled("a\u{1b}[31m\nb", Style::new().red())]);
        let plain: Vec<String> = table.lines().map(|line| anstream::adapter::strip_str(&line).to_string()).collect();
        assert_eq!(plain[..2], ["KEY     VALUE", "ä       1"]);
        assert!(plain[2].starts_with("longer  a") && !plain[2].contains('\n'), "{:?}", plain[2]);
    }
}
