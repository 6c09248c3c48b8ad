// The package in Node, as who installs it uses it. `cargo xtask wasm --test` says where it is.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";

const { PACKAGE, FIXTURES, NPM } = process.env;
const load = (name) => import(join(PACKAGE, name));
const fixture = (name) => readFile(join(FIXTURES, name));
const { open, LogosError, hex } = await load("node.js");

let logos;
let prover;
let verifier;

before(async () => {
  logos = await open();
  prover = await logos.createProver();
  verifier = await logos.createVerifier();
});

after(() => logos.close());

/** A group with one member, and what its proofs are counted against. */
async function group(limit = 3) {
  const identity = await logos.createIdentity();
  const tree = await logos.createTree();
  await tree.append(await identity.leaf(100));
  const index = await tree.append(await identity.leaf(limit));
  const [root, path] = [await tree.root(), await tree.path(index)];
  const [current, next] = await Promise.all(
    ["1", "2"].map((epoch) => logos.externalNullifier(epoch, "chat")),
  );
  return { identity, tree, limit, path, root, current, next };
}

const refused = (code) => (error) => error instanceof LogosError && error.code === code;

test("a member proves until its limit, and verifiers accept each message once", async () => {
  const { identity, limit, path, root, current, next } = await group(3);
  const member = await prover.member({ identity, limit, path, slots: 1 });
  await member.enter({ current, next });
  const log = await logos.createLog();
  await log.open(current);
  const claim = { roots: root, externalNullifier: current };
  for (const message of ["one", "two", "three"]) {
    const proof = await member.prove(message);
    assert.equal(proof.length, 289);
    assert.equal(await verifier.verify(proof, message, claim), true);
    assert.equal(await verifier.refusal(proof, "other", claim), "message");
    assert.equal((await log.record(proof)).verdict, "fresh");
    assert.equal((await log.record(proof)).verdict, "duplicate");
  }
  await assert.rejects(member.prove("four"), refused("exhausted"));
  await member.enter({ current: next, next: current });
  assert.equal((await member.prove("next epoch")).length, 289);
});

test("two messages under one id give the secret away", async () => {
  const { identity, limit, path, root, current } = await group();
  const statement = { identity, limit, path, externalNullifier: current, messageId: 1 };
  const first = await prover.prove({ ...statement, message: "first" });
  const second = await prover.prove({ ...statement, message: "second" });
  const log = await logos.createLog();
  await log.open(current);
  await log.record(first);
  const { verdict, secret } = await log.record(second);
  assert.equal(verdict, "double-signal");
  assert.deepEqual(secret, await logos.recover(first, second));
  const commitment = await identity.commitment();
  const again = await logos.importIdentity(Buffer.concat([secret, commitment]));
  assert.deepEqual(await again.commitment(), commitment);
  await assert.rejects(logos.recover(first, first), refused("recover"));
  assert.equal(await verifier.verify(first, "first", { roots: [root] }), true);
});

test("a crash between burning an id and proving never uses it twice", async () => {
  const { identity, limit, path, current, next } = await group(2);
  const stored = new Map();
  const ledger = {
    firstFree: async (epoch) => stored.get(epoch) ?? 0,
    burn: async (epoch, to) => void stored.set(epoch, to),
  };
  const before = await prover.member({ identity, limit, path, slots: 0, ledger });
  await before.enter({ current, next });
  await before.prove("one");
  const afterwards = await prover.member({ identity, limit, path, slots: 0, ledger });
  await afterwards.enter({ current, next });
  await afterwards.prove("two");
  await assert.rejects(afterwards.prove("three"), refused("exhausted"));
  const failing = { ...ledger, burn: () => Promise.reject(new Error("disk full")) };
  const unlucky = await prover.member({ identity, limit, path, slots: 0, ledger: failing });
  await unlucky.enter({ current: next, next: current });
  await assert.rejects(unlucky.prove("never leaves"), /disk full/);
});

test("proofs made elsewhere verify here", async () => {
  for (const name of ["native", "zerokit"]) {
    const part = (kind) => fixture(`${name}.${kind}`);
    const [proof, message, roots, externalNullifier] = await Promise.all(
      ["proof", "message", "root", "epoch"].map(part),
    );
    assert.equal(await verifier.verify(proof, message, { roots, externalNullifier }), true, name);
    proof[200] ^= 1;
    assert.equal(await verifier.verify(proof, message, { roots, externalNullifier }), false);
  }
});

test("proofs made here are left for others to check", async () => {
  const { identity, limit, path, root, current } = await group();
  const statement = { identity, limit, path, externalNullifier: current, messageId: 0 };
  const proof = await prover.prove({ ...statement, message: "from node" });
  const parts = { proof, root, epoch: current, message: "from node" };
  for (const [kind, bytes] of Object.entries(parts)) {
    await writeFile(join(FIXTURES, "made", `node.${kind}`), bytes);
  }
});

