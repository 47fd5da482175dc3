//! What a partial aggregation does with its rows: whether it pays to look up their keys.

/// Rows after which it is seen how far the rows were reduced.
const TRIAL_ROWS: u64 = 100_000;
/// New groups per row, in percent, from which on looking up keys is not worth it.
const USELESS_PERCENT: u64 = 85;
/// New groups per row, in percent, below which a table stays small, or its lookups are few.
const FEW_GROUPS_PERCENT: u64 = 5;
/// Runs per new group, in percent, up to which rows with the same key are believed to follow each
/// other.
const CLUSTERED_PERCENT: u64 = 110;
/// Rows without a lookup until the next trial.
const TRUSTED_ROWS: u64 = 4_000_000;

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It belongs to the group with its key, which is looked up.
    LookUp,
    /// It belongs to the group of the row before, if their keys are equal, or else to a new one.
    /// Where rows with the same key follow each other that gives the same groups, of which only the
    /// last is kept in memory.
    Runs,
    /// It is a group of its own.
    Pass,
}

/// Chooses the way by what the last rows were like. Each way gives right groups (they are merged
/// above), so rows that are unlike the last ones cost time only, and not for long.
pub(super) struct Trial {
    way: Way,
    /// Since the last look.
    rows: u64,
    runs: u64,
    groups: u64,
    /// Rows until keys are looked up again.
    trusted: u64,
    /// The runs per 100 rows from which on the rows are not what they were.
    most_runs: u64,
}

impl Trial {
    pub(super) fn new() -> Self {
        Trial {
            way: Way::LookUp,
            rows: 0,
            runs: 0,
            groups: 0,
            trusted: 0,
            most_runs: 0,
        }
    }

    /// What becomes of the next rows.
    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// Counts rows, the runs of equal keys among them, and the groups that they added. Returns
    /// whether the next rows go another way.
    pub(super) fn count(&mut self, rows: usize, runs: usize, groups: usize) -> bool {
        self.rows += rows as u64;
        self.runs += runs as u64;
        self.groups += groups as u64;
        self.trusted = self.trusted.saturating_sub(rows as u64);
        let next = match self.way {
            Way::Pass if self.trusted > 0 => Way::Pass,
            Way::Pass => Way::LookUp,
            way if self.rows < TRIAL_ROWS => way,
            Way::LookUp => self.judge(),
            Way::Runs if self.trusted == 0 || self.runs * 100 > self.rows * self.most_runs => {
                Way::LookUp
            }
            Way::Runs => Way::Runs,
        };
        let turns = next != self.way;
        if turns && next != Way::LookUp {
            self.trusted = TRUSTED_ROWS;
            // Half as many again.
            self.most_runs = (self.runs * 150).div_ceil(self.rows);
        }
        if turns || self.rows >= TRIAL_ROWS {
            self.restart();
        }
        self.way = next;
        turns
    }

    /// Forgets what was counted: the groups were given out.
    pub(super) fn restart(&mut self) {
        (self.rows, self.runs, self.groups) = (0, 0, 0);
    }

    fn judge(&self) -> Way {
        if self.groups * 100 >= self.rows * USELESS_PERCENT {
            Way::Pass
        } else if self.groups * 100 >= self.rows * FEW_GROUPS_PERCENT
            && self.runs * 100 <= self.groups * CLUSTERED_PERCENT
        {
            Way::Runs
        } else {
            Way::LookUp
        }
    }
}

/// How often the group changes from one row to the next, the first row included.
pub(super) fn count_runs(groups: &[u32]) -> usize {
    let changes = groups.windows(2).filter(|pair| pair[0] != pair[1]).count();
    changes + usize::from(!groups.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BATCH: usize = 8192;

    /// Batches of rows of which each `run` follow each other and `group` are of one key.
    fn ways(trial: &mut Trial, batches: usize, run: usize, group: usize) -> Vec<Way> {
        let mut ways = vec![trial.way()];
        for _ in 0..batches {
            if trial.count(BATCH, BATCH / run, BATCH / group) {
                ways.push(trial.way());
            }
        }
        ways
    }

    #[test]
    fn keys_are_looked_up_while_that_reduces_the_rows() {
        // However many groups there are by and by.
        assert_eq!(ways(&mut Trial::new(), 1000, 1, 4), [Way::LookUp]);
        assert_eq!(ways(&mut Trial::new(), 1000, 64, 64), [Way::LookUp]);
        assert_eq!(ways(&mut Trial::new(), 1000, 2, 4), [Way::LookUp]);
    }

    #[test]
    fn rows_pass_where_keys_hardly_repeat_until_the_next_trial() {
        let mut trial = Trial::new();
        assert_eq!(ways(&mut trial, 13, 1, 1), [Way::LookUp, Way::Pass]);
        let batches = TRUSTED_ROWS as usize / BATCH + 1;
        assert_eq!(ways(&mut trial, batches, 1, 1), [Way::Pass, Way::LookUp]);
        assert_eq!(ways(&mut trial, 13, 1, 1), [Way::LookUp, Way::Pass]);
    }

    #[test]
    fn rows_that_are_clustered_are_not_looked_up() {
        let mut trial = Trial::new();
        assert_eq!(ways(&mut trial, 13, 4, 4), [Way::LookUp, Way::Runs]);
        // In runs each run is a group.
        assert_eq!(ways(&mut trial, 400, 4, 4), [Way::Runs]);
        // Rows that are no more.
        assert_eq!(ways(&mut trial, 13, 1, 1), [Way::Runs, Way::LookUp]);
        assert_eq!(ways(&mut trial, 100, 1, 20), [Way::LookUp]);
    }

    #[test]
    fn clustered_rows_are_tried_again() {
        let mut trial = Trial::new();
        let ways = ways(&mut trial, 2 * TRUSTED_ROWS as usize / BATCH, 4, 4);
        assert_eq!(ways, [Way::LookUp, Way::Runs, Way::LookUp, Way::Runs]);
    }

    #[test]
    fn a_restart_begins_a_trial_anew() {
        let mut trial = Trial::new();
        ways(&mut trial, 12, 1, 1);
        trial.restart();
        assert_eq!(ways(&mut trial, 12, 1, 1), [Way::LookUp]);
    }

    #[test]
    fn runs_are_counted() {
        assert_eq!(count_runs(&[]), 0);
        assert_eq!(count_runs(&[3]), 1);
        assert_eq!(count_runs(&[3, 3, 1, 3, 3]), 3);
    }
}
