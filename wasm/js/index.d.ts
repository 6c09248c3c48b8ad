// The types of the package.

/** 32 bytes each, in one array or one after another. */
export type Elements = Uint8Array | Uint8Array[];
/** Bytes, or text that becomes UTF-8. */
export type Octets = Uint8Array | ArrayBuffer | string;

/** What went wrong, for programs. */
export type LogosErrorCode =
  | "argument" // an argument has the wrong type, length or range
  | "encoding" // bytes are not the encoding of what was asked for
  | "limit" // a limit is zero or too large, or an id is not below it
  | "exhausted" // all message ids of the epoch are used
  | "used" // a message id was used before
  | "tree" // there is no such leaf, or no room for another
  | "key" // the key is truncated, damaged, or not the expected one
  | "proof" // no proof can be made of this
  | "recover" // the proofs give no secret away
  | "log" // the log keeps no such epoch, or is full
  | "sealed" // wrong key or passphrase, or damaged
  | "bundle" // the bundle is damaged or expired
  | "session" // not encrypted or decrypted, or there is no session
  | "packet" // the packet, route or reply block cannot be used
  | "randomness" // the platform gave no randomness
  | "network" // the key was not fetched
  | "storage" // durable storage failed
  | "worker" // the worker or the module did not start, or there are no workers here
  | "broken" // the instance ended by a defect of this package
  | "closed"; // the instance was closed

export class LogosError extends Error {
  readonly code: LogosErrorCode;
}

export interface OpenOptions {
  /** Where the module is, or its bytes; beside this file if not given. */
  module?: string | URL | Uint8Array;
  /** Where the packed key is, or its bytes; beside this file if not given. */
  key?: string | URL | Uint8Array;
  /** SHA-256 of the unpacked key, in hex, of a key that is not the deployed one. */
  keySha256?: string;
  /** 0: in this thread. 1, the default for pages: a worker. 2: proofs are made by two workers. */
  workers?: 0 | 1 | 2;
}

/** Starts the package. */
export function open(options?: OpenOptions): Promise<Logos>;

/** Frees what an object holds in its instance, at once and not when it is collected. */
interface Freed {
  free(): void;
}

export interface Checking {
  /** Prepares a verifying key; the deployed one if none is given. */
  createVerifier(key?: Uint8Array): Promise<Verifier>;
  createLog(bounds?: { epochs?: number; capacity?: number }): Promise<NullifierLog>;
  /** The secret of a member who sent two messages under one id. Verify both proofs first. */
  recover(first: Uint8Array, second: Uint8Array): Promise<Uint8Array>;
  /** What messages are counted against: 32 bytes. */
  externalNullifier(epoch: Octets, application: Octets): Promise<Uint8Array>;
}

export interface Identities {
  createIdentity(): Promise<Identity>;
  /** As guessable as the seed; the same as zerokit's for it. */
  seededIdentity(seed: Octets): Promise<Identity>;
  /** zerokit's 64 bytes. */
  importIdentity(bytes: Uint8Array): Promise<Identity>;
  openIdentity(key: Uint8Array, sealed: Uint8Array): Promise<Identity>;
  /** An empty membership tree, of depth 20 as deployed if not said otherwise. */
  createTree(depth?: number): Promise<Tree>;
}

export interface Hop {
  /** The mix node's key, 32 bytes. */
  key: Uint8Array;
  /** Where it is, 94 bytes. */
  address: Uint8Array;
  /** Milliseconds that it holds the packet on average, at least 1. */
  delay: number;
}

