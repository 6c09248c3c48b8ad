// The worker's side of a call: objects behind numbers, one call at a time.
//
// A message is `{ call, target, method, args }`; the answer `{ call, value }` or `{ call, error }`.
// An argument or value that is an object of the module travels as `{ handle }`.

import { asLogosError, LogosError } from "./errors.js";

/** Serves calls into `module`, whose classes and functions are named by `target`. */
export class Server {
  #module;
  #objects = new Map();
  #next = 1;
  #broken;

  constructor(module) {
    this.#module = module;
  }

  /** Answers one message; never throws. */
  answer({ call, target, method, args }) {
    try {
      if (this.#broken) throw this.#broken;
      return { call, value: this.#wrap(this.#perform(target, method, args)) };
    } catch (thrown) {
      const error = asLogosError(thrown);
      if (error.code === "broken") this.#broken = error;
      return { call, error: { code: error.code, message: error.message } };
    }
  }

  #perform(target, method, args) {
    const values = args.map((arg) => this.#unwrap(arg));
    if (method === "free") return this.#free(target);
    if (typeof target === "number") {
      const object = this.#object(target);
      const member = object[method];
      return typeof member === "function" ? member.apply(object, values) : member;
    }
    return target === "" ? this.#module[method](...values) : this.#module[target][method](...values);
  }

  #free(handle) {
    this.#objects.get(handle)?.free();
    this.#objects.delete(handle);
  }

  #object(handle) {
    const object = this.#objects.get(handle);
    if (!object) throw new LogosError("argument", "the object was freed, or is of another worker");
    return object;
  }

  #unwrap(arg) {
    return typeof arg?.handle === "number" ? this.#object(arg.handle) : arg;
  }

  #wrap(value) {
    if (typeof value?.free !== "function") return value;
    const handle = this.#next++;
    this.#objects.set(handle, value);
    return { handle };
  }
}
