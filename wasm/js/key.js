// The proving key: fetched with progress, unpacked while it arrives, checked, kept.
//
// The file is gzip by content and not by name, lest a server declare it as an encoding.

import { LogosError } from "./errors.js";

const CACHE = "logos-keys-1";

/**
 * Loads a gzipped key and checks its SHA-256 (of the unpacked bytes, in hex).
 *
 * `onProgress` hears the part done, from 0 to 1. A key that was loaded before comes from the
 * page's Cache API and is checked all the same; without that API it is fetched anew.
 */
export async function loadKey(url, sha256, { bytes, onProgress, signal } = {}) {
  const checked = (response) => unpacked(response, sha256, { bytes, onProgress });
  const cache = await openCache();
  const name = `${new URL(url, globalThis.location?.href ?? "http://localhost/")}#${sha256}`;
  const kept = await cache?.match(name);
  if (kept) {
    const key = await checked(kept).catch(() => undefined);
    if (key) return key;
    await cache.delete(name);
  }
  const response = await fetched(url, signal);
  const storing = cache ? keep(cache, name, response.clone()) : undefined;
  try {
    const key = await checked(response);
    await storing;
    return key;
  } catch (error) {
    await storing;
    await cache?.delete(name);
    throw error;
  }
}

/** Unpacks key bytes that are at hand, as in Node, and checks them. */
export const unpackKey = (packed, sha256, options = {}) =>
  unpacked(new Response(packed), sha256, options);

async function unpacked(response, sha256, { bytes, onProgress }) {
  const key = await read(response, bytes, onProgress);
  if ((await digest(key)) !== sha256) {
    throw new LogosError("key", "the key is not the one this package was built for");
  }
  return key;
}

async function fetched(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    throw new LogosError("network", `the key was not fetched: ${error.message}`);
  }
  if (!response.ok) throw new LogosError("network", `the key was not fetched: ${response.status}`);
  return response;
}

// A full disk or a private window keeps nothing; the key is there all the same.
async function keep(cache, name, response) {
  try {
    await cache.put(name, response);
  } catch {
    await cache.delete(name).catch(() => {});
  }
}

async function openCache() {
  try {
    return await globalThis.caches?.open(CACHE);
  } catch {
    return undefined;
  }
}

/** Reads a body through gzip, chunk by chunk, into one buffer of the expected length. */
async function read(response, expected, onProgress) {
  const chunks = [];
  let length = 0;
  try {
    const reader = response.body.pipeThrough(new DecompressionStream("gzip")).getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length;
      if (expected && length > expected) throw new Error("too long");
      chunks.push(next.value);
      if (expected) onProgress?.(Math.min(length / expected, 1));
    }
  } catch (error) {
    throw new LogosError("key", `the key is damaged: ${error.message}`);
  }
  if (expected && length !== expected) throw new LogosError("key", "the key is truncated");
  const key = new Uint8Array(length);
  chunks.reduce((at, chunk) => (key.set(chunk, at), at + chunk.length), 0);
  return key;
}

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
