//! Generates Rust types from our .proto files; Substrait's own types come from its crate.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let ours = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let substrait = PathBuf::from(substrait_protos()?);
    let files = [
        "arclight/bundle.proto",
        "arclight/relations.proto",
        "arclight/task.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={}", ours.join(file).display());
    }
    let descriptors = protox::compile(files, [ours, substrait])?;
    prost_build::Config::new()
        .enable_type_names()
        .extern_path(".substrait", "::substrait_prost")
        .include_file("arclight_protos.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

/// Where cargo keeps the .proto files of `substrait-prost`.
fn substrait_protos() -> Result<String, Box<dyn std::error::Error>> {
    // Cargo says where all packages of the workspace are, or nothing: those that this build does not
    // need, such as those of tests, may still have to be downloaded.
    let text = metadata(&["--offline"]).or_else(|_| metadata(&[]))?;
    // The one manifest path that ends so; no JSON parser for one string.
    let marker = "/Cargo.toml\"";
    let package = text
        .split("\"manifest_path\":\"")
        .filter_map(|rest| rest.split_once(marker).map(|(path, _)| path))
        .find(|path| path.contains("/substrait-prost-"))
        .ok_or("substrait-prost is not in cargo metadata")?;
    Ok(format!("{package}/proto"))
}

/// What `cargo metadata` prints for the platform that is built for.
fn metadata(options: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
    let manifest = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    let output = std::process::Command::new(std::env::var("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(options)
        .arg("--filter-platform")
        .arg(std::env::var("TARGET")?)
        .arg("--manifest-path")
        .arg(manifest)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
