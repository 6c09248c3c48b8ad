// The package in a page that is not isolated, and the demo page as a person uses it.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { browse, serve } from "../build/serve.mjs";

const { PACKAGE, FIXTURES, NPM, DEMO, CHROMIUM, SCREENSHOTS } = process.env;
const TESTS = dirname(fileURLToPath(import.meta.url));

let browser;
let server;
let requests = [];
let alter = (_, bytes) => bytes;

before(async () => {
  const mounts = { package: PACKAGE, demo: DEMO, tests: TESTS };
  const log = (path) => requests.push(path);
  server = await serve(mounts, { log, alter: (path, bytes) => alter(path, bytes) });
  browser = await browse(NPM, CHROMIUM);
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** A page with the package's functions, in a profile of its own. */
async function page() {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${server.url}/tests/page.html`);
  await page.evaluate(async () => {
    globalThis.core = await import("/package/index.js");
    globalThis.code = (work) => work.then(() => "none", (error) => `${error.name} ${error.code}`);
    globalThis.group = async (logos, limit) => {
      const identity = await logos.createIdentity();
      const tree = await logos.createTree();
      const index = await tree.append(await identity.leaf(limit));
      const [root, path] = [await tree.root(), await tree.path(index)];
      const epochs = ["1", "2"].map((epoch) => logos.externalNullifier(epoch, "chat"));
      const [current, next] = await Promise.all(epochs);
      return { identity, limit, root, path, current, next };
    };
  });
  return page;
}

test("pages prove with one worker, with two and with none, and all agree", async () => {
  const at = await page();
  assert.equal(await at.evaluate(() => globalThis.crossOriginIsolated), false);
  for (const workers of [1, 2, 0]) {
    const made = await at.evaluate(async (workers) => {
      const logos = await core.open({ workers });
      const prover = await logos.createProver();
      const { identity, limit, root, path, current } = await group(logos, 10);
      const statement = { identity, limit, path, externalNullifier: current, messageId: 0 };
      const message = `from ${workers} workers`;
      const proof = await prover.prove({ ...statement, message });
      const verifier = await logos.createVerifier();
      const good = await verifier.verify(proof, message, { roots: root, externalNullifier: current });
      logos.close();
      const parts = { proof, root, epoch: current, message: new TextEncoder().encode(message) };
      const texts = Object.entries(parts).map(([kind, bytes]) => [kind, core.hex(bytes)]);
      return { good, workers: prover.workers, texts };
    }, workers);
    assert.deepEqual([made.good, made.workers], [true, Math.max(workers, 1)]);
    for (const [kind, text] of made.texts) {
      await writeFile(join(FIXTURES, "made", `chromium${workers}.${kind}`), Buffer.from(text, "hex"));
    }
  }
});

test("slots are made while the page is idle, and proofs from them verify", async () => {
  const at = await page();
  const seen = await at.evaluate(async () => {
    const logos = await core.open();
    const prover = await logos.createProver();
    const { identity, limit, root, path, current, next } = await group(logos, 3);
    const member = await prover.member({ identity, limit, path, slots: 2 });
    await member.enter({ current, next });
    while ((await member.ready()) < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    const verifier = await logos.createVerifier();
    const verdicts = [];
    for (const message of ["one", "two", "three"]) {
      verdicts.push(await verifier.verify(await member.prove(message), message, { roots: root }));
    }
    return { verdicts, fourth: await code(member.prove("four")) };
  });
  assert.deepEqual(seen, { verdicts: [true, true, true], fourth: "LogosError exhausted" });
});

test("two tabs with one account never use an id twice", async () => {
  const at = await page();
  const seen = await at.evaluate(async () => {
    const vault = await core.Vault.open("passphrase", { name: "shared" });
    const logos = await core.open();
    const prover = await logos.createProver();
    const { identity, limit, path, current, next } = await group(logos, 3);
    const tab = async () => {
      const ledger = vault.ledger("me");
      const member = await prover.member({ identity, limit, path, slots: 0, ledger });
      await member.enter({ current, next });
      return member;
    };
    const tabs = [await tab(), await tab()];
    const log = await logos.createLog();
    await log.open(current);
    const verdicts = [];
    for (const [at, message] of [[0, "one"], [1, "two"], [0, "three"]]) {
      verdicts.push((await log.record(await tabs[at].prove(message))).verdict);
    }
    return { verdicts, over: await code(tabs[1].prove("four")) };
  });
  assert.deepEqual(seen, { verdicts: ["fresh", "fresh", "fresh"], over: "LogosError exhausted" });
});

test("proofs made elsewhere verify in the page", async () => {
  const at = await page();
  for (const name of ["native", "zerokit"]) {
    const texts = {};
    for (const kind of ["proof", "root", "epoch", "message"]) {
      texts[kind] = (await readFile(join(FIXTURES, `${name}.${kind}`))).toString("hex");
    }
    const good = await at.evaluate(async (texts) => {
      const { open } = await import("/package/verify.js");
      const part = (kind) => core.unhex(texts[kind]);
      const verifier = await (await open()).createVerifier();
      const claim = { roots: part("root"), externalNullifier: part("epoch") };
      return verifier.verify(part("proof"), part("message"), claim);
    }, texts);
    assert.equal(good, true, name);
  }
});

test("the key is loaded with progress, kept, and refused when it was changed", async () => {
  const at = await page();
  const load = () =>
    at.evaluate(async () => {
      const logos = await core.open();
      const heard = [];
      const outcome = await code(logos.createProver({ onProgress: (part) => heard.push(part) }));
      logos.close();
      const rising = heard.every((part, at) => at === 0 || part >= heard[at - 1]);
      return { outcome, rising, several: heard.length > 3, last: heard.at(-1) };
    });
  const fetches = () => requests.filter((path) => path.endsWith("/rln-20.key")).length;
  requests = [];
  const good = { outcome: "none", rising: true, several: true, last: 1 };
  assert.deepEqual(await load(), good);
  assert.equal(fetches(), 1);
  assert.deepEqual(await load(), good);
  assert.equal(fetches(), 1, "the second time it comes from the cache");

  await at.evaluate(async () => {
    const cache = await caches.open("logos-keys-1");
    const [request] = await cache.keys();
    const kept = new Uint8Array(await (await cache.match(request)).arrayBuffer());
    await cache.put(request, new Response(kept.subarray(0, kept.length >> 1)));
  });
  assert.equal((await load()).outcome, "none", "a damaged copy is fetched anew");

  for (const change of [(bytes) => bytes.subarray(0, 1_000_000), (bytes) => bytes.fill(7, 1_000_000)]) {
    await at.evaluate(() => caches.delete("logos-keys-1"));
    alter = (path, bytes) => (path.endsWith("/rln-20.key") ? change(bytes) : bytes);
    assert.equal((await load()).outcome, "LogosError key");
  }
  alter = (_, bytes) => bytes;
  assert.equal((await load()).outcome, "none");
});

test("a worker that does not start is an error, and so is a key that is not there", async () => {
  const at = await page();
  const codes = await at.evaluate(async () => {
    const logos = await core.open({ key: "/package/no-such-key.gz" });
    const missing = await code(logos.createProver());
    return [missing, await code(core.open({ module: "/package/no-such-module.wasm" }))];
  });
  assert.deepEqual(codes, ["LogosError network", "LogosError worker"]);
});

test("what does not travel to a worker, and a page without workers, are errors", async () => {
  const at = await page();
  const codes = await at.evaluate(async () => {
    const logos = await core.open({ workers: 2 });
    const prover = await logos.createProver();
    const { identity, limit, path, current } = await group(logos, 3);
    const statement = { identity, limit, path, externalNullifier: current, messageId: 0 };
    const strange = await code(prover.prove({ ...statement, message: () => {} }));
    const shapeless = await code(prover.prove());
    const locked = await code(core.Vault.open("passphrase", null));
    const good = (await prover.prove({ ...statement, message: "m" })).length;
    globalThis.Worker = undefined;
    const without = await code(core.open());
    const inThread = await code(core.open({ workers: 0 }));
    return { strange, shapeless, locked, good, without, inThread };
  });
  const argument = "LogosError argument";
  assert.deepEqual(codes, {
    strange: argument,
    shapeless: argument,
    locked: argument,
    good: 289,
    without: "LogosError worker",
    inThread: "none",
  });
});

test("a vault keeps identities, used ids and sessions over a reload", async () => {
  const at = await page();
  const first = await at.evaluate(async () => {
    const vault = await core.Vault.open("correct horse");
    const logos = await core.open();
    const identity = await logos.createIdentity();
    await vault.store("me", identity);
    await vault.ledger("me").burn("ab", 3);
    const twice = await code(vault.ledger("me").burn("ab", 2));
    const device = await logos.createDevice({ records: vault.records("phone") });
    await vault.store("phone", device);
    const bundle = await device.publish({ expires: new Date(Date.now() + 3_600_000) });
    return { commitment: core.hex(await identity.commitment()), bundle, twice };
  });
  await at.reload();
  const second = await at.evaluate(async (bundle) => {
    const core = await import("/package/index.js");
    const logos = await core.open();
    const wrong = await core.Vault.open("wrong").then(() => "none", (error) => error.code);
    const vault = await core.Vault.open("correct horse");
    const identity = await vault.load("me", (key, sealed) => logos.openIdentity(key, sealed));
    const records = vault.records("phone");
    const device = await vault.load("phone", (key, sealed) =>
      logos.openDevice(key, sealed, { records }),
    );
    const friend = await logos.createDevice();
    const { content } = await device.receive(await friend.initiate(bundle, "still there?"));
    return {
      wrong,
      commitment: core.hex(await identity.commitment()),
      free: await vault.ledger("me").firstFree("ab"),
      content: new TextDecoder().decode(content),
    };
  }, first.bundle);
  const { commitment, twice } = first;
  assert.equal(twice, "LogosError used");
  assert.deepEqual(second, { wrong: "sealed", commitment, free: 3, content: "still there?" });
});

test("a person plays with the demo: joins, sends, breaks the limit, and talks to another tab", async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 } });
  const errors = [];
  const tab = async () => {
    const page = await context.newPage();
    page.on("pageerror", (error) => errors.push(error.message));
    await page.goto(`${server.url}/demo/index.html`);
    return page;
  };
  const one = await tab();
  await one.fill("#passphrase", "a passphrase");
  await one.click("#join button");
  await one.waitForSelector("#send:not([disabled])", { timeout: 30_000 });
  for (const text of ["hello", "is anybody here?"]) {
    await one.fill("#message", text);
    await one.click("#send");
    await one.waitForSelector(`#messages li.accepted:has-text("${text}")`);
  }
  await one.waitForSelector("#chart circle");
  await one.click("#spam");
  await one.waitForSelector("#caught[data-recovered]", { timeout: 30_000 });
  assert.equal(await one.getAttribute("#caught", "data-matches"), "true");

  const two = await tab();
  await two.fill("#passphrase", "a passphrase");
  await two.click("#join button");
  await two.waitForSelector("#peers button", { timeout: 30_000 });
  await two.click("#peers button");
  await two.waitForSelector("#session[data-open]");
  await one.waitForSelector("#session[data-open]");
  await two.fill("#whisper", "only for you");
  await two.click("#tell");
  await one.waitForSelector('#whispers li:has-text("only for you")');
  await one.fill("#whisper", "got it");
  await one.click("#tell");
  await two.waitForSelector('#whispers li:has-text("got it")');
  await mkdir(SCREENSHOTS, { recursive: true });
  await one.screenshot({ path: join(SCREENSHOTS, "demo.png"), fullPage: true });
  assert.deepEqual(errors, []);
});
