//! The committed `src/schema.rs` is what `heirloom.proto` generates, so that no build needs protoc.

use std::path::PathBuf;

/// Generates the schema anew and compares; `HEIRLOOM_UPDATE=1` writes it instead.
#[test]
fn committed_schema_is_what_the_proto_file_generates() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = std::env::temp_dir().join(format!("heirloom-schema-{}", std::process::id()));
    std::fs::create_dir_all(&out).expect("temporary folder");
    let files = protox::compile([root.join("heirloom.proto")], [&root]).expect("heirloom.proto compiles");
    prost_build::Config::new().out_dir(&out).compile_fds(files).expect("code is generated");
    let generated = std::fs::read_to_string(out.join("heirloom.v1.rs")).expect("generated file");
    std::fs::remove_dir_all(&out).expect("clean up");
    let committed = root.join("src/schema/generated.rs");
    if std::env::var_os("HEIRLOOM_UPDATE").is_some() {
        std::fs::write(&committed, &generated).expect("write");
    }
    let current = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(
        current == generated,
        "src/schema/generated.rs is stale: run `HEIRLOOM_UPDATE=1 cargo test -p heirloom-proto --test schema_is_current`"
    );
}
