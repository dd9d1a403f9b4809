//! Clocks of computers, right and wrong ones.

use onex_protocol::machine::Now;

use crate::random::Random;

/// How a computer's clock runs against the true time of the simulation.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    Right,
    Ahead(u64),
    Behind(u64),
    Stopped,
    /// Steps back by an hour every day.
    StepsBack,
    /// Gains 5 %.
    Fast,
}

const YEAR_MS: u64 = 365 * DAY_MS;
pub const DAY_MS: u64 = 86_400_000;
/// The true time at which a simulation begins: some morning, in milliseconds since 1970.
const BEGIN_MS: u64 = 1_780_000_000_000;

impl Clock {
    pub fn wrong(random: &mut Random) -> Self {
        match random.below(5) {
            0 => Self::Ahead(20 * YEAR_MS),
            1 => Self::Behind(20 * YEAR_MS),
            2 => Self::Stopped,
            3 => Self::StepsBack,
            _ => Self::Fast,
        }
    }

    /// What the clock says, in milliseconds since 1970.
    fn wall_ms(self, time_ms: u64) -> u64 {
        let right = BEGIN_MS + time_ms;
        match self {
            Self::Right => right,
            Self::Ahead(by) => right + by,
            Self::Behind(by) => right - by,
            Self::Stopped => BEGIN_MS,
            Self::StepsBack => right - time_ms / DAY_MS * (DAY_MS + DAY_MS / 24),
            Self::Fast => right + time_ms / 20,
        }
    }

    pub fn now(self, time_ms: u64) -> Now {
        Now(self.wall_ms(time_ms))
    }

    pub fn seconds(self, time_ms: u64) -> i64 {
        i64::try_from(self.wall_ms(time_ms) / 1000).expect("before the end of time")
    }
}
