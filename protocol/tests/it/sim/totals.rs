//! What happened in how many runs: a test that met no fault has shown nothing.

/// Counts over runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub runs: u64,
    pub devices: u64,
    pub edits: u64,
    pub messages: u64,
    pub bytes: u64,
    pub partitions: u64,
    pub one_way: u64,
    /// Messages that were under way when their line broke.
    pub losses: u64,
    pub doubles: u64,
    pub days_offline: u64,
    pub restarts: u64,
    /// Restarts in the middle of a machine's effects.
    pub crashes: u64,
    pub restores: u64,
    /// Running states that went on from a copy.
    pub resumes: u64,
    pub removals: u64,
    /// Removals that two devices ask for of each other.
    pub mutual: u64,
    pub role_cuts: u64,
    /// Roles given again.
    pub regrants: u64,
    pub misdeeds: u64,
    /// Changes that do not count in the end.
    pub excluded: u64,
    pub forks: u64,
    pub repairs: u64,
    pub refusals: u64,
    pub rounds: u64,
    pub compared: u64,
    pub acknowledged: u64,
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        let pairs = self.each_mut().into_iter().zip(other.each());
        pairs.for_each(|((_, sum), (_, count))| *sum += count);
    }

    /// Every count with its name.
    pub fn each(&self) -> Vec<(&'static str, u64)> {
        let mut copy = *self;
        copy.each_mut().into_iter().map(|(name, count)| (name, *count)).collect()
    }

    fn each_mut(&mut self) -> Vec<(&'static str, &mut u64)> {
        vec![
            ("runs", &mut self.runs),
            ("devices", &mut self.devices),
            ("edits", &mut self.edits),
            ("messages", &mut self.messages),
            ("bytes", &mut self.bytes),
            ("partitions", &mut self.partitions),
            ("one-way", &mut self.one_way),
            ("losses", &mut self.losses),
            ("doubles", &mut self.doubles),
            ("days offline", &mut self.days_offline),
            ("restarts", &mut self.restarts),
            ("crashes", &mut self.crashes),
            ("restores", &mut self.restores),
            ("resumes", &mut self.resumes),
            ("removals", &mut self.removals),
            ("mutual removals", &mut self.mutual),
            ("role cuts", &mut self.role_cuts),
            ("regrants", &mut self.regrants),
            ("excluded", &mut self.excluded),
            ("forks", &mut self.forks),
            ("misdeeds", &mut self.misdeeds),
            ("repairs", &mut self.repairs),
            ("refusals", &mut self.refusals),
            ("rounds", &mut self.rounds),
            ("documents compared", &mut self.compared),
            ("changes acknowledged", &mut self.acknowledged),
        ]
    }
}
