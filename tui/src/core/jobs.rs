//! Long work: what runs, how far it has come, and what asks it to stop.
//!
//! Reads no clock: the loop tells how many milliseconds the program runs, and a job remembers at
//! which of them it began. Nothing here works; a thread of the loop does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onex_crdt::ids::{DeviceId, RecordId};
use onex_node::import::Draft;

use crate::core::load::Task;
use crate::core::undo::TakeBack;

/// The number of a job in this run of the program.
pub type JobId = u64;

/// What a job does.
#[derive(Clone)]
pub enum Work {
    /// A sync with one peer, or with all.
    Sync {
        /// The peer.
        peer: Option<DeviceId>,
    },
    /// An undoing.
    Undo {
        /// Of what.
        what: TakeBack,
        /// Records that are taken back even where they were changed since.
        also: Vec<RecordId>,
    },
    /// The saving of a roster.
    Import {
        /// The roster.
        draft: Arc<Draft>,
        /// The class that its learners are put into.
        class: Option<RecordId>,
    },
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// The id of its title.
    pub title: &'static str,
    /// Whether it heeds being asked to stop.
    pub can_stop: bool,
    /// How much is done.
    pub done: u64,
    /// How much there is, where that is known.
    pub total: Option<u64>,
    /// When it began.
    pub started: u64,
    /// When and how it ended.
    pub ended: Option<(u64, Ending)>,
    stop: Stop,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It did all of it.
    Done,
    /// It was asked to stop and left nothing behind.
    Stopped,
    /// It was refused, or failed.
    Failed,
}

/// Asks a job to stop; clones ask the same job.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

/// The jobs of this run of the program, the newest first.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    jobs: Vec<Job>,
    begun: JobId,
}

impl Work {
    fn title(&self) -> &'static str {
        match self {
            Work::Sync { .. } => "job-sync",
            Work::Undo { .. } => "job-undo",
            Work::Import { .. } => "job-import",
        }
    }

    fn can_stop(&self) -> bool {
        match self {
            Work::Import { .. } => true,
            Work::Sync { .. } | Work::Undo { .. } => false,
        }
    }
}

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Jobs {
    /// Begins a job and returns the task that does it.
    pub fn begin(&mut self, work: Work, now: u64) -> Task {
        self.begun += 1;
        let (id, stop) = (self.begun, Stop::default());
        self.jobs.insert(
            0,
            Job {
                id,
                title: work.title(),
                can_stop: work.can_stop(),
                done: 0,
                total: None,
                started: now,
                ended: None,
                stop: stop.clone(),
            },
        );
        self.forget_old();
        Task::Job { id, work, stop }
    }

    /// Every job, the newest first.
    pub fn all(&self) -> &[Job] {
        &self.jobs
    }

    /// The jobs that run, the newest first.
    pub fn running(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.ended.is_none())
    }

    /// Whether a job of this title runs.
    pub fn runs(&self, title: &str) -> bool {
        self.running().any(|job| job.title == title)
    }

    /// Notes how far a job has come.
    pub fn progress(&mut self, id: JobId, done: u64, total: Option<u64>) {
        if let Some(job) = self.job(id) {
            (job.done, job.total) = (done, total);
        }
    }

    /// Notes that a job has ended.
    pub fn end(&mut self, id: JobId, ending: Ending, now: u64) {
        if let Some(job) = self.job(id) {
            job.ended = Some((now, ending));
        }
    }

    /// Asks the job at a place of the list to stop, where it runs and heeds that.
    pub fn stop_at(&self, at: usize) {
        let job = self.jobs.get(at).filter(|job| job.can_stop && job.ended.is_none());
        job.into_iter().for_each(|job| job.stop.ask());
    }

    /// Asks every job to stop.
    pub fn stop_all(&self) {
        self.running().for_each(|job| job.stop.ask());
    }

    /// Forgets the oldest that have ended.
    fn forget_old(&mut self) {
        while self.jobs.len() > JOBS_MAX {
            let Some(at) = self.jobs.iter().rposition(|job| job.ended.is_some()) else { return };
            self.jobs.remove(at);
        }
    }

    fn job(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }
}

impl Job {
    /// Returns how long it runs, or ran, in milliseconds.
    pub fn took(&self, now: u64) -> u64 {
        self.ended.map_or(now, |(at, _)| at).saturating_sub(self.started)
    }

    /// Whether it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.ended.is_none() && self.stop.is_asked()
    }

    /// Returns how much of a hundred is done, where that is known.
    pub fn percent(&self) -> Option<u64> {
        let total = self.total.filter(|total| *total > 0)?;
        Some(self.done.min(total).saturating_mul(100) / total)
    }

    /// Returns the seconds that it will take yet, as far as its pace tells.
    pub fn seconds_left(&self, now: u64) -> Option<u64> {
        let total = self.total?;
        let (done, took) = (self.done.min(total), self.took(now));
        if done == 0 {
            return None;
        }
        Some((took.saturating_mul(total - done) / done).div_ceil(1000))
    }
}

/// Jobs that are remembered at most; one that runs always is.
const JOBS_MAX: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(done: u64, total: Option<u64>, now: u64, expected: (Option<u64>, Option<u64>)) {
        let mut jobs = Jobs::default();
        jobs.begin(Work::Sync { peer: None }, 1_000);
        jobs.progress(1, done, total);
        let job = &jobs.all()[0];
        assert_eq!((job.percent(), job.seconds_left(now)), expected);
    }

    #[test]
    fn a_pace_tells_what_is_left() {
        check(0, None, 9_000, (None, None));
        check(0, Some(0), 9_000, (None, None));
        check(0, Some(100), 9_000, (Some(0), None));
        check(25, Some(100), 5_000, (Some(25), Some(12)));
        check(100, Some(100), 5_000, (Some(100), Some(0)));
        check(120, Some(100), 5_000, (Some(100), Some(0)));
    }

    #[test]
    fn a_job_that_runs_is_never_forgotten() {
        let mut jobs = Jobs::default();
        for at in 0..60 {
            jobs.begin(Work::Sync { peer: None }, at);
            if at > 0 {
                jobs.end(at + 1, Ending::Done, at);
            }
        }
        assert_eq!((jobs.all().len(), jobs.running().count()), (JOBS_MAX, 1));
    }
}
