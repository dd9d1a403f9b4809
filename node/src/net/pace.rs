//! How fast a connection sends: enough to fill the line and a little more, whatever of it is lost.
//!
//! The rule of FAST TCP (Wei, Jin, Low, Hegde 2006): once a round trip, the window becomes what
//! would be under way without a queue, plus a few packets that may wait in one. Loss is no sign of
//! a full line unless it is heavy: on the slow lines of the colleges a tenth of the packets may go
//! missing while the line is idle. It does not probe for more than the line gives, and it knows
//! nothing of other connections.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::congestion::{Controller, ControllerFactory};
use quinn_proto::RttEstimator;

/// Bytes that may wait in the queue before the line; a quarter of what small routers hold.
const QUEUE_BYTES_AIM: u64 = 8 * 1024;
/// What is sent before the first answer, as in RFC 9002, 7.2.
const INITIAL_PACKETS: u64 = 10;
/// However bad the line is, so many packets are under way: enough to see when it mends.
const PACKETS_MIN: u64 = 4;
/// More than what flow control lets be under way.
const WINDOW_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Lost packets in a hundred from which on the line is taken to be overfull.
const LOSS_PERCENT_MAX: u64 = 30;
/// Packets of a round from which on its loss says something.
const LOSS_PACKETS_MIN: u64 = 10;
/// Rounds whose rate is remembered.
const RATE_ROUNDS: usize = 8;
/// How much more than arrives is sent to see whether more arrives; less than a twentieth of loss
/// takes away, and the line would seem to shrink.
const RATE_MORE: f64 = 1.1;
/// How long the shortest round trip is believed before the queue is emptied to see it again.
const SHORTEST_MAX: Duration = Duration::from_secs(30);

/// Answers by the shortest of which it is judged whether a queue builds up while the window doubles:
/// packets wait for other reasons too.
const TRIPS_SEEN: usize = 8;
/// The shortest trip in these parts is how long they may all have waited then.
const TRIP_PARTS: u32 = 8;
/// A wait that is no sign of a queue.
const WAIT_MIN: Duration = Duration::from_millis(4);

/// Makes a pace for each path.
#[derive(Debug, Clone, Default)]
pub(super) struct PaceConfig;

impl ControllerFactory for PaceConfig {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        Box::new(Pace::new(now, u64::from(current_mtu)))
    }
}

/// The pace of one path.
#[derive(Debug, Clone)]
struct Pace {
    mtu: u64,
    window: u64,
    /// The round trip without a queue, and when it was last seen.
    shortest: Option<(Duration, Instant)>,
    /// While the window doubles: the trips of the last answers.
    starting: Option<Start>,
    /// Whether this round empties the queue, to see the shortest round trip again.
    emptying: bool,
    /// Bytes a second that arrived in the last rounds.
    rates: [f64; RATE_ROUNDS],
    round: Round,
    rounds: usize,
}

/// The last trips seen, in a ring.
#[derive(Debug, Clone, Default)]
struct Start {
    trips: [Duration; TRIPS_SEEN],
    count: usize,
}

impl Start {
    /// Takes one more; tells whether all of the last ones have waited in a queue.
    fn waits(&mut self, trip: Duration, shortest: Duration) -> bool {
        self.trips[self.count % TRIPS_SEEN] = trip;
        self.count += 1;
        let wait = (shortest / TRIP_PARTS).max(WAIT_MIN);
        self.count >= TRIPS_SEEN && self.trips.iter().all(|trip| *trip > shortest + wait)
    }
}

/// The packets that were sent before the first answer to one sent in it.
#[derive(Debug, Clone)]
struct Round {
    begun: Instant,
    shortest: Option<Duration>,
    arrived: u64,
    lost: u64,
    /// Whether the application had nothing to send, so that the round says little of the line.
    idle: bool,
}

impl Round {
    fn new(begun: Instant) -> Self {
        Self { begun, shortest: None, arrived: 0, lost: 0, idle: false }
    }

