// An encrypted session between two tabs. What passes between them, the page shows.

import { hex, type Logos } from "logos-core";
import { at, button, input } from "./page.js";

const HOUR = 3_600_000;

/** What tabs say to each other aloud: who is here, and what nobody else can read. */
type Call =
  | { kind: "here" | "also"; from: string; name: string; bundle: string }
  | { kind: "message"; to: string; message: Uint8Array };

/** Announces this tab, and opens a session with whichever other the person picks. */
export async function whisper(logos: Logos, name: string): Promise<void> {
  const channel = new BroadcastChannel("logos-demo");
  const device = await logos.createDevice();
  const own = hex(await device.identity());
  const names = new Map<string, string>();
  let partner: Uint8Array | undefined;
  const call = (message: Call) => channel.postMessage(message);

  const announce = async (kind: "here" | "also") => {
    const bundle = await device.publish({ expires: new Date(Date.now() + HOUR) });
    call({ kind, from: own, name, bundle });
  };

  channel.onmessage = async ({ data }: MessageEvent<Call>) => {
    if (data.kind !== "message") {
      meet(data);
      if (data.kind === "here") await announce("also");
    } else if (data.to === own) {
      const received = await device.receive(data.message, partner).catch(() => undefined);
      if (!received) return;
      connect(received.peer);
      if (received.content.length) say(new TextDecoder().decode(received.content), "theirs");
      show(data.message);
    }
  };

  function meet({ from, name, bundle }: { from: string; name: string; bundle: string }) {
    if (names.has(from)) return;
    names.set(from, name);
    const choice = document.createElement("button");
    choice.textContent = `Whisper to ${name}`;
    choice.onclick = async () => {
      const first = await device.initiate(bundle, "");
      const peer = await logos.bundleIdentity(bundle);
      connect(peer);
      pass(peer, first);
    };
    at("peers").append(choice);
    at("partner").textContent = "somebody is here";
  }

  function connect(peer: Uint8Array) {
    partner = peer;
    at("session").dataset.open = "";
    at("partner").textContent = `with ${names.get(hex(peer)) ?? "a stranger"}, post-quantum`;
    at("peers").replaceChildren();
    input("whisper").disabled = button("tell").disabled = false;
  }

  function pass(peer: Uint8Array, message: Uint8Array) {
    call({ kind: "message", to: hex(peer), message });
    show(message);
  }

  at("private").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = input("whisper").value.trim();
    if (!text || !partner) return;
    input("whisper").value = "";
    pass(partner, await device.send(partner, text));
    say(text, "ours");
  });

  await announce("here");
}

function say(text: string, kind: "ours" | "theirs"): void {
  const [item, body] = [document.createElement("li"), document.createElement("span")];
  item.className = kind;
  body.textContent = text;
  item.append(body);
  at("whispers").append(item);
}

function show(message: Uint8Array): void {
  at("wire").textContent = `on the wire, ${message.length} bytes: ${hex(message.subarray(0, 48))}…`;
}
