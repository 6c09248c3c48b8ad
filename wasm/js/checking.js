// Checking proofs, counting messages, identities and trees: what the small entry points have too.

import { joined, octets } from "./bytes.js";
import { guardMethods, guardedAll } from "./errors.js";

/** Wraps what a call gives in a class of this package. */
export const wrapped = async (Class, remote, ...rest) => new Class(await remote, ...rest);

class Handle {
  constructor(remote) {
    this.remote = remote;
  }

  free() {
    this.remote.free();
  }
}

export { Handle };

export class Verifier extends Handle {
  async refusal(proof, message, { roots, externalNullifier } = {}) {
    const args = [octets(proof), octets(message), joined(roots), externalNullifier];
    return (await this.remote.call("refusal", ...args)) ?? undefined;
  }

  async verify(proof, message, claim) {
    return (await this.refusal(proof, message, claim)) === undefined;
  }

  async verifyBatch(proofs, messages, { roots, externalNullifier } = {}) {
    const messageBytes = Array.isArray(messages) ? messages.map(octets) : messages;
    const args = [proofs, messageBytes, joined(roots), externalNullifier];
    return (await this.remote.call("refusals", ...args)).map((word) => word === "");
  }
}

export class NullifierLog extends Handle {
  open(externalNullifier) {
    return this.remote.call("open", externalNullifier);
  }

  async record(proof) {
    const judgement = await this.remote.call("record", octets(proof));
    const verdict = await judgement.call("verdict");
    const secret = (await judgement.call("secret")) ?? undefined;
    judgement.free();
    return { verdict, secret };
  }
}

export class Identity extends Handle {
  commitment() {
    return this.remote.call("commitment");
  }

  leaf(limit) {
    return this.remote.call("leaf", limit);
  }

  seal(key) {
    return this.remote.call("seal", octets(key));
  }
}

export class Tree extends Handle {
  append(leaves) {
    return this.remote.call("append", joined(leaves));
  }

  set(index, leaf) {
    return this.remote.call("set", index, leaf);
  }

  remove(index) {
    return this.remote.call("remove", index);
  }

  root() {
    return this.remote.call("root");
  }

  used() {
    return this.remote.call("used");
  }

  leaf(index) {
    return this.remote.call("leaf", index);
  }

  path(index) {
    return this.remote.call("path", index);
  }
}

[Verifier, NullifierLog, Identity, Tree].forEach((Class) => guardMethods(Class));

/** What the entry points `verify` and `full` share. */
export const checking = (channel, defaultKey) => guardedAll({
  createVerifier: (key = defaultKey) =>
    wrapped(Verifier, channel.call("Verifier", "create", [octets(key)])),
  createLog: ({ epochs = 2, capacity = 100_000 } = {}) =>
    wrapped(NullifierLog, channel.call("NullifierLog", "create", [epochs, capacity])),
  recover: (first, second) => channel.call("", "recover", [octets(first), octets(second)]),
  externalNullifier: (epoch, application) =>
    channel.call("", "externalNullifier", [octets(epoch), octets(application)]),
});

/** What the entry points `identity` and `full` share. */
export const identities = (channel) => guardedAll({
  createIdentity: () => wrapped(Identity, channel.call("Identity", "random", [])),
  seededIdentity: (seed) => wrapped(Identity, channel.call("Identity", "seeded", [octets(seed)])),
  importIdentity: (bytes) => wrapped(Identity, channel.call("Identity", "import", [octets(bytes)])),
  openIdentity: (key, sealed) =>
    wrapped(Identity, channel.call("Identity", "open", [octets(key), octets(sealed)])),
  createTree: (depth = 20) => wrapped(Tree, channel.call("Tree", "create", [depth])),
});
