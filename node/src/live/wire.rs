//! Two nodes that meet without a network: what one says is handed to the other at once.
//!
//! For tests; machine and store are the real ones, only QUIC and the clock are missing.

use std::collections::VecDeque;

use onex_protocol::key::SigningKey;
use onex_protocol::machine::{Effect, Event, Machine, Now, Own, PeerId, Report, Side};

use super::storing::{self, Seen};
use crate::error::NodeError;
use crate::handle::Node;

/// The one connection that both have.
const PEER: PeerId = PeerId(1);

struct End<'a> {
    node: &'a Node,
    own: Own,
    machine: Machine,
    seen: Seen,
    report: Option<Report>,
}

/// Lets the first node call the second one, until both have said everything. `stored` hears of each
/// step that the first one has made durable.
pub(crate) fn sync(
    nodes: [&Node; 2],
    stored: &mut dyn FnMut(),
) -> Result<[Option<Report>; 2], NodeError> {
    let keys = nodes.map(|node| SigningKey::from_seed(&node.shared.keys.device).public());
    let [mut one, mut two] = [End::new(nodes[0])?, End::new(nodes[1])?];
    storing::meet(one.node, &keys[1])?;
    stored();
    storing::meet(two.node, &keys[0])?;
    let begun = |at: usize, side| Event::Connected { peer: PEER, device: keys[at].device(), side };
    let mut events = VecDeque::from([(0, begun(1, Side::Caller)), (1, begun(0, Side::Called))]);
    while let Some((at, event)) = events.pop_front() {
        let said = match at {
            0 => one.handle(keys[1].device(), event, stored)?,
            _ => two.handle(keys[0].device(), event, &mut || {})?,
        };
        let heard = |bytes| (1 - at, Event::Received { peer: PEER, bytes });
        events.extend(said.into_iter().map(heard));
    }
    Ok([one.report, two.report])
}

impl<'a> End<'a> {
    fn new(node: &'a Node) -> Result<Self, NodeError> {
        let (own, membership, seen) = storing::standing(node)?;
        Ok(Self { node, own, machine: Machine::new(own, membership), seen, report: None })
    }

    /// Hands an event to the machine, and returns what is to be said to the peer.
    fn handle(
        &mut self,
        device: onex_crdt::ids::DeviceId,
        event: Event,
        stored: &mut dyn FnMut(),
    ) -> Result<Vec<Vec<u8>>, NodeError> {
        let mut said = Vec::new();
        let mut effects: VecDeque<Effect> = self.machine.handle(Now(0), event).into();
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Send { bytes, .. } => said.push(bytes),
                Effect::Finished { report, .. } => {
                    storing::finished(self.node, device, &report)?;
                    stored();
                    self.report = Some(report);
                }
                Effect::Close { .. } | Effect::Joining { .. } => {}
                other => {
                    let follows = storing::store(self.node, self.own, other, &mut self.seen)?;
                    stored();
                    for event in follows {
                        effects.extend(self.machine.handle(Now(0), event));
                    }
                }
            }
        }
        Ok(said)
    }
}
