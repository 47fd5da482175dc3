//! The scan over files written here.

mod helpers;
mod nested;
mod pruned;
mod scans;
mod types;
