// Making proofs: in one worker or two, at once or from slots made in idle time.

import { hex, octets } from "./bytes.js";
import { Handle, wrapped } from "./checking.js";
import { LogosError, guardMethods } from "./errors.js";

/** The sums a second worker does: `A` and `B`, about half of the work. */
const THEIRS = 1 | 2;

export class Prover extends Handle {
  #helper;
  #helperKey;

  constructor(remote, helper, helperKey) {
    super(remote);
    this.#helper = helper;
    this.#helperKey = helperKey;
  }

  /** Loads the key into one instance, and into a second one if there is one. */
  static async create(channel, second, key, tables) {
    const [here, helper] = await Promise.all([
      channel.call("Prover", "create", [key, tables]),
      second?.call("Helper", "create", [key, tables]),
    ]);
    return new Prover(here, helper, await helper?.call("publicKey"));
  }

  /** How many workers a proof of this prover is made by. */
  get workers() {
    return this.#helper ? 2 : 1;
  }

  verifyingKey() {
    return this.remote.call("verifyingKey");
  }

  async prove({ identity, limit, path, externalNullifier, message, messageId }) {
    const { channel } = this.remote;
    const parts = [identity, limit, path, externalNullifier, octets(message), messageId];
    const statement = await channel.call("Statement", "create", parts);
    try {
      if (!this.#helper) return await this.remote.call("prove", statement);
      return await this.#together(statement);
    } finally {
      statement.free();
    }
  }

  async #together(statement) {
    const task = await this.remote.call("divide", statement, this.#helperKey, THEIRS);
    try {
      const theirs = this.#helper.call("work", await task.call("request"));
      const ours = task.call("work", this.remote);
      const [answer] = await Promise.all([theirs, ours]);
      return await task.call("finish", this.remote, answer);
    } finally {
      task.free();
    }
  }

  member({ identity, limit, path, slots = 4, ledger = memoryLedger() }) {
    const created = this.remote.channel.call("Member", "create", [
      this.remote,
      identity,
      limit,
      path,
      slots,
    ]);
    return wrapped(Member, created, this.remote, ledger);
  }
}

export class Member extends Handle {
  #prover;
  #ledger;
  #entered;
  #last = Promise.resolve();
  #filling = false;
  #freed = false;

  constructor(remote, prover, ledger) {
    super(remote);
    this.#prover = prover;
    this.#ledger = ledger;
  }

  /** Starts an epoch; slots for it and the next are made whenever the page is idle. */
  enter({ current, next }) {
    return this.#alone(async () => {
      const epoch = current instanceof Uint8Array ? hex(current) : "";
      const free = await this.#ledger.firstFree(epoch);
      await this.remote.call("enter", current, next, free);
      this.#entered = { epoch, current, next };
      this.#fill();
    });
  }

  /** Proves a message with the next id, which the ledger burns first. */
  prove(message) {
    return this.#alone(async () => {
      await this.#burn();
      const proof = await this.remote.call("prove", this.#prover, octets(message));
      this.#fill();
      return proof;
    });
  }

  refresh(path) {
    return this.#alone(async () => {
      await this.remote.call("refresh", this.#prover, path);
      this.#fill();
    });
  }

  ready() {
    return this.remote.call("ready");
  }

  root() {
    return this.remote.call("root");
  }

  /** Makes every slot that is wanted now, without waiting for an idle page. */
  async fill() {
    while (await this.remote.call("makeSlot", this.#prover));
  }

  free() {
    this.#freed = true;
    super.free();
  }

  // Another tab may use the same account: what it burnt meanwhile is skipped.
  async #burn() {
    for (;;) {
      const id = await this.remote.call("nextId");
      const { epoch, current, next } = this.#entered;
      try {
        return await this.#ledger.burn(epoch, id + 1);
      } catch (error) {
        if (error?.code !== "used") throw error;
        await this.remote.call("enter", current, next, await this.#ledger.firstFree(epoch));
      }
    }
  }

  // Burning an id and using it must not interleave with another message.
  #alone(work) {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #fill() {
    if (this.#filling) return;
    this.#filling = true;
    try {
      do await idle();
      while (!this.#freed && (await this.remote.call("makeSlot", this.#prover)));
    } catch {
      // A slot that was not made ahead is no loss: the message is proved without one.
    } finally {
      this.#filling = false;
    }
  }
}

[Prover, Member].forEach((Class) => guardMethods(Class));

/** An account of used ids that ends with the page: only for members who end with it too. */
export function memoryLedger() {
  const free = new Map();
  return {
    firstFree: async (epoch) => free.get(epoch) ?? 0,
    async burn(epoch, to) {
      if ((free.get(epoch) ?? 0) >= to) throw new LogosError("used", "the id was used before");
      free.set(epoch, to);
    },
  };
}

function idle() {
  return new Promise((resolve) => {
    if (globalThis.requestIdleCallback) requestIdleCallback(() => resolve(), { timeout: 2000 });
    else setTimeout(resolve, 0);
  });
}
