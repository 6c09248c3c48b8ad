// The one error type of the package.

/** An error with a `code` for programs; see `LogosErrorCode` in index.d.ts. */
export class LogosError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "LogosError";
    this.code = code;
  }
}

/** Any thrown value as a `LogosError`. What is none of ours is an argument that has no use. */
export function asLogosError(thrown) {
  if (thrown instanceof LogosError) return thrown;
  if (thrown?.name === "LogosError" && typeof thrown.code === "string") {
    return new LogosError(thrown.code, thrown.message);
  }
  if (globalThis.WebAssembly && thrown instanceof WebAssembly.RuntimeError) {
    return new LogosError("broken", `the instance ended: ${thrown.message}`);
  }
  if (isModuleError(thrown)) return new LogosError("worker", `the module does not start: ${thrown.message}`);
  return new LogosError("argument", thrown instanceof Error ? thrown.message : String(thrown));
}

function isModuleError(thrown) {
  const { CompileError, LinkError } = globalThis.WebAssembly ?? {};
  return [CompileError, LinkError].some((kind) => kind && thrown instanceof kind);
}

/**
 * A function whose every failure is a rejection, and a `LogosError` if arguments are to blame: what is
 * taken apart here, before the module sees it, throws a `TypeError` when it has another shape.
 */
export function guarded(work) {
  return async function (...args) {
    try {
      return await work.apply(this, args);
    } catch (thrown) {
      throw thrown instanceof TypeError || isModuleError(thrown) ? asLogosError(thrown) : thrown;
    }
  };
}

/** Guards all functions of an object. */
export function guardedAll(functions) {
  return Object.fromEntries(Object.entries(functions).map(([name, work]) => [name, guarded(work)]));
}

/** Guards all methods of a class but those that answer at once. */
export function guardMethods(Class, atOnce = []) {
  for (const name of Object.getOwnPropertyNames(Class.prototype)) {
    const { value } = Object.getOwnPropertyDescriptor(Class.prototype, name);
    const answersAtOnce = ["constructor", "free", "close", ...atOnce].includes(name);
    if (typeof value === "function" && !answersAtOnce) Class.prototype[name] = guarded(value);
  }
}
