// `node bench.mjs PACKAGE PEER NPM`: the package and zerokit's in one headless Chromium, taking turns.
//
// Both are compiled to the same target and run in the page's own thread; only `full2` is our two
// workers. Each figure is the median of the rounds' ratios: the peer's time over ours.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { browse, serve } from "./serve.mjs";

const ROUNDS = Number(process.env.ROUNDS ?? 9);
const [folder, peer, npm] = process.argv.slice(2);
const tests = join(dirname(fileURLToPath(import.meta.url)), "../tests");
const server = await serve({ package: folder, peer, tests });
const browser = await browse(npm, process.env.CHROMIUM);
try {
  const page = await browser.newPage();
  page.on("console", (message) => console.log(message.text()));
  await page.goto(`${server.url}/tests/page.html`);
  const measured = await page.evaluate(measure, ROUNDS);
  await page.close();
  report({ ...measured, infos: { ...measured.infos, ...(await firstProof()) } });
} finally {
  await browser.close();
  server.close();
}

/** From an empty profile to a proof, on one worker: what it costs of processors, and how long it takes. */
async function firstProof() {
  const session = await browser.newBrowserCDPSession();
  const spent = async () => {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    return 1000 * processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
  };
  const costs = [];
  for (let round = 0; round < 3; round++) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${server.url}/tests/page.html`);
    const before = await spent();
    const elapsed = await page.evaluate(async () => {
      const start = performance.now();
      const { open } = await import("/package/index.js");
      const logos = await open();
      const [identity, tree] = [await logos.createIdentity(), await logos.createTree()];
      await tree.append(await identity.leaf(100));
      const prover = await logos.createProver();
      const path = await tree.path(0);
      const externalNullifier = await logos.externalNullifier("1", "bench");
      const statement = { identity, limit: 100, path, externalNullifier, messageId: 0 };
      await prover.prove({ ...statement, message: "first" });
      return performance.now() - start;
    });
    costs.push([(await spent()) - before, elapsed]);
    await context.close();
  }
  const [cpu, elapsed] = [0, 1].map((at) => Math.min(...costs.map((cost) => cost[at])));
  return { "first proof cpu": cpu, "first proof elapsed": elapsed };
}

/** Runs in the page. */
async function measure(rounds) {
  const core = await import("/package/index.js");
  const full = await import("/package/module/full.js");
  const zerokit = await import("/peer/peer.js");
  const timed = async (work) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const infos = {};

  await zerokit.default();
  await full.default();
  const packed = await (await fetch("/package/rln-20.key")).blob();
  const key = new Uint8Array(
    await new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
  );

  // The same statement on both sides: leaf 0 of an empty tree, limit 100, id 0.
  const secret = new Uint8Array(32).fill(7);
  const identity = full.Identity.seeded(new Uint8Array([1, 2, 3]));
  const tree = full.Tree.create(20);
  tree.append(identity.leaf(100));
  const path = tree.path(0);
  const siblings = path.slice(8, 8 + 20 * 32);
  const epoch = full.externalNullifier(new Uint8Array([1]), new Uint8Array([2]));
  const next = full.externalNullifier(new Uint8Array([2]), new Uint8Array([2]));
  const message = new TextEncoder().encode("hello");
  const prover = full.Prover.create(key, "none");
  const verifier = full.Verifier.create(prover.verifyingKey());
  const statement = full.Statement.create(identity, 100, path, epoch, message, 0);
  const x = new Uint8Array(32).fill(9);
  const bytes = async (name) => new Uint8Array(await (await fetch(name)).arrayBuffer());
  const [graph, zkey] = await Promise.all(["graph.bin", "rln_final.arkzkey"].map((name) => bytes(`/peer/${name}`)));
  const theirs = zerokit.Peer.create(graph, zkey, secret, siblings, x, epoch);
  theirs.partial();

  // Every proof that is timed is one that verifies.
  const proof = prover.prove(statement);
  if (verifier.refusal(proof, message, tree.root(), epoch)) throw new Error("our proof is refused");
  theirs.prove();
  if (!theirs.verify()) throw new Error("their proof is refused");
  theirs.finish();
  if (!theirs.verify()) throw new Error("their finished proof is refused");

  const member = full.Member.create(prover, identity, 100, path, 8);
  member.enter(epoch, next, 0);
  const slots = () => {
    let made = 0;
    while (member.makeSlot(prover)) made += 1;
    return made;
  };
  let made = 0;
  const making = await timed(() => (made = slots()));
  infos.slot = making / made;

  const pair = await core.open({ workers: 2 });
  const both = await pair.createProver();
  const [mine, grove] = [await pair.createIdentity(), await pair.createTree()];
  await grove.append(await mine.leaf(100));
  const shared = {
    identity: mine,
    limit: 100,
    path: await grove.path(0),
    externalNullifier: epoch,
    message: "hello",
    messageId: 0,
  };
  await both.prove(shared);

  let sent = 0;
  const online = async () => {
    const many = 4;
    const time = await timed(() => {
      for (let at = 0; at < many; at++) member.prove(prover, message);
    });
    sent += many;
    if (sent + many > 96) throw new Error("out of ids");
    slots();
    return time / many;
  };

  const figures = { full1: [], full2: [], online: [], verify: [] };
  for (let round = 0; round < rounds; round++) {
    const whole = await timed(() => theirs.prove());
    figures.full1.push([await timed(() => prover.prove(statement)), whole]);
    figures.full2.push([await timed(() => both.prove(shared)), whole]);
    const finish = await timed(() => theirs.finish());
    figures.online.push([await online(), finish]);
    const checked = await timed(() => theirs.verify());
    const ours = await timed(() => verifier.refusal(proof, message, tree.root(), epoch));
    figures.verify.push([ours, checked]);
  }
  pair.close();

  infos.load = await timed(() => full.Prover.create(key, "none").free());
  infos.small = await timed(() => full.Prover.create(key, "small").free());
  const tabled = full.Prover.create(key, "small");
  const times = [];
  for (let round = 0; round < 3; round++) times.push(await timed(() => tabled.prove(statement)));
  infos["full1 with small tables"] = Math.min(...times);
  tabled.free();
  return { figures, infos };
}

function report({ figures, infos }) {
  const show = (milliseconds) => `${milliseconds.toPrecision(3)} ms`.padStart(10);
  for (const [name, pairs] of Object.entries(figures)) {
    const ratios = pairs.map(([ours, theirs]) => theirs / ours).sort((a, b) => a - b);
    const [ours, theirs] = [0, 1].map((side) => median(pairs.map((pair) => pair[side])));
    const spread = `${ratios[0].toFixed(2)}..${ratios.at(-1).toFixed(2)}`;
    const figure = `wasm.${name}`;
    console.log(
      `${figure.padEnd(26)} ${show(ours)} ${show(theirs)}  x${median(ratios).toFixed(2).padEnd(8)} ` +
        `${spread}, ${pairs.length} rounds, elapsed; zerokit rln 3.0.0, one thread`,
    );
    console.log(`ratio ${figure} ${median(ratios).toFixed(3)}`);
  }
  for (const [name, value] of Object.entries(infos)) {
    console.log(`info wasm.${name.replaceAll(" ", "_")} ${Number(value.toFixed(3))} ms`);
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}
