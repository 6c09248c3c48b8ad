// Serves folders to a browser, without any header that a plain file server would not send.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** `mounts` maps the first part of a path to a folder; `log` hears every request. */
export async function serve(mounts, { log = () => {}, alter = (_, bytes) => bytes } = {}) {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const [, mount, ...rest] = path.split("/");
    const name = rest.join("/") || "index.html";
    log(path);
    try {
      const bytes = alter(path, await readFile(join(mounts[mount], name)));
      response.writeHead(200, {
        "content-type": TYPES[extname(name)] ?? "application/octet-stream",
        "content-length": bytes.length,
        "cache-control": "no-store",
      });
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}

/** Starts the browser that `playwright-core` in `npm` drives. */
export async function browse(npm, executablePath) {
  const { chromium } = await import(join(npm, "playwright-core/index.mjs"));
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

// `node serve.mjs PACKAGE DEMO`: the demo page for a person.
if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [folder, demo] = process.argv.slice(2);
  const { url } = await serve({ package: folder, demo });
  console.log(`open ${url}/demo/ in two tabs; Ctrl-C ends`);
}
