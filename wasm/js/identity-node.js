// The small entry point `identity` for Node.

import { readFile } from "node:fs/promises";
import { LogosError, guarded } from "./errors.js";
import * as entry from "./identity.js";

/** Starts the entry point. */
export const open = guarded(async (options = {}) => {
  const module = options.module ?? (await readFile(new URL("./module/identity_bg.wasm", import.meta.url)));
  return entry.open({ module });
});

export { LogosError };
