// A room in one page: the members, the relay that checks them, and the tabs that whisper.

import {
  hex,
  open,
  Vault,
  LogosError,
  type Identity,
  type Ledger,
  type Logos,
  type Member,
  type NullifierLog,
  type Prover,
  type Verifier,
} from "logos-core";
import { drawChart, type Timing } from "./chart.js";
import { at, button, input } from "./page.js";
import { whisper } from "./whisper.js";

/** Messages a member may send in an epoch, and how long one is. */
const LIMIT = 5;
const EPOCH_SECONDS = 30;
/** Other members, so that one is not alone in the tree. */
const NEIGHBOURS = 40;

/** This tab's member, and the relay that checks what it says. */
interface Room {
  logos: Logos;
  name: string;
  identity: Identity;
  prover: Prover;
  member: Member;
  root: Uint8Array;
  path: Uint8Array;
  relay: { verifier: Verifier; log: NullifierLog };
  ledger: Ledger;
  /** The current epoch and the one before. */
  epochs: Uint8Array[];
  /** Messages left in the epoch. */
  left: number;
}

const proofs: Timing[] = [];
let room: Room | undefined;
drawChart(at("chart"), proofs);

at("join").addEventListener("submit", async (event) => {
  event.preventDefault();
  button("enter").disabled = true;
  try {
    room = await enter(input("passphrase").value);
    input("message").disabled = button("send").disabled = button("spam").disabled = false;
    input("message").focus();
    await whisper(room.logos, room.name);
  } catch (error) {
    say(has(error, "sealed") ? "That is not the passphrase of this vault." : String(error));
    button("enter").disabled = false;
  }
});

at("speak").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = input("message").value.trim();
  if (!text || !room) return;
  input("message").value = "";
  await send(room, text);
});

at("spam").addEventListener("click", async () => {
  if (!room) return;
  button("spam").disabled = true;
  await cheat(room);
  button("spam").disabled = false;
});

/** Each tab is a member of its own, for as long as it is open. */
function seat(): Promise<number> {
  return new Promise((resolve) => {
    const take = (number: number): Promise<unknown> =>
      navigator.locks.request(`logos-demo-${number}`, { ifAvailable: true }, (lock) => {
        if (!lock) return take(number + 1);
        resolve(number);
        return new Promise(() => {});
      });
    take(1);
  });
}

async function enter(passphrase: string): Promise<Room> {
  const name = `member ${await seat()}`;
  say("Opening the vault…");
  const vault = await Vault.open(passphrase, { name: "logos-demo" });
  const logos = await open({ workers: 2 });
  const stored = await vault.load(name, (key, sealed) => logos.openIdentity(key, sealed));
  const identity = stored ?? (await logos.createIdentity());
  if (!stored) await vault.store(name, identity);

  say("Fetching the proving key…");
  const loading = at("loading") as HTMLProgressElement;
  loading.hidden = false;
  const prover = await logos.createProver({ onProgress: (part) => (loading.value = part) });
  loading.hidden = true;

  const tree = await logos.createTree();
  await tree.append(await neighbours(logos));
  const index = await tree.append(await identity.leaf(LIMIT));
  const [root, path] = [await tree.root(), await tree.path(index)];
  const ledger = vault.ledger(name);
  const member = await prover.member({ identity, limit: LIMIT, path, slots: 3, ledger });
  const relay = { verifier: await logos.createVerifier(), log: await logos.createLog() };
  const parts = { logos, name, identity, prover, member, root, path, relay, ledger };
  const room: Room = { ...parts, epochs: [], left: LIMIT };
  await turn(room);
  const again = stored ? "Welcome back" : "Welcome";
  say(`${again}, ${name}: leaf ${index} of ${NEIGHBOURS + 1}, a secret nobody has seen.`);
  return room;
}

async function neighbours(logos: Logos): Promise<Uint8Array[]> {
  const leaves: Uint8Array[] = [];
  for (let number = 0; number < NEIGHBOURS; number++) {
    const neighbour = await logos.seededIdentity(`neighbour ${number}`);
    leaves.push(await neighbour.leaf(LIMIT));
    neighbour.free();
  }
  return leaves;
}

