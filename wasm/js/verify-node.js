// The small entry point `verify` for Node.

import { readFile } from "node:fs/promises";
import { LogosError, guarded } from "./errors.js";
import * as entry from "./verify.js";

/** Starts the entry point. */
export const open = guarded(async (options = {}) => {
  const module = options.module ?? (await readFile(new URL("./module/verify_bg.wasm", import.meta.url)));
  return entry.open({ module });
});

export { LogosError };
