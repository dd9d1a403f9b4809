//! Whose message is next: organisations take turns by bytes, the devices of one among themselves,
//! and who has had more than its time waits behind those who have not (trust G4). Connections do not
//! count: a device has one turn over however many it makes, and its time when it comes again.
//!
//! Deficit round-robin: an organisation whose turn comes may spend so many bytes more. Who needs
//! much therefore waits for others, but nobody waits for more than one turn of each.

use std::collections::{BTreeMap, VecDeque};

use onex_crdt::ids::DeviceId;
use onex_protocol::machine::{Now, PeerId};

use super::Party;

/// Bytes that an organisation may spend more when its turn comes.
pub const TURN_BYTES: usize = 64 * 1024;
/// What a message costs at least, so that small ones are not free.
const MESSAGE_BYTES_MIN: usize = 1024;
/// Time that a device's messages may take in a second, in microseconds; it may save up one second's.
const DEVICE_MICROS_PER_SECOND: u64 = 200_000;

/// What waits for the one store; `T` is what is to be handed on.
#[derive(Debug)]
pub struct Turns<T> {
    order: VecDeque<Party>,
    parties: BTreeMap<Party, Waiting<T>>,
    /// Microseconds that devices have used and not worked off yet.
    used: BTreeMap<DeviceId, (u64, Now)>,
}

#[derive(Debug)]
struct Waiting<T> {
    deficit: usize,
    order: VecDeque<DeviceId>,
    messages: BTreeMap<DeviceId, VecDeque<Message<T>>>,
}

#[derive(Debug)]
struct Message<T> {
    cost: usize,
    peer: PeerId,
    item: T,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { order: VecDeque::new(), parties: BTreeMap::new(), used: BTreeMap::new() }
    }
}

impl<T> Turns<T> {
    /// Something of so many bytes waits, behind what the same device has said before.
    pub fn push(
        &mut self,
        (peer, device): (PeerId, DeviceId),
        party: Party,
        bytes: usize,
        item: T,
    ) {
        let waiting = self.parties.entry(party).or_insert_with(|| {
            self.order.push_back(party);
            Waiting { deficit: 0, order: VecDeque::new(), messages: BTreeMap::new() }
        });
        let queue = waiting.messages.entry(device).or_insert_with(|| {
            waiting.order.push_back(device);
            VecDeque::new()
        });
        queue.push_back(Message { cost: bytes.max(MESSAGE_BYTES_MIN), peer, item });
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// What is next.
    pub fn next(&mut self, now: Now) -> Option<(PeerId, T)> {
        let used = &self.used;
        let in_time = |device: DeviceId| {
            let used = used.get(&device).map_or(0, |used| worked_off(*used, now));
            used <= DEVICE_MICROS_PER_SECOND
        };
        let punctual = self.parties.values().any(|waiting| waiting.first(&in_time).is_some());
        match punctual {
            true => choose(&mut self.order, &mut self.parties, in_time),
            false => choose(&mut self.order, &mut self.parties, |_| true),
        }
    }

    /// A device's message took so long.
    pub fn took(&mut self, now: Now, device: DeviceId, micros: u64) {
        self.used.retain(|_, used| worked_off(*used, now) > 0);
        let used = self.used.entry(device).or_insert((0, now));
        *used = (worked_off(*used, now) + micros, now);
    }
}

fn worked_off((micros, at): (u64, Now), now: Now) -> u64 {
    let passed = now.0.saturating_sub(at.0);
    micros.saturating_sub(passed.saturating_mul(DEVICE_MICROS_PER_SECOND / 1000))
}

/// Goes round until somebody may spend what its first message costs; there is one that may be
/// chosen.
fn choose<T>(
    order: &mut VecDeque<Party>,
    parties: &mut BTreeMap<Party, Waiting<T>>,
    may: impl Fn(DeviceId) -> bool,
) -> Option<(PeerId, T)> {
    loop {
        let party = *order.front()?;
        let waiting = parties.get_mut(&party)?;
        match waiting.first(&may) {
            Some((at, cost)) if cost <= waiting.deficit => {
                waiting.deficit -= cost;
                let taken = waiting.take(at);
                if waiting.order.is_empty() {
                    parties.remove(&party);
                    order.pop_front();
                }
                return taken;
            }
            Some(_) => waiting.deficit += TURN_BYTES,
            None => {}
        }
        order.rotate_left(1);
    }
}

impl<T> Waiting<T> {
    /// The first device in the order that may be chosen, and what its first message costs.
    fn first(&self, may: &impl Fn(DeviceId) -> bool) -> Option<(usize, usize)> {
        let at = self.order.iter().position(|device| may(*device))?;
        let first = self.messages.get(&self.order[at])?.front()?;
        Some((at, first.cost))
    }