export interface Logos extends Checking, Identities {
  /** Loads the key (once) and makes a prover. */
  createProver(options?: {
    /** Hears the part of the key that was loaded, from 0 to 1. */
    onProgress?: (part: number) => void;
    /** How much is computed ahead. `none`, the default, is ready at once. */
    tables?: "none" | "small";
    signal?: AbortSignal;
  }): Promise<Prover>;
  /** A new device for sessions; without `records` its state ends with the page. */
  createDevice(options?: { records?: Records }): Promise<Device>;
  openDevice(key: Uint8Array, sealed: Uint8Array, options?: { records?: Records }): Promise<Device>;
  /** Whose bundle it is, 32 bytes. */
  bundleIdentity(bundle: string): Promise<Uint8Array>;
  /** Wraps a message in a packet of 4608 bytes, to be sent to the first hop. */
  wrapPacket(packet: {
    hops: Hop[];
    /** Who gets it at the exit, 94 bytes; the exit itself if not given. */
    destination?: Uint8Array;
    codec: string;
    data: Octets;
    /** Blocks to reply with. */
    surbs?: Uint8Array[];
  }): Promise<Uint8Array>;
  /** A block for a reply that comes along `hops`, the last of which is one's own node. */
  createReplyBlock(hops: Hop[]): Promise<ReplyBlock>;
  /** Replies by a block that a packet carried, which is used up. */
  reply(surb: Uint8Array, data: Octets): Promise<{ firstHop: Uint8Array; packet: Uint8Array }>;
  createMixNode(): Promise<MixNode>;
  openMixNode(key: Uint8Array, sealed: Uint8Array): Promise<MixNode>;
  /** Ends the instances and everything in them. */
  close(): void;
}

export interface Identity extends Freed {
  /** The public name, 32 bytes. */
  commitment(): Promise<Uint8Array>;
  /** The leaf of the membership tree, 32 bytes. */
  leaf(limit: number): Promise<Uint8Array>;
  /** Sealed under a key of 32 bytes, to be stored. The secret itself never leaves. */
  seal(key: Uint8Array): Promise<Uint8Array>;
}

export interface Tree extends Freed {
  /** The index of the first. */
  append(leaves: Elements): Promise<number>;
  set(index: number, leaf: Uint8Array): Promise<void>;
  remove(index: number): Promise<void>;
  root(): Promise<Uint8Array>;
  /** Leaves up to the last one ever set. */
  used(): Promise<number>;
  leaf(index: number): Promise<Uint8Array>;
  /** The path of a leaf, as provers take it. */
  path(index: number): Promise<Uint8Array>;
}

export interface Claim {
  /** The roots that are accepted. */
  roots: Elements;
  /** What the proof has to count against; not checked if not given. */
  externalNullifier?: Uint8Array;
}

export type Refusal = "encoding" | "root" | "message" | "epoch" | "circuit" | "invalid";

export interface Verifier extends Freed {
  /** Is the proof to be accepted for this message? */
  verify(proof: Uint8Array, message: Octets, claim: Claim): Promise<boolean>;
  /** Why it is not; `undefined` if it is. */
  refusal(proof: Uint8Array, message: Octets, claim: Claim): Promise<Refusal | undefined>;
  /** Many at once: a fraction of the cost of one by one. */
  verifyBatch(proofs: Uint8Array[], messages: Octets[], claim: Claim): Promise<boolean[]>;
}

export interface NullifierLog extends Freed {
  /** Starts keeping an epoch. */
  open(externalNullifier: Uint8Array): Promise<void>;
  /** Judges a verified proof. A double signal comes with the secret it gives away. */
  record(proof: Uint8Array): Promise<{
    verdict: "fresh" | "duplicate" | "double-signal";
    secret?: Uint8Array;
  }>;
}

export interface Prover extends Freed {
  /** How many workers make a proof. */
  readonly workers: 1 | 2;
  verifyingKey(): Promise<Uint8Array>;
  /** Proves with an id of the caller's: two messages under one give the secret away. */
  prove(statement: {
    identity: Identity;
    limit: number;
    path: Uint8Array;
    externalNullifier: Uint8Array;
    message: Octets;
    messageId: number;
  }): Promise<Uint8Array>;
  /** A member who sends: keeps account of ids, and has slots made in idle time. */
  member(options: {
    identity: Identity;
    limit: number;
    path: Uint8Array;
    /** Slots kept ready, for the current epoch and as many for the next: 4. */
    slots?: number;
    /** The durable account; `Vault.ledger` or one's own. In memory if not given. */
    ledger?: Ledger;
  }): Promise<Member>;
}

