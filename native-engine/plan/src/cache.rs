//! Plans by digest, so that a stage is decoded once per executor.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::PlanError;
use crate::stage::Stage;

/// 128 bits that identify a plan's bytes.
pub type Digest = [u8; 16];

/// Plans kept when no task runs them: stages of one query are few, of a busy executor tens.
const CAPACITY: usize = 64;

/// The most recently used plans. Running tasks pin theirs by holding the `Arc`.
#[derive(Default)]
pub struct PlanCache {
    /// Least recently used first.
    plans: Mutex<Vec<(Digest, Arc<Stage>)>>,
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
        if let Some((_, there)) = plans.iter().find(|(d, _)| *d == digest) {
            return Ok(Arc::clone(there));
        }
        if plans.len() == CAPACITY {
            plans.remove(0);
        }
        plans.push((digest, Arc::clone(&stage)));
        Ok(stage)
    }

    fn touch(&self, digest: &Digest) -> Option<Arc<Stage>> {
        let mut plans = self.plans.lock();
        let position = plans.iter().position(|(d, _)| d == digest)?;
        let entry = plans.remove(position);
        let stage = Arc::clone(&entry.1);
        plans.push(entry);
        Some(stage)
    }
}