test("a batch tells which of its proofs are bad", async () => {
  const { identity, limit, path, root, current } = await group();
  const statement = { identity, limit, path, externalNullifier: current };
  const messages = ["a", "b"];
  const proofs = await Promise.all(
    messages.map((message, messageId) => prover.prove({ ...statement, message, messageId })),
  );
  const broken = proofs[0].slice();
  broken[140] ^= 1;
  const verdicts = await verifier.verifyBatch(
    [...proofs, broken, new Uint8Array(9), proofs[1]],
    [...messages, "a", "a", "not b"],
    { roots: root },
  );
  assert.deepEqual(verdicts, [true, true, false, false, false]);
  assert.equal(await verifier.refusal(proofs[0], "a", { roots: new Uint8Array(32) }), "root");
  const claim = { roots: root, externalNullifier: root };
  assert.equal(await verifier.refusal(proofs[0], "a", claim), "epoch");
});

test("identities come back from their sealed form, and only with their key", async () => {
  const identity = await logos.createIdentity();
  const key = crypto.getRandomValues(new Uint8Array(32));
  const sealed = await identity.seal(key);
  const opened = await logos.openIdentity(key, sealed);
  assert.deepEqual(await opened.commitment(), await identity.commitment());
  await assert.rejects(logos.openIdentity(new Uint8Array(32), sealed), refused("sealed"));
  sealed[50] ^= 1;
  await assert.rejects(logos.openIdentity(key, sealed), refused("sealed"));
  const seeded = await logos.seededIdentity(Uint8Array.from({ length: 10 }, (_, at) => at));
  assert.equal(hex(await seeded.commitment()).slice(0, 8), "1ff5ce74");
});

test("two devices talk, and lose nothing when they restart", async () => {
  const stores = [new Map(), new Map()];
  const records = (store) => ({
    all: async () => [...store.values()],
    write: async (changes) => {
      for (const [name, record] of changes) {
        if (record.length) store.set(hex(name), [name, record]);
        else store.delete(hex(name));
      }
    },
  });
  const [at, to] = stores.map(records);
  const saro = await logos.createDevice({ records: at });
  let raya = await logos.createDevice({ records: to });
  const bundle = await raya.publish({ expires: new Date(Date.now() + 3_600_000) });
  assert.deepEqual(await logos.bundleIdentity(bundle), await raya.identity());
  const first = await saro.initiate(bundle, "Hi Raya");

  const key = crypto.getRandomValues(new Uint8Array(32));
  const sealed = await raya.seal(key);
  raya = await logos.openDevice(key, sealed, { records: to });
  const received = await raya.receive(first);
  assert.deepEqual(received.peer, await saro.identity());
  assert.equal(received.isNew, true);
  assert.equal(Buffer.from(received.content).toString(), "Hi Raya");
  const answer = await raya.send(received.peer, "Hi Saro");
  const back = await saro.receive(answer, await raya.identity());
  assert.equal(Buffer.from(back.content).toString(), "Hi Saro");
  await assert.rejects(saro.receive(answer, await raya.identity()), refused("session"));
  await assert.rejects(saro.initiate("logos:nonsense", "x"), refused("bundle"));
});

test("a device whose records were not stored does nothing more", async () => {
  const records = { all: async () => [], write: () => Promise.reject(new Error("disk full")) };
  const device = await logos.createDevice({ records });
  const plan = { expires: Date.now() / 1000 + 60 };
  await assert.rejects(device.publish(plan), refused("storage"));
  await assert.rejects(device.publish(plan), refused("storage"));
});

test("a packet takes its way, and its reply comes back", async () => {
  const nodes = await Promise.all([1, 2, 3].map(() => logos.createMixNode()));
  const hops = await Promise.all(
    nodes.map(async (node, at) => ({
      key: await node.publicKey(),
      address: new Uint8Array(94).fill(at + 1),
      delay: 10,
    })),
  );
  const [a, b, own] = nodes;
  const block = await logos.createReplyBlock([hops[1], hops[0], hops[2]]);
  const surbs = [await block.surb()];
  const route = [hops[0], hops[1]];
  const packet = await logos.wrapPacket({ hops: route, codec: "/app/1", data: "ping", surbs });
  assert.equal(packet.length, 4608);
  const there = await b.process((await a.process(packet)).packet);
  assert.equal(there.kind, "deliver");
  assert.equal(Buffer.from(there.data).toString(), "ping");
  const reply = await logos.reply(there.surbs[0], "pong");
  assert.deepEqual(reply.firstHop, hops[1].address);
  const last = await own.process((await a.process((await b.process(reply.packet)).packet)).packet);
  assert.equal(last.kind, "reply");
  assert.equal(Buffer.from(await block.open(last.packet)).toString(), "pong");
  await assert.rejects(block.open(last.packet), refused("packet"));
  await assert.rejects(a.process(new Uint8Array(4608)), refused("packet"));
  await assert.rejects(logos.createReplyBlock([]), refused("packet"));
});