export interface Member extends Freed {
  /** Starts an epoch: external nullifiers of it and of the next. */
  enter(epoch: { current: Uint8Array; next: Uint8Array }): Promise<void>;
  /** Proves a message; fails with `exhausted` when the epoch's ids are used. */
  prove(message: Octets): Promise<Uint8Array>;
  /** Follows the tree: the path after somebody joined or left. */
  refresh(path: Uint8Array): Promise<void>;
  /** Slots that are ready for this epoch. */
  ready(): Promise<number>;
  /** Makes all wanted slots now. */
  fill(): Promise<void>;
  root(): Promise<Uint8Array>;
}

/**
 * A durable account of used message ids. `burn` raises the first free id to `to`, is on disk when it
 * resolves, and fails with code `used` if that id was not free any more.
 */
export interface Ledger {
  firstFree(epoch: string): Promise<number>;
  burn(epoch: string, to: number): Promise<void>;
}

/** Durable session records. `write` is one transaction; an empty record is to be removed. */
export interface Records {
  all(): Promise<[name: Uint8Array, record: Uint8Array][]>;
  write(changes: [name: Uint8Array, record: Uint8Array][]): Promise<void>;
}

export interface Received {
  peer: Uint8Array;
  session: Uint8Array;
  isNew: boolean;
  content: Uint8Array;
}

export interface Device extends Freed {
  identity(): Promise<Uint8Array>;
  seal(key: Uint8Array): Promise<Uint8Array>;
  /** A bundle as text, for who wants to write to this device. */
  publish(plan: { expires: Date | number; oneTime?: number }): Promise<string>;
  /** The first message of a session. */
  initiate(bundle: string, content: Octets): Promise<Uint8Array>;
  send(peer: Uint8Array, content: Octets): Promise<Uint8Array>;
  /** The first message of a session needs no `peer`. */
  receive(message: Uint8Array, peer?: Uint8Array): Promise<Received>;
}

export interface ReplyBlock extends Freed {
  /** 734 bytes for whoever shall reply. */
  surb(): Promise<Uint8Array>;
  /** Opens the reply in a packet that `MixNode.process` said is one; once. */
  open(packet: Uint8Array): Promise<Uint8Array>;
}

export interface MixNode extends Freed {
  publicKey(): Promise<Uint8Array>;
  seal(key: Uint8Array): Promise<Uint8Array>;
  process(packet: Uint8Array): Promise<
    | { kind: "forward"; packet: Uint8Array; address: Uint8Array; delay?: number }
    | { kind: "reply"; packet: Uint8Array }
    | {
        kind: "deliver";
        packet: Uint8Array;
        address: Uint8Array;
        codec: string;
        data: Uint8Array;
        surbs: Uint8Array[];
      }
  >;
}

/** Something that can be sealed. */
interface Sealable {
  seal(key: Uint8Array): Promise<Uint8Array>;
}

/** Durable storage under a passphrase, in IndexedDB. Pages only. */
export class Vault {
  static open(passphrase: string, options?: { name?: string }): Promise<Vault>;
  store(name: string, object: Sealable): Promise<void>;
  load<T>(
    name: string,
    open: (key: Uint8Array, sealed: Uint8Array) => Promise<T>,
  ): Promise<T | undefined>;
  remove(name: string): Promise<void>;
  ledger(member: string): Ledger;
  records(device: string): Records;
  close(): void;
}

/** An account of used ids that ends with the page. */
export function memoryLedger(): Ledger;
export function hex(bytes: Uint8Array): string;
export function unhex(text: string): Uint8Array;
