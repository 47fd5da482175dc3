//! Where the partitions and peers of a chunk's rows begin, and of a block's rows also where they end.
//!
//! Rows are numbered through the whole input. Peers are kept as a bit a row, so that even of a
//! partition that does not fit into memory they do.

use std::ops::Range;

/// The rows of a chunk.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The number of the first row.
    base: u64,
    rows: u64,
    /// The first rows of the partitions; the first one may have begun before the chunk.
    partitions: Vec<u64>,
    /// Which rows begin a group of peers; none is noted where no function asks.
    peers: Bits,
    /// The first peer of the row before the chunk.
    peer_before: u64,
}

#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
    len: u64,
}

impl Bits {
    fn push(&mut self, bit: bool) {
        let at = self.len % 64;
        if at == 0 {
            self.words.push(0);
        }
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(bit) << at;
        }
        self.len += 1;
    }

    fn is_set(&self, index: u64) -> bool {
        let word = self.words.get((index / 64) as usize);
        word.is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// The last bit that is set up to `index`, which is included.
    fn previous(&self, index: u64) -> Option<u64> {
        let last = (index / 64) as usize;
        let words = self.words.get(..=last).unwrap_or(&self.words);
        let mut mask = match words.len() > last {
            true => !0u64 >> (63 - index % 64),
            false => !0,
        };
        for (i, word) in words.iter().enumerate().rev() {
            let word = word & mask;
            if word != 0 {
                return Some(64 * i as u64 + u64::from(word.ilog2()));
            }
            mask = !0;
        }
        None
    }

    /// The first bit that is set from `index` on.
    fn next(&self, index: u64) -> Option<u64> {
        let first = (index / 64) as usize;
        let words = self.words.get(first..)?;
        let mut mask = !0u64 << (index % 64);
        for (i, word) in words.iter().enumerate() {
            let word = word & mask;
            if word != 0 {
                return Some(64 * (first + i) as u64 + u64::from(word.trailing_zeros()));
            }
            mask = !0;
        }
        None
    }
}

impl Layout {
    /// The number of rows.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The number of the row behind the last one.
    pub(super) fn end(&self) -> u64 {
        self.base + self.rows
    }

    /// Bytes of memory behind it.
    pub(super) fn memory_size(&self) -> usize {
        8 * (self.partitions.capacity() + self.peers.words.capacity())
    }

    /// Adds rows, and gives the partition of each, counted within the chunk. `begins_peers` may be
    /// empty.
    pub(super) fn push(&mut self, begins_partition: &[bool], begins_peers: &[bool]) -> Vec<u32> {
        let mut partitions = Vec::with_capacity(begins_partition.len());
        for (row, &begins) in (self.end()..).zip(begins_partition) {
            if begins {
                self.partitions.push(row);
            }
            partitions.push(self.partitions.len().saturating_sub(1) as u32);
        }
        for &begins in begins_peers {
            self.peers.push(begins);
        }
        self.rows += begins_partition.len() as u64;
        partitions
    }

    /// Goes on to the next chunk, which begins with a partition unless `continues`.
    pub(super) fn restart(&mut self, continues: bool) {
        let last = self.partitions.last().copied();
        if continues {
            let last = self.peers.previous(self.peers.len);
            self.peer_before = last.map_or(self.peer_before, |index| self.base + index);
        }
        self.partitions.clear();
        if continues {
            self.partitions.extend(last);
        }
        self.base = self.end();
        self.rows = 0;
        self.peers.words.clear();
        self.peers.len = 0;
    }

    /// The places of the rows `rows`, which are of the chunk.
    pub(super) fn positions(&self, rows: Range<u64>, peers: bool) -> Positions {
        let mut spans = Vec::new();
        let mut row_spans = Vec::with_capacity((rows.end - rows.start) as usize);
        let mut index = self
            .partitions
            .partition_point(|&first| first <= rows.start)
            .saturating_sub(1);
        let mut row = rows.start;
        while row < rows.end {
            let start = self.partitions.get(index).copied().unwrap_or(self.base);
            let end = self.partitions.get(index + 1).copied();
            let end = end.unwrap_or_else(|| self.end());
            let to = end.min(rows.end);
            row_spans.extend((row..to).map(|_| spans.len() as u32));
            spans.push(Span {
                rows: start..end,
                index: index as u32,
            });
            row = to;
            index += 1;
        }
        let mut positions = Positions {
            spans,
            row_spans,
            first_peers: Vec::new(),
            last_peers: Vec::new(),
        };
        if peers {
            self.find_peers(rows, &mut positions);
        }
        positions
    }

