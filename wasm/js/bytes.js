// What callers may pass for bytes.

/** Text becomes UTF-8; what is no bytes at all is left for the module to refuse. */
export function octets(value) {
  if (typeof value === "string") return new TextEncoder().encode(value);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value;
}

/** Several of 32 bytes, or all of them in one. */
export function joined(values) {
  if (!Array.isArray(values)) return values;
  const parts = values.map(octets);
  if (!parts.every((part) => part instanceof Uint8Array)) return undefined;
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return bytes;
}

/** Lower-case hexadecimal. */
export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of hexadecimal text. */
export function unhex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}
