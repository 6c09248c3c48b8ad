// A worker with an instance of its own. Its first message may say where the module is.

import init, * as module from "./module/full.js";
import { asLogosError } from "./errors.js";
import { Server } from "./server.js";

let server;

addEventListener("message", async ({ data }) => {
  if (server) {
    postMessage(server.answer(data));
    return;
  }
  try {
    await init(data.module ? { module_or_path: data.module } : undefined);
    server = new Server(module);
    postMessage({ call: 0 });
  } catch (thrown) {
    const { message } = asLogosError(thrown);
    postMessage({ call: 0, error: { code: "worker", message } });
  }
});
