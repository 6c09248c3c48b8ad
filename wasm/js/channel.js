// The caller's side: an instance in a worker, or in this thread.

import { LogosError } from "./errors.js";
import { Server } from "./server.js";

/** Objects that nobody holds any more are freed in their instance. */
const forgotten = new FinalizationRegistry(({ channel, handle }) => channel.release(handle));

/** An object that lives in an instance. */
export class Remote {
  constructor(channel, handle) {
    this.channel = channel;
    this.handle = handle;
    forgotten.register(this, { channel, handle }, this);
  }

  /** Calls a method, or reads a property. */
  call(method, ...args) {
    return this.channel.call(this.handle, method, args);
  }

  /** Frees the object now. */
  free() {
    forgotten.unregister(this);
    this.channel.release(this.handle);
  }
}

/** Calls into one instance. */
export class Channel {
  #send;
  #close;
  #waiting = new Map();
  #next = 1;
  #ended;

  constructor(connect) {
    const { send, close } = connect(
      (message) => this.#settle(message),
      (error) => this.end(error),
    );
    this.#send = send;
    this.#close = close;
  }

  /** An instance in this thread: calls block it. */
  static here(module) {
    const server = new Server(module);
    return new Channel((settle) => ({
      send: (message) => queueMicrotask(() => settle(server.answer(message))),
      close: () => {},
    }));
  }

  /** An instance in a worker, once it has started. */
  static async start(worker, module) {
    let started;
    const ready = new Promise((resolve, reject) => (started = { resolve, reject }));
    const channel = new Channel((settle, end) => {
      worker.onmessage = ({ data }) => (data.call === 0 ? begin(data, started) : settle(data));
      worker.onerror = (event) => {
        const error = new LogosError("worker", event.message || "the worker did not start");
        started.reject(error);
        end(error);
      };
      return { send: (message) => worker.postMessage(message), close: () => worker.terminate() };
    });
    worker.postMessage({ module });
    try {
      await ready;
    } catch (error) {
      channel.end(error);
      throw error;
    }
    return channel;
  }

  /** Calls `method` of a class (by name), of an object (by handle) or of the module (`""`). */
  async call(target, method, args) {
    if (this.#ended) throw this.#ended;
    const call = this.#next++;
    const plain = args.map((arg) => this.#plain(arg));
    return await new Promise((resolve, reject) => {
      this.#waiting.set(call, { resolve, reject });
      try {
        this.#send({ call, target, method, args: plain });
      } catch (thrown) {
        // A function, say, which does not travel to a worker.
        this.#waiting.delete(call);
        reject(new LogosError("argument", thrown.message));
      }
    });
  }

  /** Frees an object. */
  release(handle) {
    if (!this.#ended) this.#send({ call: -1, target: handle, method: "free", args: [] });
  }

  /** Ends the instance; calls under way fail. */
  end(error = new LogosError("closed", "the instance was closed")) {
    if (this.#ended) return;
    this.#ended = error;
    this.#close();
    this.#waiting.forEach(({ reject }) => reject(error));
    this.#waiting.clear();
  }

  #plain(arg) {
    const remote = arg?.remote ?? arg;
    if (!(remote instanceof Remote)) return arg;
    if (remote.channel === this) return { handle: remote.handle };
    throw new LogosError("argument", "the object is of another instance");
  }

  #settle({ call, value, error }) {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    if (error) waiting?.reject(new LogosError(error.code, error.message));
    else waiting?.resolve(typeof value?.handle === "number" ? new Remote(this, value.handle) : value);
  }
}

function begin({ error }, { resolve, reject }) {
  if (error) reject(new LogosError(error.code, error.message));
  else resolve();
}
