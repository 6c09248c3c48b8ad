// An encrypted session between two tabs. What passes between them, the page shows.

import { hex } from "../package/index.js";

const at = (id) => document.getElementById(id);
const HOUR = 3_600_000;

/** Announces this tab, and opens a session with whichever other the person picks. */
export async function whisper(logos, name) {
  const channel = new BroadcastChannel("logos-demo");
  const device = await logos.createDevice();
  const own = hex(await device.identity());
  const names = new Map();
  let partner;

  const announce = async (kind) => {
    const bundle = await device.publish({ expires: new Date(Date.now() + HOUR) });
    channel.postMessage({ kind, from: own, name, bundle });
  };

  channel.onmessage = async ({ data }) => {
    if (data.kind === "here" || data.kind === "also") {
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

  function meet({ from, name, bundle }) {
    if (names.has(from)) return;
    names.set(from, name);
    const button = document.createElement("button");
    button.textContent = `Whisper to ${name}`;
    button.onclick = async () => {
      const first = await device.initiate(bundle, "");
      connect(await logos.bundleIdentity(bundle));
      pass(first);
    };
    at("peers").append(button);
    at("partner").textContent = "somebody is here";
  }

  function connect(peer) {
    partner = peer;
    at("session").dataset.open = "";
    at("partner").textContent = `with ${names.get(hex(peer)) ?? "a stranger"}, post-quantum`;
    at("peers").replaceChildren();
    for (const id of ["whisper", "tell"]) at(id).disabled = false;
  }

  function pass(message) {
    channel.postMessage({ kind: "message", to: hex(partner), message });
    show(message);
  }

  at("private").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = at("whisper").value.trim();
    if (!text) return;
    at("whisper").value = "";
    pass(await device.send(partner, text));
    say(text, "ours");
  });

  await announce("here");
}

function say(text, kind) {
  const [item, body] = [document.createElement("li"), document.createElement("span")];
  item.className = kind;
  body.textContent = text;
  item.append(body);
  at("whispers").append(item);
}

function show(message) {
  at("wire").textContent = `on the wire, ${message.length} bytes: ${hex(message.subarray(0, 48))}…`;
}
