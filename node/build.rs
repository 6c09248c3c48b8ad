//! Makes the code of the gRPC services from `proto/`, where the feature `prover` asks for it.

fn main() {
    println!("cargo::rerun-if-changed=proto");
    #[cfg(feature = "prover")]
    services();
}

#[cfg(feature = "prover")]
#[expect(clippy::expect_used, reason = "a build that cannot go on has nobody else to tell")]
fn services() {
    let mut compiler = protox::Compiler::new(["proto"]).expect("the folder is there");
    compiler.include_imports(true);
    compiler
        .open_files(["logos/rln/v1/rln.proto", "prover/net.proto"])
        .expect("the definitions are valid");
    let folder = std::env::var_os("OUT_DIR").expect("cargo says where to write");
    let set = std::path::Path::new(&folder).join("services.bin");
    std::fs::write(set, compiler.encode_file_descriptor_set())
        .expect("the build folder is writable");
    tonic_prost_build::configure()
        .compile_fds(compiler.file_descriptor_set())
        .expect("the definitions can be made into code");
}
