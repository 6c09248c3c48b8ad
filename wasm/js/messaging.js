// Sessions and Sphinx packets.

import { octets } from "./bytes.js";
import { Handle, wrapped } from "./checking.js";
import { LogosError, guardMethods, guardedAll } from "./errors.js";

/** Where an exit hands a packet that names nobody: itself. */
const NOBODY = new Uint8Array(94);

export class Device extends Handle {
  #records;
  #last = Promise.resolve();
  #failed;

  constructor(remote, records) {
    super(remote);
    this.#records = records;
  }

  /** A device whose records are those of `records`, or kept in memory alone. */
  static async load(remote, records) {
    for (const [name, record] of (await records?.all()) ?? []) {
      await remote.call("load", name, record);
    }
    return new Device(remote, records);
  }

  identity() {
    return this.remote.call("identity");
  }

  seal(key) {
    return this.remote.call("seal", octets(key));
  }

  publish({ expires, oneTime = 1 }) {
    return this.#commit(() => this.remote.call("publish", seconds(expires), oneTime));
  }

  initiate(bundle, content) {
    const now = Date.now() / 1000;
    return this.#commit(() => this.remote.call("initiate", String(bundle), octets(content), now));
  }

  send(peer, content) {
    return this.#commit(() => this.remote.call("send", peer, octets(content)));
  }

  receive(message, peer) {
    return this.#commit(async () => {
      const received = await this.remote.call("receive", peer, message, Date.now() / 1000);
      const names = ["peer", "session", "isNew", "content"];
      const values = await Promise.all(names.map((name) => received.call(name)));
      received.free();
      return Object.fromEntries(names.map((name, at) => [name, values[at]]));
    });
  }

  // What changed is stored before the message leaves. If storing fails, memory is ahead of what a
  // restart would find, so this device does nothing more.
  #commit(work) {
    const turn = this.#last.then(async () => {
      if (this.#failed) throw this.#failed;
      const value = await work();
      const changes = await this.remote.call("changes");
      try {
        if (changes.length > 0) await this.#records?.write(changes);
      } catch (error) {
        this.#failed = new LogosError("storage", `records were not stored: ${error.message}`);
        throw this.#failed;
      }
      return value;
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}

export class ReplyBlock extends Handle {
  surb() {
    return this.remote.call("surb");
  }

  open(packet) {
    return this.remote.call("open", packet);
  }
}

export class MixNode extends Handle {
  publicKey() {
    return this.remote.call("publicKey");
  }

  seal(key) {
    return this.remote.call("seal", octets(key));
  }

  async process(packet) {
    const step = await this.remote.call("process", packet);
    try {
      const names = ["kind", "packet", "address", "delay"];
      const values = await Promise.all(names.map((name) => step.call(name)));
      const result = Object.fromEntries(names.map((name, at) => [name, values[at] ?? undefined]));
      if (result.kind === "deliver") await deliver(step, result);
      return result;
    } finally {
      step.free();
    }
  }
}

async function deliver(step, result) {
  const [data, codec, surbs] = await Promise.all(
    ["data", "codec", "surbs"].map((name) => step.call(name)),
  );
  const blocks = Array.from({ length: surbs.length / 734 }, (_, at) =>
    surbs.slice(734 * at, 734 * (at + 1)),
  );
  Object.assign(result, { data, codec, surbs: blocks });
}

async function withRoute(channel, hops, use) {
  if (!Array.isArray(hops)) throw new LogosError("argument", "hops is not an array");
  const route = await channel.call("Route", "create", []);
  try {
    for (const { key, address, delay } of hops) await route.call("push", key, address, delay);
    return await use(route);
  } finally {
    route.free();
  }
}

[Device, ReplyBlock, MixNode].forEach((Class) => guardMethods(Class));

export const messaging = (channel) => guardedAll({
  createDevice: async ({ records } = {}) =>
    Device.load(await channel.call("Device", "random", []), records),
  openDevice: async (key, sealed, { records } = {}) =>
    Device.load(await channel.call("Device", "open", [octets(key), octets(sealed)]), records),
  bundleIdentity: (bundle) =>
    channel.call("Device", "bundleIdentity", [String(bundle), Date.now() / 1000]),
  wrapPacket: ({ hops, destination = NOBODY, codec, data, surbs = [] }) =>
    withRoute(channel, hops, (route) =>
      route.call("wrap", destination, String(codec), octets(data), surbs),
    ),
  createReplyBlock: (hops) =>
    withRoute(channel, hops, (route) => wrapped(ReplyBlock, route.call("replyBlock"))),
  async reply(surb, data) {
    const reply = await channel.call("Reply", "create", [surb, octets(data)]);
    const [firstHop, packet] = await Promise.all([reply.call("firstHop"), reply.call("packet")]);
    reply.free();
    return { firstHop, packet };
  },
  createMixNode: () => wrapped(MixNode, channel.call("MixNode", "random", [])),
  openMixNode: (key, sealed) =>
    wrapped(MixNode, channel.call("MixNode", "open", [octets(key), octets(sealed)])),
});

function seconds(date) {
  return date instanceof Date ? date.getTime() / 1000 : date;
}
