// For pages and bundlers.

import { LogosError, guarded } from "./errors.js";
import { loadKey, unpackKey } from "./key.js";
import { Logos } from "./logos.js";

const platform = {
  workers: 1,
  worker() {
    if (!globalThis.Worker) throw new LogosError("worker", "there are no workers here: pass workers: 0");
    return new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  },
  async here({ module }) {
    const full = await import("./module/full.js");
    await full.default(module ? { module_or_path: module } : undefined);
    return full;
  },
  key: (key, sha256, options) =>
    key instanceof Uint8Array
      ? unpackKey(key, sha256, options)
      : loadKey(key ?? new URL("./rln-20.key", import.meta.url), sha256, options),
};

/** A worker takes its own place for the base of what is relative, and no `URL` at all. */
function located(module) {
  if (module === undefined || ArrayBuffer.isView(module)) return module;
  return new URL(module, globalThis.document?.baseURI ?? location.href).href;
}

/** Starts the package: in one worker unless `workers` says 0 (this thread) or 2. */
export const open = guarded((options = {}) =>
  Logos.open(platform, { ...options, module: located(options.module) }),
);

export { LogosError };
export { memoryLedger } from "./proving.js";
export { Vault } from "./vault.js";
export { hex, unhex } from "./bytes.js";
