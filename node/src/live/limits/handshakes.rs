//! How many handshakes strangers may ask for (trust G2).
//!
//! Who a caller is shows only after the handshake; what a member used is given back then. A caller
//! that is passed over now tries again by itself after a second.

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
    /// Whether a handshake with this address may be made now; it is counted.
    pub fn take(&mut self, now: Now, address: IpAddr) -> bool {
        if self.neighbourhoods.len() >= NEIGHBOURHOODS_MAX {
            self.neighbourhoods.retain(|_, allowance| !allowance.is_full(now));
            if self.neighbourhoods.len() >= NEIGHBOURHOODS_MAX {
                return false;
            }
        }
        let near = self.neighbourhoods.entry(neighbourhood(address));
        let near = near.or_insert(Allowance::full(NEIGHBOURHOOD_MAX));
        near.refill(now);
        self.all.refill(now);
        let may = near.left >= SECOND_MS && self.all.left >= SECOND_MS;
        if may {
            near.left -= SECOND_MS;
            self.all.left -= SECOND_MS;
        }
        may
    }

    /// The caller was a member: what it used is given back.
    pub fn give_back(&mut self, address: IpAddr) {
        let near = self.neighbourhoods.get_mut(&neighbourhood(address));
        for allowance in near.into_iter().chain([&mut self.all]) {
            allowance.left = (allowance.left + SECOND_MS).min(allowance.max);
        }
    }
}

impl Allowance {
    fn full(handshakes: u64) -> Self {
        let max = handshakes * SECOND_MS;
        Self { left: max, max, at: Now(0) }
    }

    fn refill(&mut self, now: Now) {
        let handshakes = self.max / SECOND_MS;
        let back = now.0.saturating_sub(self.at.0).min(SECOND_MS) * handshakes;
        self.left = (self.left + back).min(self.max);
        self.at = now;
    }

    fn is_full(&self, now: Now) -> bool {
        let mut filled = *self;
        filled.refill(now);
        filled.left == filled.max
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

    /// Of so many callers at this moment, how many are let through.
    fn check(handshakes: &mut Handshakes, at: u64, address: &str, callers: usize, expected: usize) {
        let through = (0..callers).filter(|_| handshakes.take(Now(at), ip(address))).count();
        assert_eq!(through, expected, "{address} at {at}");
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
    fn members_use_nothing_up() {
        let mut handshakes = Handshakes::default();
        for _ in 0..1000 {
            assert!(handshakes.take(Now(5), ip("192.0.2.1")));
            handshakes.give_back(ip("192.0.2.1"));
        }
        check(&mut handshakes, 5, "192.0.2.1", 50, 10);
    }

    #[test]
    fn all_together_have_a_limit_and_no_memory_grows() {
        let mut handshakes = Handshakes::default();
        let many = |at, handshakes: &mut Handshakes| {
            let callers = (0..100_000_u32).map(|n| IpAddr::from((n << 8).to_be_bytes()));
            callers.filter(|address| handshakes.take(Now(at), *address)).count()
        };
        assert_eq!(many(0, &mut handshakes), 200);
        assert!(handshakes.neighbourhoods.len() <= NEIGHBOURHOODS_MAX);
        assert_eq!(many(500, &mut handshakes), 100);
        assert_eq!(many(10_000, &mut handshakes), 200);
    }
}
