// Durable storage in IndexedDB, under a key from a passphrase: sealed identities and devices, used
// message ids, session records.

import { LogosError, guardMethods, guarded, guardedAll } from "./errors.js";

/** OWASP's figure for PBKDF2 with SHA-256. */
const ITERATIONS = 600_000;
const STORES = ["settings", "sealed", "ledger", "records"];
const CHECK = new TextEncoder().encode("logos-vault-1");

export class Vault {
  #database;
  #key;

  constructor(database, key) {
    this.#database = database;
    this.#key = key;
  }

  /** Opens a vault, or makes it. A wrong passphrase is a `LogosError` with code `sealed`. */
  static open = guarded(async (passphrase, { name = "logos" } = {}) => {
    const database = await openDatabase(name);
    const drawn = { salt: crypto.getRandomValues(new Uint8Array(32)), iterations: ITERATIONS };
    const { salt, iterations } = await agreed(database, "derivation", drawn);
    const key = await derive(passphrase, salt, iterations);
    const tag = await authenticator(key);
    const expected = await agreed(database, "tag", tag);
    if (tag.some((byte, at) => byte !== expected[at])) {
      database.close();
      throw new LogosError("sealed", "the passphrase is not this vault's");
    }
    return new Vault(database, key);
  });

  /** Seals an identity, device or mix node under a name. */
  async store(name, object) {
    await put(this.#database, "sealed", name, await object.seal(this.#key));
  }

  /** Opens what was stored, by one of the `open` functions of the package; `undefined` if nothing was. */
  async load(name, open) {
    const sealed = await get(this.#database, "sealed", name);
    return sealed ? await open(this.#key, sealed) : undefined;
  }

  async remove(name) {
    await transact(this.#database, "sealed", "readwrite", (store) => store.delete(name));
  }

  /** The account of used message ids of one member. */
  ledger(member) {
    const name = (epoch) => `${member}/${epoch}`;
    return guardedAll({
      firstFree: async (epoch) => (await get(this.#database, "ledger", name(epoch))) ?? 0,
      burn: (epoch, to) => raise(this.#database, name(epoch), to),
    });
  }

  /** The session records of one device. */
  records(device) {
    return guardedAll({
      all: () => recordsOf(this.#database, device),
      write: (changes) =>
        transact(this.#database, "records", "readwrite", (store) => {
          for (const [name, record] of changes) {
            if (record.length === 0) store.delete([device, ...name].join());
            else store.put({ device, name, record }, [device, ...name].join());
          }
        }),
    });
  }

  close() {
    this.#key.fill(0);
    this.#database.close();
  }
}

guardMethods(Vault, ["ledger", "records"]);

// Reading and writing are one transaction, so two tabs that make a vault make the same one.
async function agreed(database, name, proposed) {
  let value;
  await transact(database, "settings", "readwrite", (store) => {
    const request = store.get(name);
    request.onsuccess = () => {
      value = request.result ?? proposed;
      if (request.result === undefined) store.put(proposed, name);
    };
  });
  return value;
}

async function derive(passphrase, salt, iterations) {
  const secret = new TextEncoder().encode(passphrase);
  const base = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt, iterations };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, base, 256));
}

async function authenticator(key) {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, CHECK));
}

function openDatabase(name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => STORES.forEach((store) => request.result.createObjectStore(store));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new LogosError("storage", "the vault was not opened"));
  });
}

/** One transaction, done when it is on disk. */
function transact(database, store, mode, work) {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(store, mode, { durability: "strict" });
    const result = work(transaction.objectStore(store));
    transaction.oncomplete = () => resolve(result?.result);
    transaction.onabort = transaction.onerror = () =>
      reject(new LogosError("storage", transaction.error?.message ?? "the transaction failed"));
  });
}

const get = (database, store, name) => transact(database, store, "readonly", (at) => at.get(name));

const put = (database, store, name, value) =>
  transact(database, store, "readwrite", (at) => at.put(value, name));

// Reading and raising are one transaction, so of two tabs that burn one id one fails.
async function raise(database, name, to) {
  let taken = false;
  await transact(database, "ledger", "readwrite", (store) => {
    const request = store.get(name);
    request.onsuccess = () => {
      taken = (request.result ?? 0) >= to;
      if (!taken) store.put(to, name);
    };
  });
  if (taken) throw new LogosError("used", "the id was used before");
}

async function recordsOf(database, device) {
  const all = await transact(database, "records", "readonly", (store) => store.getAll());
  return all.filter((entry) => entry.device === device).map(({ name, record }) => [name, record]);
}
