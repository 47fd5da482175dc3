//! Plans by digest, so that a stage is decoded once per executor.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::PlanError;
use crate::stage::Stage;

/// 128 bits that identify a plan's bytes.
pub type Digest = [u8; 16];

/// Plans kept when no task runs them: stages of one query are few, of a busy executor tens.
const CAPACITY: usize = 64;

/// Bytes that the plans kept have as messages, the last one apart. Those with keys of another stage
/// are large, and their filters up to ten times as large.
const CAPACITY_BYTES: usize = 4 << 20;

struct Plan {
    digest: Digest,
    stage: Arc<Stage>,
    bytes: usize,
}

/// The most recently used plans. Running tasks pin theirs by holding the `Arc`.
#[derive(Default)]
pub struct PlanCache {
    /// Least recently used first.
    plans: Mutex<Vec<Plan>>,
}

impl PlanCache {
    /// The plan of `digest`, decoded from `bytes` if it is not here yet.
    pub fn get(&self, digest: Digest, bytes: &[u8]) -> Result<Arc<Stage>, PlanError> {
        if let Some(stage) = self.touch(&digest) {
            return Ok(stage);
        }
        // Decoded without the lock: two tasks may do it at once, the first one kept wins.
        let stage = Stage::decode(bytes)?;
        let mut plans = self.plans.lock();
        if let Some(there) = plans.iter().find(|plan| plan.digest == digest) {
            return Ok(Arc::clone(&there.stage));
        }
        let mut held: usize = plans.iter().map(|plan| plan.bytes).sum();
        while plans.len() >= CAPACITY || (held > CAPACITY_BYTES && !plans.is_empty()) {
            held -= plans.remove(0).bytes;
        }
        plans.push(Plan {
            digest,
            stage: Arc::clone(&stage),
            bytes: bytes.len(),
        });
        Ok(stage)
    }

    fn touch(&self, digest: &Digest) -> Option<Arc<Stage>> {
        let mut plans = self.plans.lock();
        let position = plans.iter().position(|plan| plan.digest == *digest)?;
        let plan = plans.remove(position);
        let stage = Arc::clone(&plan.stage);
        plans.push(plan);
        Some(stage)
    }
}
