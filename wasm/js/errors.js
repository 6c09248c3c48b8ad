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
  return new LogosError("argument", thrown instanceof Error ? thrown.message : String(thrown));
}