test("malformed arguments are errors, and the instance lives on", async () => {
  const { identity, limit, path, root, current, next } = await group();
  const values = [undefined, null, 5, "text", {}, [], new Uint8Array(3), new Uint16Array(32), NaN];
  const statement = { identity, limit, path, externalNullifier: current, message: "m", messageId: 0 };
  for (const value of values) {
    for (const name of ["identity", "limit", "path", "externalNullifier", "messageId"]) {
      if (name === "limit" && value === 5) continue;
      await assert.rejects(prover.prove({ ...statement, [name]: value }), LogosError, name);
    }
    await assert.rejects(verifier.verify(value, "m", { roots: value }), LogosError);
    await assert.rejects(logos.openIdentity(value, value), LogosError);
    await assert.rejects(logos.createVerifier(value ?? null), LogosError);
    await assert.rejects(logos.recover(value, value), LogosError);
  }
  for (const depth of [0, -1, 33, 1.5, "deep"]) {
    await assert.rejects(logos.createTree(depth), refused("argument"));
  }
  const tree = await logos.createTree(1);
  await tree.append(new Uint8Array(64));
  await assert.rejects(tree.append(new Uint8Array(32)), refused("tree"));
  await assert.rejects(tree.path(2), refused("tree"));
  await assert.rejects(tree.append(new Uint8Array(32).fill(255)), refused("encoding"));
  await assert.rejects(verifier.verify(new Uint8Array(289), "m", { roots: [] }), refused("argument"));
  tree.free();
  await assert.rejects(tree.root(), refused("argument"));
  const idle = await prover.member({ identity, limit, path, slots: 0 });
  await assert.rejects(idle.prove("before any epoch"), refused("argument"));
  assert.equal((await prover.prove({ ...statement })).length, 289);
  assert.ok(root && next);
});

test("arguments that are not even of the right shape are errors, and rejections", async () => {
  const { identity, limit, path } = await group();
  const member = await prover.member({ identity, limit, path, slots: 0 });
  const log = await logos.createLog();
  const node = await logos.createMixNode();
  const device = await logos.createDevice();
  await assert.rejects(logos.createDevice(null), LogosError);
  const bare = Object.create(null);
  const calls = [
    (value) => logos.openDevice(value, value),
    (value) => logos.openMixNode(value, value),
    (value) => logos.wrapPacket(value),
    (value) => logos.wrapPacket({ hops: [value], codec: "c", data: "d" }),
    (value) => logos.createReplyBlock([value]),
    (value) => logos.createReplyBlock(value),
    (value) => logos.reply(value, value),
    (value) => device.publish(value),
    (value) => device.initiate(bare, value),
    (value) => device.send(value, value),
    (value) => device.receive(value),
    (value) => prover.prove(value),
    (value) => prover.member(value),
    (value) => prover.member({ identity, limit, path, slots: value ?? -1 }),
    (value) => member.enter(value),
    (value) => member.enter({ current: value, next: value }),
    (value) => member.prove(value),
    (value) => member.refresh(value),
    (value) => verifier.verify(new Uint8Array(289), "m", value),
    (value) => verifier.verifyBatch(value, value, { roots: new Uint8Array(32) }),
    (value) => verifier.verifyBatch([value], ["m"], { roots: new Uint8Array(32) }),
    (value) => log.open(value),
    (value) => log.record(value),
    (value) => logos.createLog({ epochs: value ?? -1 }),
    (value) => logos.importIdentity(value),
    (value) => logos.seededIdentity(value),
    (value) => identity.seal(value),
    (value) => identity.leaf(value ?? null),
    (value) => node.process(value),
    (value) => node.seal(value),
  ];
  const values = [undefined, null, -5, {}, () => {}, Symbol("value"), new Uint16Array(32)];
  for (const call of calls) {
    for (const value of values) await assert.rejects(call(value), LogosError, `${call}, ${typeof value}`);
  }
  await assert.rejects(open(null), LogosError);
  const { open: check } = await load("verify-node.js");
  await assert.rejects(check(null), LogosError);
  await assert.rejects(check({ module: new Uint8Array(8) }), refused("worker"));
  assert.equal((await identity.commitment()).length, 32);
});

