// The small entry point `identity`: identities and trees, in this thread, for pages and bundlers.

import init, * as module from "./module/identity.js";
import { Channel } from "./channel.js";
import { LogosError, guarded } from "./errors.js";
import { identities } from "./checking.js";

/** Starts the entry point. */
export const open = guarded(async (options = {}) => {
  await init(options.module ? { module_or_path: options.module } : undefined);
  const channel = Channel.here(module);
  return { ...identities(channel), close: () => channel.end() };
});

export { LogosError };