    fn is_overfull(&self, mtu: u64) -> bool {
        let all = self.arrived + self.lost;
        all >= LOSS_PACKETS_MIN * mtu && self.lost * 100 > all * LOSS_PERCENT_MAX
    }
}

impl Pace {
    fn new(now: Instant, mtu: u64) -> Self {
        Self {
            mtu,
            window: INITIAL_PACKETS * mtu,
            shortest: None,
            starting: Some(Start::default()),
            emptying: false,
            rates: [0.0; RATE_ROUNDS],
            round: Round::new(now),
            rounds: 0,
        }
    }

    /// Judges a round that is over and sets the window for the next.
    fn round_end(&mut self, now: Instant) {
        let round = std::mem::replace(&mut self.round, Round::new(now));
        let Some(trip) = round.shortest else { return };
        let shortest = self.shortest_see(trip, now);
        let rate = round.arrived as f64 / (now - round.begun).max(trip).as_secs_f64();
        let best = self.rates.iter().copied().fold(0.0, f64::max);
        if !round.idle || rate > best {
            self.rates[self.rounds % RATE_ROUNDS] = rate;
            self.rounds += 1;
        }
        let unqueued = self.window as f64 * shortest.as_secs_f64() / trip.as_secs_f64();
        if self.starting.is_some() && !round.is_overfull(self.mtu) {
            return;
        }
        self.starting = None;
        let aim = unqueued as u64 + QUEUE_BYTES_AIM;
        // What does not make more arrive is not sent: a line may drop instead of queueing.
        let useful = best.max(rate) * shortest.as_secs_f64() * RATE_MORE;
        let aim = aim.min(useful as u64 + QUEUE_BYTES_AIM);
        let aim = if round.is_overfull(self.mtu) { aim.min(self.window * 7 / 10) } else { aim };
        let aim = if round.idle { aim.min(self.window) } else { aim };
        self.window_set((self.window + aim) / 2);
    }

    /// Takes a round's shortest trip into account; now and then a round empties the queue for it.
    fn shortest_see(&mut self, trip: Duration, now: Instant) -> Duration {
        let emptied = std::mem::take(&mut self.emptying);
        match self.shortest {
            Some((shortest, seen)) if shortest < trip && !emptied => {
                self.emptying = now - seen > SHORTEST_MAX;
                shortest
            }
            _ => {
                self.shortest = Some((trip, now));
                trip
            }
        }
    }

    fn window_set(&mut self, bytes: u64) {
        self.window = bytes.clamp(PACKETS_MIN * self.mtu, WINDOW_BYTES_MAX);
    }
}

impl Controller for Pace {
    fn on_ack(
        &mut self,
        now: Instant,
        sent: Instant,
        bytes: u64,
        app_limited: bool,
        _rtt: &RttEstimator,
    ) {
        let trip = now - sent;
        let round = &mut self.round;
        round.arrived += bytes;
        round.idle |= app_limited;
        round.shortest = Some(round.shortest.map_or(trip, |shortest| shortest.min(trip)));
        let shortest = self.shortest.map_or(trip, |(shortest, _)| shortest.min(trip));
        if let (Some(start), false) = (&mut self.starting, app_limited) {
            if start.waits(trip, shortest) {
                // These were sent when the window was half of what it is now.
                self.starting = None;
                self.window_set(self.window / 2 + QUEUE_BYTES_AIM);
            } else {
                self.window_set(self.window + bytes);
            }
        }
        if sent >= self.round.begun {
            self.round_end(now);
        }
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        _sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        self.round.lost += lost_bytes;
        if is_persistent_congestion {
            // Nothing at all passed for a while: the line is another one now.
            let window = self.window / 2;
            *self = Self::new(now, self.mtu);
            self.window_set(window.min(self.window));
        }
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = u64::from(new_mtu);
        self.window_set(self.window);
    }

    fn window(&self) -> u64 {
        if self.emptying { (self.window / 2).max(PACKETS_MIN * self.mtu) } else { self.window }
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        INITIAL_PACKETS * self.mtu
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
