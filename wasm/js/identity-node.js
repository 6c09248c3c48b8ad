// The small entry point `identity` for Node.

import { readFile } from "node:fs/promises";
import * as entry from "./identity.js";

/** Starts the entry point. */
export async function open(options = {}) {
  const module = options.module ?? (await readFile(new URL("./module/identity_bg.wasm", import.meta.url)));
  return entry.open({ module });
}

export { LogosError } from "./errors.js";
