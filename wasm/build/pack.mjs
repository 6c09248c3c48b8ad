// `node pack.mjs PACKAGE KEY VERSION`: the key, what names it, package.json, and the check of sizes.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** The most bytes of each entry point, compressed as servers do it. */
const BUDGETS = { verify: 120_000, identity: 120_000, full: 350_000 };

const [folder, keys, version] = process.argv.slice(2);
const inPackage = (name) => join(folder, name);

await packKey();
await shorten();
await describe();
await checkSizes();

async function packKey() {
  const key = await readFile(join(keys, "single.key"));
  const verifying = await readFile(join(keys, "single.vk"));
  await writeFile(inPackage("rln-20.key"), gzipSync(key, { level: 9 }));
  const digest = createHash("sha256").update(key).digest("hex");
  await writeFile(
    inPackage("deployed.js"),
    [
      "// The deployed key, written by `cargo xtask wasm`.",
      "",
      "/** SHA-256 of the unpacked proving key. */",
      `export const SHA256 = "${digest}";`,
      "/** Its length. */",
      `export const BYTES = ${key.length};`,
      "/** Its verifying half. */",
      `export const VERIFYING_KEY = Uint8Array.from(atob(\n  "${verifying.toString("base64")}",\n), (byte) => byte.charCodeAt(0));`,
      "",
    ].join("\n"),
  );
}

/** Takes the documentation out of what bindgen wrote: people read it in the types. */
async function shorten() {
  for (const entry of Object.keys(BUDGETS)) {
    const glue = await readFile(inPackage(`module/${entry}.js`), "utf8");
    await writeFile(inPackage(`module/${entry}.js`), glue.replace(/\n *\/\*\*[^]*?\*\//g, ""));
  }
}

async function describe() {
  const entry = (name) => ({
    types: `./${name}.d.ts`,
    node: `./${name}-node.js`,
    default: `./${name}.js`,
  });
  const description = {
    name: "logos-core",
    version,
    description: "Rate limits, encrypted sessions and Sphinx packets of the Logos stack",
    license: "MIT OR Apache-2.0",
    type: "module",
    engines: { node: ">=20" },
    sideEffects: ["./worker.js"],
    types: "./index.d.ts",
    exports: {
      ".": { types: "./index.d.ts", node: "./node.js", default: "./index.js" },
      "./verify": entry("verify"),
      "./identity": entry("identity"),
      "./worker.js": "./worker.js",
      "./module/*.wasm": "./module/*.wasm",
      "./rln-20.key": "./rln-20.key",
    },
  };
  await writeFile(inPackage("package.json"), `${JSON.stringify(description, null, 2)}\n`);
}

async function checkSizes() {
  const rows = [];
  for (const [entry, budget] of Object.entries(BUDGETS)) {
    const module = await readFile(inPackage(`module/${entry}_bg.wasm`));
    const glue = await readFile(inPackage(`module/${entry}.js`));
    const size = brotli(module) + brotli(glue);
    rows.push({ entry, wasm: module.length, brotli: size, budget, ok: size <= budget });
  }
  const key = await readFile(inPackage("rln-20.key"));
  rows.push({ entry: "key", wasm: key.length, brotli: key.length, budget: "", ok: true });
  for (const row of rows) {
    const verdict = row.ok ? "ok" : "OVER";
    console.log(`size ${row.entry.padEnd(9)} ${String(row.wasm).padStart(8)} bytes, ` +
      `${String(row.brotli).padStart(7)} compressed, budget ${row.budget || "none"}: ${verdict}`);
  }
  if (!rows.every((row) => row.ok)) process.exit(1);
}

function brotli(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  return brotliCompressSync(bytes, { params }).length;
}
