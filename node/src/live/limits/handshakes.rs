//! How many handshakes strangers may make (trust G2).
//!
//! Who a caller is shows only after the handshake, so strangers and failures are counted then, and
//! the next callers of the neighbourhood wait: two hundred members that come back at once are no
//! flood. A caller that is passed over now tries again by itself after a second.

use std::collections::BTreeMap;
use std::net::IpAddr;

use onex_protocol::machine::Now;

/// Handshakes a second of one neighbourhood: a /24, of IPv6 a /48.
const NEIGHBOURHOOD_MAX: u64 = 10;
/// Handshakes a second in all.
const ALL_MAX: u64 = 200;
/// Neighbourhoods that are remembered; those that used nothing lately are forgotten first.
const NEIGHBOURHOODS_MAX: usize = 4096;
/// Time in which a whole allowance comes back, in milliseconds.
const SECOND_MS: u64 = 1000;

/// What strangers have used of their allowance.
#[derive(Debug)]
pub struct Handshakes {
    all: Allowance,
    neighbourhoods: BTreeMap<[u8; 7], Allowance>,
}

/// Thousandths of handshakes that may still be made.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    left: u64,
    max: u64,
    at: Now,
}

impl Default for Handshakes {
    fn default() -> Self {
        Self { all: Allowance::full(ALL_MAX), neighbourhoods: BTreeMap::new() }
    }
}

impl Handshakes {
    /// Whether a handshake with this address may be begun now.
    pub fn may_begin(&self, now: Now, address: IpAddr) -> bool {
        let near = self.neighbourhoods.get(&neighbourhood(address));
        let near = near.map_or(SECOND_MS, |allowance| allowance.left_at(now));
        near >= SECOND_MS && self.all.left_at(now) >= SECOND_MS
    }

    /// A handshake with this address has failed, or was made by a stranger.
    pub fn count(&mut self, now: Now, address: IpAddr) {
        if self.neighbourhoods.len() >= NEIGHBOURHOODS_MAX {
            let full = NEIGHBOURHOOD_MAX * SECOND_MS;
            self.neighbourhoods.retain(|_, allowance| allowance.left_at(now) < full);
        }
        if self.neighbourhoods.len() < NEIGHBOURHOODS_MAX {
            let near = self.neighbourhoods.entry(neighbourhood(address));
            near.or_insert(Allowance::full(NEIGHBOURHOOD_MAX)).take(now);
        }
        self.all.take(now);
    }
}

impl Allowance {
    fn full(handshakes: u64) -> Self {
        let max = handshakes * SECOND_MS;
        Self { left: max, max, at: Now(0) }
    }

    fn left_at(&self, now: Now) -> u64 {
        let handshakes = self.max / SECOND_MS;
        let back = now.0.saturating_sub(self.at.0).min(SECOND_MS) * handshakes;
        (self.left + back).min(self.max)
    }

    fn take(&mut self, now: Now) {
        self.left = self.left_at(now).saturating_sub(SECOND_MS);
        self.at = now;
    }
}

/// The part of an address that one provider gives to one customer.
fn neighbourhood(address: IpAddr) -> [u8; 7] {
    let mut part = [0; 7];
    match address.to_canonical() {
        IpAddr::V4(address) => part[..3].copy_from_slice(&address.octets()[..3]),
        IpAddr::V6(address) => {
            part[..6].copy_from_slice(&address.octets()[..6]);
            part[6] = 6;
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// Of so many strangers, one after the other at this moment, how many are let through.
    fn check(handshakes: &mut Handshakes, at: u64, address: &str, callers: usize, expected: usize) {
        let through = (0..callers).filter(|_| through(handshakes, at, ip(address))).count();
        assert_eq!(through, expected, "{address} at {at}");
    }

    fn through(handshakes: &mut Handshakes, at: u64, address: IpAddr) -> bool {
        let may = handshakes.may_begin(Now(at), address);
        if may {
            handshakes.count(Now(at), address);
        }
        may
    }

    #[test]
    fn a_neighbourhood_has_its_share() {
        let mut handshakes = Handshakes::default();
        check(&mut handshakes, 0, "192.0.2.1", 50, 10);
        check(&mut handshakes, 0, "192.0.2.77", 5, 0);
        check(&mut handshakes, 0, "::ffff:192.0.2.8", 5, 0);
        check(&mut handshakes, 0, "192.0.3.1", 5, 5);
        check(&mut handshakes, 0, "2001:db8:1::1", 50, 10);
        check(&mut handshakes, 0, "2001:db8:1:ffff::1", 1, 0);
        check(&mut handshakes, 0, "2001:db8:2::1", 1, 1);
        check(&mut handshakes, 500, "192.0.2.1", 50, 5);
        check(&mut handshakes, 100_000, "192.0.2.1", 50, 10);
    }

    #[test]
    fn many_at_once_are_paid_for_afterwards_and_not_for_ever() {
        let mut handshakes = Handshakes::default();
        let all = (0..256).filter(|_| handshakes.may_begin(Now(0), ip("192.0.2.1"))).count();
        assert_eq!(all, 256, "nobody has turned out to be a stranger yet");
        (0..256).for_each(|_| handshakes.count(Now(0), ip("192.0.2.1")));
        check(&mut handshakes, 99, "192.0.2.1", 1, 0);
        check(&mut handshakes, 100, "192.0.2.1", 50, 1);
        check(&mut handshakes, 100, "192.0.3.1", 50, 10);
    }

    #[test]
    fn all_together_have_a_limit_and_no_memory_grows() {
        let mut handshakes = Handshakes::default();
        let many = |at, handshakes: &mut Handshakes| {
            let callers = (0..100_000_u32).map(|n| IpAddr::from((n << 8).to_be_bytes()));
            callers.filter(|address| through(handshakes, at, *address)).count()
        };
        assert_eq!(many(0, &mut handshakes), 200);
        assert_eq!(many(500, &mut handshakes), 100);
        for second in 1..60 {
            assert_eq!(many(second * 1000 + 500, &mut handshakes), 200);
            assert!(handshakes.neighbourhoods.len() <= NEIGHBOURHOODS_MAX);
        }
    }
}
