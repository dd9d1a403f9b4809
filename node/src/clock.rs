//! The node's clock and its random bytes: the only place where either is read.
//!
//! What the clock says is a claim that others see; no state depends on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{Timestamp, tz::TimeZone};

use onex_crdt::field::time::Moment;

/// A clock.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's, in the system's time zone.
    #[default]
    System,
    /// A story's: stands still until somebody moves it. Seconds since 1970, shown at +08:00.
    Story(Arc<AtomicI64>),
}

/// Beijing time, in minutes east of UTC.
const STORY_OFFSET_MINUTES: i32 = 480;

impl Clock {
    /// Returns a clock that stands at a moment.
    pub fn story(at: Moment) -> Self {
        Self::Story(Arc::new(AtomicI64::new(at.unix_seconds())))
    }

    /// Moves a story's clock on; the system's moves by itself.
    pub fn advance(&self, seconds: i64) {
        if let Self::Story(at) = self {
            at.fetch_add(seconds, Ordering::SeqCst);
        }
    }

    /// The moment it shows.
    pub fn now(&self) -> Moment {
        let (seconds, offset) = match self {
            Self::Story(at) => (at.load(Ordering::SeqCst), STORY_OFFSET_MINUTES),
            Self::System => {
                let now = Timestamp::now();
                let offset = TimeZone::system().to_offset(now).seconds() / 60;
                (now.as_second(), offset)
            }
        };
        let clamped = seconds.clamp(0, LATEST_SECONDS);
        Moment::from_unix(clamped, offset).expect("clamped to years that a moment can show")
    }
}

/// The start of the year 2199; a computer's clock beyond it is wrong anyway.
const LATEST_SECONDS: i64 = 7_226_582_400;

/// Draws random bytes from the operating system.
///
/// # Panics
/// When the operating system has none: nothing could be kept secret then.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
