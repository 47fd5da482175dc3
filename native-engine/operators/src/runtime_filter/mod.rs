//! Filters that tell a scan which rows a join above has no use for: of the join's other side in the
//! same stage ([`RuntimeFilters`]), or of a stage that has ended, whose tasks collected the keys
//! ([`CollectKeys`], [`FilterByKeys`]).

mod collect;
mod filter;
mod filter_by_keys;
mod key_filter;
mod key_set;

pub use collect::{CollectKeys, CollectedKeys};
pub use filter::{RuntimeFilter, RuntimeFilters, ScanColumn};
pub use filter_by_keys::{FilterByKeys, StageFilter};
pub(crate) use key_filter::KeyFilter;
pub use key_set::KeySetError;
