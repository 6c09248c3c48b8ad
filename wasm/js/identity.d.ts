// The types of the small entry point `identity`.

import type { Identities } from "./index.js";

export type * from "./index.js";
export { LogosError } from "./index.js";

/** Starts the entry point, in this thread. */
export function open(options?: {
  module?: string | URL | Uint8Array;
}): Promise<Identities & { close(): void }>;
