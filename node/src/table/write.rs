//! Tables that are given away: a workbook with one sheet, all cells text; or lines of text.
//!
//! Numbers of documents and telephones stay text, so that no spreadsheet rounds them.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

/// Returns a workbook with one sheet; the first row is its header.
///
/// # Errors
/// When a sheet cannot hold it: too many rows, or a cell of more than 32,767 characters.
pub fn xlsx(sheet: &str, rows: &[Vec<String>]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let text = Format::new().set_num_format("@");
    let header = Format::new().set_num_format("@").set_bold();
    let page = workbook.add_worksheet();
    page.set_name(sheet)?;
    page.set_freeze_panes(1, 0)?;
    for (number, row) in (0_u32..).zip(rows) {
        let format = if number == 0 { &header } else { &text };
        for (column, cell) in (0_u16..).zip(row) {
            page.write_string_with_format(number, column, cell, format)?;
        }
    }
    page.autofit();
    workbook.save_to_buffer()
}

/// Returns a text in GB 18030, which office programs in China still write.
pub fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}
