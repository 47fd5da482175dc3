//! Offsets of time zones at instants and at wall-clock times.

use crate::registry::ZoneRules;

/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

impl ZoneRules {
    /// The offset in seconds at an instant; `None` where the rules aren't known.
    #[inline]
    pub(crate) fn offset_at(&self, second: i64) -> Option<i64> {
        if self.valid_until.is_some_and(|until| second >= until) {
            return None;
        }
        let index = self.transitions.partition_point(|&at| at <= second);
        self.offsets.get(index).map(|&offset| i64::from(offset))
    }

    /// Wall-clock microseconds of an instant's.
    #[inline]
    pub(crate) fn to_local(&self, micros: i64) -> Option<i64> {
        let offset = self.offset_at(micros.div_euclid(SECOND))?;
        micros.checked_add(offset * SECOND)
    }

    /// The transition whose gap holds a wall-clock second, and the offset to use at that second:
    /// the one before in a gap and in an overlap (as `ZonedDateTime.ofLocal` does).
    #[inline]
    fn local_offset(&self, second: i64) -> Option<(Option<i64>, i64)> {
        if self.valid_until.is_some_and(|until| second >= until - DAY) {
            return None;
        }
        let (mut low, mut high) = (0, self.transitions.len());
        while low < high {
            let middle = (low + high) / 2;
            let (before, after) = (self.offsets.get(middle)?, self.offsets.get(middle + 1)?);
            if self.transitions[middle] + i64::from(*before.max(after)) <= second {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let offset = i64::from(*self.offsets.get(low)?);
        let gap = self.transitions.get(low).copied().filter(|at| {
            let after = self.offsets.get(low + 1).map_or(offset, |&o| i64::from(o));
            after > offset && at + offset <= second
        });
        Some((gap, offset))
    }

    /// The instant of wall-clock microseconds; those in a gap are shifted by its length, those in
    /// an overlap are the earlier.
    #[inline]
    pub(crate) fn to_instant(&self, local: i64) -> Option<i64> {
        let (_, offset) = self.local_offset(local.div_euclid(SECOND))?;
        local.checked_sub(offset * SECOND)
    }

    /// The instant at which a day starts (`LocalDate.atStartOfDay`): the end of a gap it starts in.
    #[inline]
    pub(crate) fn start_of_day(&self, days: i32) -> Option<i64> {
        let second = i64::from(days) * DAY;
        let (gap, offset) = self.local_offset(second)?;
        gap.unwrap_or(second - offset).checked_mul(SECOND)
    }
}

/// A wall-clock time and the offset of its zone; without a zone the offset is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zoned<'a> {
    /// Wall-clock microseconds.
    pub local: i64,
    offset: i64,
    zone: Option<&'a ZoneRules>,
}

impl<'a> Zoned<'a> {
    /// What the clock shows at an instant.
    pub fn at(micros: i64, zone: Option<&'a ZoneRules>) -> Option<Self> {
        let offset = match zone {
            None => 0,
            Some(zone) => zone.offset_at(micros.div_euclid(SECOND))?,
        };
        Some(Zoned {
            local: micros.checked_add(offset * SECOND)?,
            offset,
            zone,
        })
    }

    /// The same clock at another wall-clock time: the offset stays if it is one of the two at that
    /// time (`ZonedDateTime.ofLocal`).
    pub fn with_local(self, local: i64) -> Option<Self> {
        let Some(zone) = self.zone else {
            return Some(Zoned { local, ..self });
        };
        let kept = local.checked_sub(self.offset * SECOND)?;
        if zone.offset_at(kept.div_euclid(SECOND))? == self.offset {
            return Some(Zoned { local, ..self });
        }
        Self::at(zone.to_instant(local)?, self.zone)
    }

    /// The same clock some microseconds later.
    pub fn later(self, micros: i64) -> Option<Self> {
        Self::at(self.instant()?.checked_add(micros)?, self.zone)
    }

    /// The instant.
    pub fn instant(self) -> Option<i64> {
        self.local.checked_sub(self.offset * SECOND)
    }
}
