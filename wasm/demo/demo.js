// A room in one page: the members, the relay that checks them, and the tabs that whisper.

import { hex, open, Vault } from "../package/index.js";
import { drawChart } from "./chart.js";
import { whisper } from "./whisper.js";

/** Messages a member may send in an epoch, and how long one is. */
const LIMIT = 5;
const EPOCH_SECONDS = 30;
/** Other members, so that one is not alone in the tree. */
const NEIGHBOURS = 40;

const at = (id) => document.getElementById(id);
const proofs = [];
let room;
drawChart(at("chart"), proofs);

at("join").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  form.querySelector("button").disabled = true;
  try {
    room = await enter(at("passphrase").value);
    for (const id of ["message", "send", "spam"]) at(id).disabled = false;
    at("message").focus();
    whisper(room.logos, room.name);
  } catch (error) {
    say(error.code === "sealed" ? "That is not the passphrase of this vault." : error.message);
    form.querySelector("button").disabled = false;
  }
});

at("speak").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = at("message").value.trim();
  if (!text) return;
  at("message").value = "";
  await send(text);
});

at("spam").addEventListener("click", async () => {
  at("spam").disabled = true;
  await cheat();
  at("spam").disabled = false;
});

/** Each tab is a member of its own, for as long as it is open. */
function seat() {
  return new Promise((resolve) => {
    const take = (number) =>
      navigator.locks.request(`logos-demo-${number}`, { ifAvailable: true }, (lock) => {
        if (!lock) return take(number + 1);
        resolve(number);
        return new Promise(() => {});
      });
    take(1);
  });
}

async function enter(passphrase) {
  const name = `member ${await seat()}`;
  say("Opening the vault…");
  const vault = await Vault.open(passphrase, { name: "logos-demo" });
  const logos = await open({ workers: 2 });
  const stored = await vault.load(name, (key, sealed) => logos.openIdentity(key, sealed));
  const identity = stored ?? (await logos.createIdentity());
  if (!stored) await vault.store(name, identity);

  say("Fetching the proving key…");
  at("loading").hidden = false;
  const onProgress = (part) => (at("loading").value = part);
  const prover = await logos.createProver({ onProgress });
  at("loading").hidden = true;

  const tree = await logos.createTree();
  await tree.append(await neighbours(logos));
  const index = await tree.append(await identity.leaf(LIMIT));
  const [root, path] = [await tree.root(), await tree.path(index)];
  const ledger = vault.ledger(name);
  const member = await prover.member({ identity, limit: LIMIT, path, slots: 3, ledger });
  const relay = { verifier: await logos.createVerifier(), log: await logos.createLog() };
  const room = { logos, name, identity, prover, member, root, path, relay, ledger };
  await turn(room);
  const again = stored ? "Welcome back" : "Welcome";
  say(`${again}, ${name}: leaf ${index} of ${NEIGHBOURS + 1}, a secret nobody has seen.`);
  return room;
}

async function neighbours(logos) {
  const leaves = [];
  for (let number = 0; number < NEIGHBOURS; number++) {
    const neighbour = await logos.seededIdentity(`neighbour ${number}`);
    leaves.push(await neighbour.leaf(LIMIT));
    neighbour.free();
  }
  return leaves;
}

/** Starts an epoch, and the next one when it is over. */
async function turn(room) {
  const number = Math.floor(Date.now() / 1000 / EPOCH_SECONDS);
  const name = (at) => room.logos.externalNullifier(String(at), "quiet-room");
  const [current, next] = await Promise.all([name(number), name(number + 1)]);
  room.epochs = [current, ...(room.epochs ?? [])].slice(0, 2);
  await room.relay.log.open(current);
  await room.member.enter({ current, next });
  const rest = (number + 1) * EPOCH_SECONDS * 1000 - Date.now();
  setTimeout(() => turn(room), rest);
  sweep(rest);
  room.left = LIMIT - (await room.ledger.firstFree(hex(current)));
  allowance(room);
}

async function send(text) {
  const ready = await room.member.ready();
  const start = performance.now();
  try {
    const proof = await room.member.prove(text);
    record(performance.now() - start, ready > 0);
    room.left -= 1;
    const verdict = await relay(proof, text);
    list("messages", text, verdict === "fresh" ? "accepted" : "refused", verdict);
  } catch (error) {
    const over = error.code === "exhausted";
    list("messages", text, "refused", over ? "your limit is reached" : error.message);
  }
  allowance(room);
}

/** What somebody else on the network would do with the message: one epoch late is in time. */
async function relay(proof, text) {
  const { verifier, log } = room.relay;
  let refusal;
  for (const externalNullifier of room.epochs) {
    refusal = await verifier.refusal(proof, text, { roots: room.root, externalNullifier });
    if (refusal !== "epoch") break;
  }
  return refusal ?? (await log.record(proof)).verdict;
}

/** Goes around the account of ids, as a spammer would, and lets the relay find out. */
async function cheat() {
  const { identity, path, prover, logos } = room;
  const [externalNullifier] = room.epochs;
  const statement = { identity, limit: LIMIT, path, externalNullifier, messageId: LIMIT - 1 };
  const caught = await logos.createLog();
  await caught.open(externalNullifier);
  for (const message of ["buy now", "buy now!"]) {
    const start = performance.now();
    const proof = await prover.prove({ ...statement, message });
    record(performance.now() - start, false);
    const { verdict, secret } = await caught.record(proof);
    list("messages", message, verdict === "fresh" ? "accepted" : "refused", verdict);
    if (secret) await reveal(secret);
  }
  caught.free();
}

async function reveal(secret) {
  const commitment = await room.identity.commitment();
  const pair = new Uint8Array([...secret, ...commitment]);
  const matches = await room.logos.importIdentity(pair).then(() => true, () => false);
  at("caught").hidden = false;
  const text = hex(secret);
  for (let shown = 0; shown <= text.length; shown += 4) {
    at("secret").textContent = text.slice(0, shown);
    await new Promise((resolve) => setTimeout(resolve, 16));
  }
  at("culprit").textContent = matches ? `It belongs to ${room.name}: you.` : "It belongs to nobody.";
  at("caught").dataset.matches = matches;
  at("caught").dataset.recovered = "";
}

function record(milliseconds, ready) {
  proofs.push({ milliseconds, ready });
  drawChart(at("chart"), proofs.slice(-40));
}

function list(id, text, kind, note) {
  const item = document.createElement("li");
  item.className = kind;
  const [body, small] = [document.createElement("span"), document.createElement("small")];
  body.textContent = text;
  small.textContent = note;
  item.append(body, small);
  at(id).prepend(item);
}

function allowance({ left }) {
  at("allowance").textContent = `${Math.max(left, 0)} of ${LIMIT} left`;
}

/** Shows how much of the epoch is over. */
function sweep(rest) {
  const bar = at("clock").firstElementChild;
  bar.getAnimations().forEach((animation) => animation.cancel());
  const from = 100 * (1 - rest / (EPOCH_SECONDS * 1000));
  bar.animate([{ width: `${from}%` }, { width: "100%" }], { duration: rest, fill: "forwards" });
}

setInterval(async () => {
  if (!room) return;
  const ready = await room.member.ready();
  at("slots").textContent = ready === 1 ? "1 slot ready" : `${ready} slots ready`;
}, 500);

function say(text) {
  at("status").textContent = text;
}
