//! Where groups are found by the hashes of their keys.

/// A slot without a group, a row whose group is not known yet.
pub(super) const EMPTY: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Slot {
    /// The hash's upper half: most probes of other keys end here.
    salt: u32,
    group: u32,
}

const FREE: Slot = Slot {
    salt: 0,
    group: EMPTY,
};

impl Slot {
    fn new(hash: u64, group: u32) -> Self {
        Slot {
            salt: (hash >> 32) as u32,
            group,
        }
    }

    /// The group here, if its key may have the hash.
    #[inline]
    fn group(self, hash: u64) -> Option<u32> {
        (self.group != EMPTY && self.salt == (hash >> 32) as u32).then_some(self.group)
    }
}

/// Open addressing with linear probing, at most half full. The keys are the caller's.
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// One for each group.
    hashes: Vec<u64>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Slots {
            slots: vec![FREE; 1024],
            hashes: Vec::new(),
        }
    }

    /// Puts for each hash the group in the slot at which the search for it begins, if its key may
    /// have the hash, or else [`EMPTY`] into `groups`, which is as long at least.
    pub(super) fn candidates(&self, hashes: &[u64], groups: &mut [u32]) {
        let mask = self.slots.len() - 1;
        for (group, &hash) in groups.iter_mut().zip(hashes) {
            *group = self.slots[hash as usize & mask]
                .group(hash)
                .unwrap_or(EMPTY);
        }
    }

    /// The group of a key, of which `is_key` says whether it is a group's; a new one, if none has
    /// it, which the caller must add then. There must be room.
    #[inline]
    pub(super) fn find_or_insert(&mut self, hash: u64, is_key: impl Fn(u32) -> bool) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at].group != EMPTY {
            if let Some(group) = self.slots[at].group(hash).filter(|&group| is_key(group)) {
                return group;
            }
            at = (at + 1) & mask;
        }
        let group = self.hashes.len() as u32;
        self.slots[at] = Slot::new(hash, group);
        self.hashes.push(hash);
        group
    }

    /// Makes room for `more` further groups.
    pub(super) fn make_room(&mut self, more: usize) {
        let mut size = self.slots.len();
        while (self.hashes.len() + more) * 2 > size {
            size *= 2;
        }
        if size == self.slots.len() {
            return;
        }
        let mask = size - 1;
        let mut slots = vec![FREE; size];
        for (group, &hash) in (0..).zip(&self.hashes) {
            let mut at = hash as usize & mask;
            while slots[at].group != EMPTY {
                at = (at + 1) & mask;
            }
            slots[at] = Slot::new(hash, group);
        }
        self.slots = slots;
    }

    pub(super) fn memory_size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + 8 * self.hashes.capacity()
    }
}
