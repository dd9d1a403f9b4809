//! Connections of a simulated province: in order and reliable while they stand, gone at any
//! message; nothing is said about what was under way.

use std::collections::{BTreeMap, VecDeque};

use onex_protocol::machine::PeerId;

/// Something on its way along one direction of a connection.
pub enum Item {
    /// The called side is to learn of the connection.
    Open,
    Message(Vec<u8>),
    /// The sender has closed.
    End,
}

/// One direction.
#[derive(Default)]
pub struct Line {
    pub items: VecDeque<Item>,
    /// When the last item arrives: none overtakes another.
    pub last_ms: u64,
    /// Something was lost; nothing after it may arrive.
    pub dead: bool,
}

/// A connection between two nodes; line 0 goes from the caller to the called side.
pub struct Connection {
    pub ends: [usize; 2],
    pub lines: [Line; 2],
    /// Whether it was seen that nothing arrives any more.
    pub doomed: bool,
}

impl Connection {
    pub fn new(caller: usize, called: usize) -> Self {
        Self { ends: [caller, called], lines: [Line::default(), Line::default()], doomed: false }
    }

    /// The line on which a node sends.
    pub fn line_of(&self, node: usize) -> usize {
        usize::from(self.ends[1] == node)
    }

    /// How many messages are under way.
    pub fn under_way(&self) -> usize {
        let items = self.lines.iter().flat_map(|line| &line.items);
        items.filter(|item| matches!(item, Item::Message(_))).count()
    }
}

pub type Connections = BTreeMap<PeerId, Connection>;