    fn find_peers(&self, rows: Range<u64>, positions: &mut Positions) {
        let mut first = self
            .peers
            .previous(rows.start - self.base)
            .map_or(self.peer_before, |index| self.base + index);
        let mut last = first;
        let mut known = false;
        for (index, row) in rows.enumerate() {
            if self.peers.is_set(row - self.base) {
                first = row;
                known = false;
            }
            if !known {
                let next = self.peers.next(row - self.base + 1);
                let next = next.map_or_else(|| self.end(), |next| self.base + next);
                last = next.min(positions.partition(index).end) - 1;
                known = true;
            }
            positions.first_peers.push(first);
            positions.last_peers.push(last);
        }
    }
}

#[derive(Debug)]
struct Span {
    rows: Range<u64>,
    /// Which partition of the chunk.
    index: u32,
}

/// Where the rows of a block are in their partitions.
#[derive(Debug)]
pub(super) struct Positions {
    spans: Vec<Span>,
    row_spans: Vec<u32>,
    first_peers: Vec<u64>,
    last_peers: Vec<u64>,
}

impl Positions {
    fn span(&self, index: usize) -> &Span {
        &self.spans[self.row_spans[index] as usize]
    }

    /// The partition's rows. If the chunk is not made of whole partitions the last one's end is not
    /// known, but only that of its rows so far.
    pub(super) fn partition(&self, index: usize) -> Range<u64> {
        self.span(index).rows.clone()
    }

    /// Which partition of the chunk the row is of.
    pub(super) fn partition_index(&self, index: usize) -> u32 {
        self.span(index).index
    }

    /// The row's first peer.
    pub(super) fn first_peer(&self, index: usize) -> u64 {
        self.first_peers[index]
    }

    /// The row's last peer.
    pub(super) fn last_peer(&self, index: usize) -> u64 {
        self.last_peers[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_partitions_and_peers_of_a_block() {
        let mut layout = Layout::default();
        let partitions = [true, false, false, true, false, false];
        let peers = [true, true, false, true, false, false];
        assert_eq!(layout.push(&partitions, &peers), [0, 0, 0, 1, 1, 1]);
        let positions = layout.positions(2..6, true);
        assert_eq!(positions.partition(0), 0..3);
        assert_eq!(positions.partition(1), 3..6);
        assert_eq!(positions.partition_index(3), 1);
        assert_eq!((positions.first_peer(0), positions.last_peer(0)), (1, 2));
        assert_eq!((positions.first_peer(3), positions.last_peer(3)), (3, 5));
    }

    #[test]
    fn a_chunk_may_go_on_with_the_partition_before() {
        let mut layout = Layout::default();
        layout.push(&[true, false, false], &[true, true, false]);
        layout.restart(true);
        assert_eq!(layout.push(&[false, true], &[false, true]), [0, 1]);
        let positions = layout.positions(3..5, true);
        assert_eq!(positions.partition(0), 0..4);
        assert_eq!(positions.first_peer(0), 1);
        assert_eq!(positions.partition(1), 4..5);
        layout.restart(false);
        assert_eq!(layout.push(&[true], &[true]), [0]);
        assert_eq!(layout.positions(5..6, true).partition(0), 5..6);
    }

    #[test]
    fn bits_are_found_across_words() {
        let mut bits = Bits::default();
        (0..200).for_each(|i| bits.push(i == 3 || i == 130));
        assert_eq!(bits.next(0), Some(3));
        assert_eq!(bits.next(3), Some(3));
        assert_eq!(bits.next(4), Some(130));
        assert_eq!(bits.next(131), None);
        assert_eq!(bits.next(999), None);
        assert_eq!(bits.previous(999), Some(130));
        assert_eq!(bits.previous(130), Some(130));
        assert_eq!(bits.previous(129), Some(3));
        assert_eq!(bits.previous(2), None);
    }
}