test("each failure has its code", async () => {
  const { identity, limit, path, current } = await group(3);
  await assert.rejects(identity.leaf(0), refused("limit"));
  const statement = { identity, limit, path, externalNullifier: current, message: "m", messageId: 3 };
  await assert.rejects(prover.prove(statement), refused("limit"));
  const low = await logos.createTree(5);
  await low.append(await identity.leaf(limit));
  const short = { ...statement, messageId: 0, path: await low.path(0) };
  await assert.rejects(prover.prove(short), refused("proof"));
  const proof = await prover.prove({ ...statement, messageId: 0 });
  const log = await logos.createLog({ epochs: 1, capacity: 1 });
  await assert.rejects(log.record(proof), refused("log"));
  await log.open(current);
  await log.record(proof);
  const another = await prover.prove({ ...statement, messageId: 1 });
  await assert.rejects(log.record(another), refused("log"));
  await assert.rejects(open({ workers: 2 }), refused("worker"));
  const silent = { value: () => { throw new Error("no entropy"); }, configurable: true };
  Object.defineProperty(crypto, "getRandomValues", silent);
  try {
    await assert.rejects(logos.createIdentity(), refused("randomness"));
  } finally {
    delete crypto.getRandomValues;
  }
  await logos.createIdentity();
});

test("an instance that trapped says so to whoever calls it later", async () => {
  const { Server } = await load("server.js");
  const server = new Server({
    trap: () => { throw new WebAssembly.RuntimeError("unreachable"); },
    fine: () => 1,
  });
  const answer = (call, method) => server.answer({ call, target: "", method, args: [] });
  assert.equal(answer(1, "fine").value, 1);
  assert.equal(answer(2, "trap").error.code, "broken");
  assert.equal(answer(3, "fine").error.code, "broken");
});

test("a key that was truncated or changed is refused", async () => {
  const packed = await readFile(join(PACKAGE, "rln-20.key"));
  const key = gunzipSync(packed);
  const changed = Buffer.from(key);
  changed[changed.length >> 1] ^= 1;
  const bad = [packed.subarray(0, packed.length >> 1), gzipSync(changed), gzipSync(key.subarray(9))];
  for (const bytes of [...bad, new Uint8Array(0)]) {
    const other = await open({ key: new Uint8Array(bytes) });
    await assert.rejects(other.createProver(), refused("key"));
    other.close();
  }
  let heard = 0;
  const good = await open({ key: new Uint8Array(packed) });
  await good.createProver({ onProgress: (part) => (heard = part) });
  assert.equal(heard, 1);
  good.close();
  await assert.rejects(good.createIdentity(), refused("closed"));
});

test("the small entry points do what they say", async () => {
  const { identity, limit, path, root, current } = await group();
  const statement = { identity, limit, path, externalNullifier: current, messageId: 2 };
  const proof = await prover.prove({ ...statement, message: "small" });
  const checking = await (await load("verify-node.js")).open();
  const small = await checking.createVerifier();
  assert.equal(await small.verify(proof, "small", { roots: root }), true);
  const members = await (await load("identity-node.js")).open();
  const member = await members.seededIdentity("seed");
  const same = await logos.seededIdentity("seed");
  assert.deepEqual(await member.leaf(5), await same.leaf(5));
});

test("the README's example runs for who installed the package", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, example] = readme.match(/```js\n([^]*?)```/);
  const folder = await mkdtemp(join(tmpdir(), "logos-readme-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(PACKAGE, join(folder, "node_modules/logos-core"));
  await writeFile(join(folder, "example.mjs"), example);
  const { stdout } = await promisify(execFile)("node", [join(folder, "example.mjs")]);
  assert.equal(stdout, "true\n");
});

test("the types are those of the package", { skip: !existsSync(join(NPM, "typescript")) }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "logos-types-"));
  const use = `
    import { open, type LogosErrorCode, LogosError } from "${PACKAGE}/index.js";
    import { open as check } from "${PACKAGE}/verify.js";
    const logos = await open({ workers: 2 });
    const identity = await logos.createIdentity();
    const prover = await logos.createProver({ onProgress: (part) => console.log(part * 100) });
    const path = await (await logos.createTree()).path(0);
    const member = await prover.member({ identity, limit: 10, path });
    const proof: Uint8Array = await member.prove("hello");
    const good: boolean = await (await logos.createVerifier()).verify(proof, "hello", { roots: path });
    const code: LogosErrorCode = new LogosError().code;
    // @ts-expect-error a secret has no way out
    identity.secret();
    console.log(good, code, check);
  `;
  await writeFile(join(folder, "use.mts"), use);
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"];
  const tsc = join(NPM, "typescript/bin/tsc");
  await promisify(execFile)("node", [tsc, ...options, join(folder, "use.mts")]).catch((error) => {
    assert.fail(error.stdout);
  });
});
