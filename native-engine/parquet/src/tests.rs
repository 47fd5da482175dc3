//! The scan over files written here.

mod filtered;
mod helpers;
mod hosts;
mod joined;
mod nested;
mod paged;
mod pruned;
mod scans;
mod types;
