// The whole package over one platform.

import { Channel } from "./channel.js";
import { checking, identities } from "./checking.js";
import { guardMethods, guarded } from "./errors.js";
import { messaging } from "./messaging.js";
import { Prover } from "./proving.js";
import { SHA256, BYTES, VERIFYING_KEY } from "./deployed.js";

/** The instances, and everything that is made in them. */
export class Logos {
  #platform;
  #channel;
  #second;
  #options;
  #key;

  constructor(platform, channel, second, options) {
    Object.assign(this, checking(channel, VERIFYING_KEY), identities(channel), messaging(channel));
    this.#platform = platform;
    this.#channel = channel;
    this.#second = second;
    this.#options = options;
  }

  static open = guarded(async (platform, options = {}) => {
    const { workers = platform.workers } = options;
    if (workers === 0) {
      return new Logos(platform, Channel.here(await platform.here(options)), undefined, options);
    }
    const start = () => Channel.start(platform.worker(), options.module);
    const started = await Promise.allSettled(Array.from({ length: Math.min(workers, 2) }, start));
    const failed = started.find(({ status }) => status === "rejected");
    if (failed) {
      started.forEach(({ value }) => value?.end());
      throw failed.reason;
    }
    const [first, second] = started.map(({ value }) => value);
    return new Logos(platform, first, second, options);
  });

  /** Loads the key, if that was not done yet, and makes a prover. */
  async createProver({ onProgress, tables = "none", signal } = {}) {
    const { key, keySha256 = SHA256 } = this.#options;
    const expected = keySha256 === SHA256 ? BYTES : undefined;
    this.#key ??= this.#platform.key(key, keySha256, { bytes: expected, onProgress, signal });
    try {
      return await Prover.create(this.#channel, this.#second, await this.#key, tables);
    } catch (error) {
      this.#key = undefined;
      throw error;
    }
  }

  /** Ends the instances; nothing that was made in them can be used any more. */
  close() {
    this.#channel.end();
    this.#second?.end();
  }
}

guardMethods(Logos);
