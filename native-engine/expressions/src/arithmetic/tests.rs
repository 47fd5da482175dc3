//! Tests of this family.