    fn take(&mut self, at: usize) -> Option<(PeerId, T)> {
        let device = self.order.remove(at)?;
        let queue = self.messages.get_mut(&device)?;
        let Message { peer, item, .. } = queue.pop_front()?;
        match queue.is_empty() {
            true => drop(self.messages.remove(&device)),
            false => self.order.push_back(device),
        }
        Some((peer, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onex_crdt::ids::OrgId;
    use proptest::prelude::*;

    fn party(n: u64) -> Party {
        Some(OrgId([n as u8; 16]))
    }

    fn device(n: u64) -> DeviceId {
        DeviceId([n as u8; 16])
    }

    /// The one connection of a device.
    fn only(n: u64) -> (PeerId, DeviceId) {
        (PeerId(n), device(n))
    }

    #[test]
    fn a_small_batch_is_not_held_up_by_many_chatty_devices() {
        for bytes in [100, 60_000, 1024 * 1024] {
            let mut turns = Turns::default();
            for message in 0..100 {
                for peer in 0..16 {
                    turns.push(only(peer), party(1), bytes, message);
                }
            }
            turns.push(only(99), party(2), 2_000, 0);
            let served = std::iter::from_fn(|| turns.next(Now(0)));
            let before = served.take_while(|(peer, _)| *peer != PeerId(99)).count();
            // One turn of the others at most: 64 KiB, in messages that cost 1 KiB or more.
            assert!(before <= 64, "{before} messages of {bytes} bytes were served before");
        }
    }

    #[test]
    fn devices_of_one_organisation_take_turns() {
        let mut turns = Turns::default();
        for message in 0..3 {
            turns.push(only(1), party(1), 5000, message);
        }
        turns.push(only(2), party(1), 5000, 7);
        let served: Vec<_> = std::iter::from_fn(|| turns.next(Now(0))).collect();
        let expected = [(1, 0), (2, 7), (1, 1), (1, 2)].map(|(peer, it)| (PeerId(peer), it));
        assert_eq!(served, expected);
        assert!(turns.is_empty());
    }

    #[test]
    fn many_connections_of_a_device_have_one_turn_and_one_time() {
        let mut turns = Turns::default();
        for peer in 10..26 {
            turns.push((PeerId(peer), device(1)), party(1), 5000, peer);
        }
        (0..3).for_each(|message| turns.push(only(2), party(1), 5000, message));
        let served: Vec<_> = std::iter::from_fn(|| turns.next(Now(0))).map(|it| it.1).collect();
        assert_eq!(served[..6], [10, 0, 11, 1, 12, 2]);
        assert_eq!(served[6..], (13..26).collect::<Vec<_>>());
        turns.took(Now(0), device(1), 400_000);
        turns.push((PeerId(99), device(1)), party(1), 100, 99);
        turns.push(only(3), party(2), 100, 0);
        assert_eq!(turns.next(Now(0)), Some((PeerId(3), 0)), "a new connection is no new time");
    }

    #[test]
    fn who_had_its_time_waits_behind_the_others_but_is_served() {
        let mut turns = Turns::default();
        let push = |turns: &mut Turns<u8>| {
            turns.push(only(1), party(1), 100, 0);
            turns.push(only(2), party(2), 100, 0);
        };
        let served = |turns: &mut Turns<u8>, at| {
            let served = std::iter::from_fn(|| turns.next(Now(at)));
            served.map(|(peer, _)| peer.0).collect::<Vec<_>>()
        };
        push(&mut turns);
        assert_eq!(served(&mut turns, 0), [1, 2]);
        turns.took(Now(0), device(1), 400_000);
        push(&mut turns);
        assert_eq!(served(&mut turns, 0), [2, 1], "throttled, not cut");
        push(&mut turns);
        assert_eq!(served(&mut turns, 999), [2, 1], "still above what a second gives");
        push(&mut turns);
        assert_eq!(served(&mut turns, 1000), [1, 2], "worked off");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// Everything comes out once, a peer's in its order; while two organisations both wait,
        /// neither is ahead by more than a turn and a message.
        #[test]
        fn organisations_get_equal_shares(
            messages in prop::collection::vec((0..6_u64, 0..300_000_usize), 1..300)
        ) {
            let mut turns = Turns::default();
            for (number, (peer, bytes)) in messages.iter().enumerate() {
                // Peers 0 to 4 are one organisation, peer 5 is another.
                turns.push(only(*peer), party(peer / 5), *bytes, (number, *bytes));
            }
            let mut left = [0_usize, 0];
            for (peer, _) in &messages {
                left[(peer / 5) as usize] += 1;
            }
            let (mut bytes, mut last) = ([0_usize, 0], BTreeMap::new());
            while let Some((peer, (number, size))) = turns.next(Now(0)) {
                prop_assert!(last.insert(peer, number).is_none_or(|before| before < number));
                let of = (peer.0 / 5) as usize;
                left[of] -= 1;
                bytes[of] += size.max(MESSAGE_BYTES_MIN);
                if left.iter().all(|left| *left > 0) {
                    let ahead = bytes[0].abs_diff(bytes[1]);
                    prop_assert!(ahead <= 2 * (TURN_BYTES + 300_000), "{ahead} bytes ahead");
                }
            }
            prop_assert_eq!(left, [0, 0]);
        }
    }
}
