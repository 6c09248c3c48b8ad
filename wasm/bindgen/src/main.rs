//! `logos-wasm-bindgen MODULE.wasm FOLDER NAME`: writes `NAME.js` and `NAME_bg.wasm`.
//!
//! The output is an ES module that is told where its `.wasm` is, or handed the bytes: the one form
//! that pages, bundlers and Node can all load.

use anyhow::{Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder, name] = arguments.as_slice() else {
        bail!("usage: logos-wasm-bindgen MODULE.wasm FOLDER NAME");
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(module).out_name(name).typescript(false).remove_producers_section(true);
    bindgen.omit_default_module_path(false).web(true)?.generate(folder)
}
