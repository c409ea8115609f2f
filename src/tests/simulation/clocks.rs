//! The clocks of a schedule's machines.

/// Which clock the workers of a schedule have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// Each worker reads the clock of its machine, which is wrong by seconds. The limits of the schedule's timing are as short.
    Machine,
    /// Each worker measures the database's time. The clock of its machine is wrong by days.
    Database,
}

impl Clocks {
    /// A choice that draws no random number, so that earlier seeds keep their schedules.
    pub const fn of(seed: u64) -> Self {
        if seed % 4 == 3 { Self::Database } else { Self::Machine }
    }

    /// A wrong time of a machine that would be wrong by at most a minute.
    pub const fn scale(self, ms: i64) -> i64 {
        match self {
            Self::Machine => ms,
            Self::Database => ms * 24 * 60,
        }
    }
}
