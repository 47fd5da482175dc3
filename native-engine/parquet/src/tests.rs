//! The scan over files written here.

mod helpers;
mod hosts;
mod nested;
mod pruned;
mod scans;
mod types;
