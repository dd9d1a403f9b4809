//! The XML inside workbooks: elements by local name, attributes and text unescaped.
//!
//! Document types are refused, so that no entity can grow.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::TableError;

/// Reads one part of a workbook from front to back.
pub struct Xml<'a> {
    reader: Reader<&'a [u8]>,
}

/// What comes next.
pub enum Piece<'a> {
    /// An element begins; an empty one ends at once.
    Start(Element<'a>),
    /// An element ends.
    End(String),
    /// Text between elements.
    Text(String),
    /// The part ends.
    Done,
}

/// The beginning of an element.
pub struct Element<'a>(BytesStart<'a>);

impl<'a> Xml<'a> {
    /// Begins to read a part.
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::from_reader(bytes);
        reader.config_mut().expand_empty_elements = true;
        Self { reader }
    }

    /// Returns what comes next; comments and instructions are left out.
    pub fn next(&mut self) -> Result<Piece<'a>, TableError> {
        loop {
            return Ok(match self.reader.read_event().map_err(|_| TableError::Damaged)? {
                Event::Start(start) => Piece::Start(Element(start)),
                Event::End(end) => Piece::End(end.local_name().as_ref().to_owned()),
                Event::Text(text) => Piece::Text(text.xml10_content().into_owned()),
                Event::CData(text) => Piece::Text(text.xml10_content().into_owned()),
                Event::GeneralRef(name) => Piece::Text(entity(&name.xml10_content())?),
                Event::DocType(_) => return Err(TableError::Damaged),
                Event::Eof => Piece::Done,
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            });
        }
    }

    /// Returns the text of the element that has begun, without that of the elements named.
    pub fn text(&mut self, leaving_out: &[&str]) -> Result<String, TableError> {
        let mut text = String::new();
        let mut left_out = 0_usize;
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                Piece::Start(element) => {
                    depth += 1;
                    if left_out > 0 || leaving_out.contains(&element.name().as_str()) {
                        left_out += 1;
                    }
                }
                Piece::End(_) if depth == 0 => return Ok(text),
                Piece::End(_) => {
                    depth -= 1;
                    left_out = left_out.saturating_sub(1);
                }
                Piece::Text(part) if left_out == 0 => text.push_str(&part),
                Piece::Text(_) => {}
                Piece::Done => return Err(TableError::Damaged),
            }
        }
    }
}

impl Element<'_> {
    /// The name without its prefix.
    pub fn name(&self) -> String {
        self.0.local_name().as_ref().to_owned()
    }

    /// Returns an attribute by its name without the prefix.
    pub fn attribute(&self, name: &str) -> Result<Option<String>, TableError> {
        for attribute in self.0.attributes().with_checks(false) {
            let attribute = attribute.map_err(|_| TableError::Damaged)?;
            if attribute.key.local_name().as_ref() == name {
                let value = quick_xml::escape::unescape(&attribute.value);
                return value
                    .map(|value| Some(value.into_owned()))
                    .map_err(|_| TableError::Damaged);
            }
        }
        Ok(None)
    }

    /// Returns an attribute that is a number; one that is none is damage.
    pub fn number(&self, name: &str) -> Result<Option<u32>, TableError> {
        let text = self.attribute(name)?;
        text.map(|text| text.trim().parse().map_err(|_| TableError::Damaged)).transpose()
    }

    /// Whether an attribute says yes.
    pub fn is(&self, name: &str) -> Result<bool, TableError> {
        let yes = |text: String| matches!(text.as_str(), "1" | "true" | "on");
        Ok(self.attribute(name)?.is_some_and(yes))
    }
}

/// The five entities of XML and characters by number.
fn entity(name: &str) -> Result<String, TableError> {
    let text = format!("&{name};");
    let plain = quick_xml::escape::unescape(&text).map_err(|_| TableError::Damaged)?;
    Ok(plain.into_owned())
}
