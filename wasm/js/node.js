// For Node: in this thread.

import { readFile } from "node:fs/promises";
import * as full from "./module/full.js";
import { LogosError } from "./errors.js";
import { loadKey, unpackKey } from "./key.js";
import { Logos } from "./logos.js";

const file = (name) => readFile(new URL(name, import.meta.url));

const platform = {
  workers: 0,
  worker: () => {
    throw new LogosError("worker", "workers are for pages: in Node pass workers: 0");
  },
  async here({ module }) {
    full.initSync({ module: module ?? (await file("./module/full_bg.wasm")) });
    return full;
  },
  async key(key, sha256, options) {
    if (key instanceof Uint8Array) return unpackKey(key, sha256, options);
    if (key !== undefined) return loadKey(key, sha256, options);
    return unpackKey(await file("./rln-20.key"), sha256, options);
  },
};

/** Starts the package in this thread. */
export const open = (options) => Logos.open(platform, options);

export { LogosError } from "./errors.js";
export { memoryLedger } from "./proving.js";
export { hex, unhex } from "./bytes.js";