/** Starts an epoch, and the next one when it is over. */
async function turn(room: Room): Promise<void> {
  const number = Math.floor(Date.now() / 1000 / EPOCH_SECONDS);
  const name = (at: number) => room.logos.externalNullifier(String(at), "quiet-room");
  const [current, next] = await Promise.all([name(number), name(number + 1)]);
  room.epochs = [current, ...room.epochs].slice(0, 2);
  await room.relay.log.open(current);
  await room.member.enter({ current, next });
  const rest = (number + 1) * EPOCH_SECONDS * 1000 - Date.now();
  setTimeout(() => turn(room), rest);
  sweep(rest);
  room.left = LIMIT - (await room.ledger.firstFree(hex(current)));
  allowance(room);
}

async function send(room: Room, text: string): Promise<void> {
  const ready = await room.member.ready();
  const start = performance.now();
  try {
    const proof = await room.member.prove(text);
    record(performance.now() - start, ready > 0);
    room.left -= 1;
    const verdict = await relay(room, proof, text);
    list("messages", text, verdict === "fresh" ? "accepted" : "refused", verdict);
  } catch (error) {
    const over = has(error, "exhausted");
    list("messages", text, "refused", over ? "your limit is reached" : String(error));
  }
  allowance(room);
}

/** What somebody else on the network would do with the message: one epoch late is in time. */
async function relay(room: Room, proof: Uint8Array, text: string): Promise<string> {
  const { verifier, log } = room.relay;
  let refusal: string | undefined;
  for (const externalNullifier of room.epochs) {
    refusal = await verifier.refusal(proof, text, { roots: room.root, externalNullifier });
    if (refusal !== "epoch") break;
  }
  return refusal ?? (await log.record(proof)).verdict;
}

/** Goes around the account of ids, as a spammer would, and lets the relay find out. */
async function cheat(room: Room): Promise<void> {
  const { identity, path, prover, logos } = room;
  const [externalNullifier] = room.epochs;
  if (!externalNullifier) return;
  const statement = { identity, limit: LIMIT, path, externalNullifier, messageId: LIMIT - 1 };
  const caught = await logos.createLog();
  await caught.open(externalNullifier);
  for (const message of ["buy now", "buy now!"]) {
    const start = performance.now();
    const proof = await prover.prove({ ...statement, message });
    record(performance.now() - start, false);
    const { verdict, secret } = await caught.record(proof);
    list("messages", message, verdict === "fresh" ? "accepted" : "refused", verdict);
    if (secret) await reveal(room, secret);
  }
  caught.free();
}

async function reveal(room: Room, secret: Uint8Array): Promise<void> {
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
  at("caught").dataset.matches = String(matches);
  at("caught").dataset.recovered = "";
}

function record(milliseconds: number, ready: boolean): void {
  proofs.push({ milliseconds, ready });
  drawChart(at("chart"), proofs.slice(-40));
}

function list(id: string, text: string, kind: "accepted" | "refused", note: string): void {
  const item = document.createElement("li");
  item.className = kind;
  const body = document.createElement("span");
  const small = document.createElement("small");
  body.textContent = text;
  small.textContent = note;
  item.append(body, small);
  at(id).prepend(item);
}

function allowance({ left }: Room): void {
  at("allowance").textContent = `${Math.max(left, 0)} of ${LIMIT} left`;
}

/** Shows how much of the epoch is over. */
function sweep(rest: number): void {
  const bar = at("clock").firstElementChild;
  if (!bar) return;
  bar.getAnimations().forEach((animation) => animation.cancel());
  const from = 100 * (1 - rest / (EPOCH_SECONDS * 1000));
  bar.animate([{ width: `${from}%` }, { width: "100%" }], { duration: rest, fill: "forwards" });
}

setInterval(async () => {
  if (!room) return;
  const ready = await room.member.ready();
  at("slots").textContent = ready === 1 ? "1 slot ready" : `${ready} slots ready`;
}, 500);

/** Is it an error of the package with this code? */
function has(error: unknown, code: LogosError["code"]): boolean {
  return error instanceof LogosError && error.code === code;
}

function say(text: string): void {
  at("status").textContent = text;
}
