//! What a device has done wrong, and whether it is turned away for it (trust G5).
//!
//! A device alone: its organisation is never turned away for it. Time heals.

use std::collections::BTreeMap;

use onex_crdt::ids::DeviceId;
use onex_protocol::machine::Now;

/// What a device can do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// Bytes that no program of this protocol sends.
    Malformed,
    /// A message that inflates beyond every bound.
    Bomb,
    /// More than is allowed, or changes that cannot be taken.
    OverQuota,
}

impl Offence {
    /// What a device did for which the machine closed with this code (`docs/PROTOCOL.md`).
    pub fn of_close(code: u32) -> Option<Self> {
        match code {
            1 | 3 => Some(Self::Malformed),
            9 => Some(Self::OverQuota),
            13 => Some(Self::Bomb),
            _ => None,
        }
    }

    /// Whether no honest node sends what was refused for this reason.
    pub fn is_in(reason: &str) -> bool {
        matches!(reason, "malformed" | "too_large" | "failed_to_apply")
    }
}

/// At this score a device is turned away.
const SCORE_MIN: i64 = -100;
/// How long a bomb shuts a device out.
const BAN_MS: u64 = 60 * 60 * 1000;
/// In how many milliseconds a point heals.
const HEAL_MS: u64 = 60 * 1000;
/// Devices that are remembered; beyond it the one that did the least is forgotten.
const DEVICES_MAX: usize = 4096;

/// The devices that did something wrong lately.
#[derive(Debug, Default)]
pub struct Scores {
    devices: BTreeMap<DeviceId, Score>,
}

#[derive(Debug, Clone, Copy)]
struct Score {
    points: i64,
    at: Now,
    banned_until: Now,
}

impl Scores {
    /// Notes what a device did wrong; returns whether it is turned away from now on.
    pub fn offended(&mut self, now: Now, device: DeviceId, offence: Offence) -> bool {
        if self.devices.len() >= DEVICES_MAX && !self.devices.contains_key(&device) {
            self.forget_one(now);
        }
        let fresh = Score { points: 0, at: now, banned_until: Now(0) };
        let score = self.devices.entry(device).or_insert(fresh);
        let points = match offence {
            Offence::Malformed => 50,
            Offence::Bomb => 100,
            Offence::OverQuota => 5,
        };
        score.points = score.healed(now) - points;
        score.at = now;
        if offence == Offence::Bomb {
            score.banned_until = Now(now.0 + BAN_MS);
        }
        score.is_turned_away(now)
    }

    /// Whether a device is turned away.
    pub fn is_turned_away(&self, now: Now, device: DeviceId) -> bool {
        self.devices.get(&device).is_some_and(|score| score.is_turned_away(now))
    }

    fn forget_one(&mut self, now: Now) {
        let best = self.devices.iter().max_by_key(|(_, score)| score.healed(now));
        if let Some(device) = best.map(|(device, _)| *device) {
            self.devices.remove(&device);
        }
    }
}

impl Score {
    fn healed(&self, now: Now) -> i64 {
        let minutes = now.0.saturating_sub(self.at.0) / HEAL_MS;
        (self.points + i64::try_from(minutes).unwrap_or(i64::MAX)).min(0)
    }

    fn is_turned_away(&self, now: Now) -> bool {
        now < self.banned_until || self.healed(now) <= SCORE_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::Offence::{Bomb, Malformed, OverQuota};
    use super::*;

    const DEVICE: DeviceId = DeviceId([1; 16]);
    const MINUTE: u64 = 60_000;

    /// After these offences, at these minutes, the device is turned away at these minutes.
    fn check(offences: &[(u64, Offence)], away: &[u64], let_in: &[u64]) {
        let mut scores = Scores::default();
        for (at, offence) in offences {
            scores.offended(Now(at * MINUTE), DEVICE, *offence);
        }
        for (minutes, expected) in [(away, true), (let_in, false)] {
            for at in minutes {
                let found = scores.is_turned_away(Now(at * MINUTE), DEVICE);
                assert_eq!(found, expected, "{offences:?} at {at}");
            }
        }
        assert!(!scores.is_turned_away(Now(0), DeviceId([2; 16])), "a colleague");
    }

    #[test]
    fn offences_add_up_and_heal() {
        check(&[], &[], &[0]);
        check(&[(0, Malformed)], &[], &[0, 1]);
        check(&[(0, Malformed), (0, Malformed)], &[0], &[1, 60]);
        check(&[(0, Malformed), (1, Malformed)], &[], &[1]);
        check(&[(0, Bomb)], &[0, 1, 59], &[60]);
        check(&[(0, Bomb), (0, Bomb)], &[59, 60, 100], &[101]);
        check(&[(0, OverQuota); 19], &[], &[0]);
        check(&[(0, OverQuota); 20], &[0], &[1]);
        check(&[(0, Malformed), (500, OverQuota)], &[], &[500]);
    }

    #[test]
    fn memory_of_devices_is_bounded() {
        let mut scores = Scores::default();
        let device = |n: u64| {
            let mut bytes = [9; 16];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            DeviceId(bytes)
        };
        scores.offended(Now(0), DEVICE, Bomb);
        for n in 0..2 * DEVICES_MAX as u64 {
            scores.offended(Now(0), device(n), OverQuota);
        }
        assert_eq!(scores.devices.len(), DEVICES_MAX);
        assert!(scores.is_turned_away(Now(0), DEVICE), "the worst is remembered");
    }
}
