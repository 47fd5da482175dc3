//! The Parquet scan: an operator that reads parts of Parquet files into batches as Spark would.
//!
//! arrow-rs reads footers and pages, decodes nested columns and rare encodings; flat numbers and
//! dictionary codes are decoded here. arrow-rs is given the file's schema without logical types, so
//! that it hands out physical values only; every conversion to a Spark type is made here, by the
//! rules of Spark's `ParquetVectorUpdaterFactory`. Row groups and pages are pruned by statistics and Bloom
//! filters where these prove that no row can pass; the whole filter runs in an operator above.

mod batch;
mod bloom;
mod bounds;
mod convert;
mod flat;
mod footer;
mod hybrid;
mod page;
mod pages;
mod pruning;
mod ranges;
mod rebase;
mod resolve;
mod row_group;
mod scan;
mod source;
mod stream;

pub use pruning::{CompareOperator, Pruning, PruningTerm};
pub use scan::{ParquetScan, ScanOptions};

#[cfg(test)]
mod tests;
