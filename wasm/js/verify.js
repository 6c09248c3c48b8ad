// The small entry point `verify`: checking, counting and recovering, in this thread, for pages and bundlers.

import init, * as module from "./module/verify.js";
import { Channel } from "./channel.js";
import { LogosError, guarded } from "./errors.js";
import { checking } from "./checking.js";
import { VERIFYING_KEY } from "./deployed.js";

/** Starts the entry point. */
export const open = guarded(async (options = {}) => {
  await init(options.module ? { module_or_path: options.module } : undefined);
  const channel = Channel.here(module);
  return { ...checking(channel, VERIFYING_KEY), close: () => channel.end() };
});

export { LogosError };
