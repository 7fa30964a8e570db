// Images in registries: Docker Registry HTTP API v2, OCI distribution 1.1. One Registry serves any number of pulls;
// it keeps connections and tokens until it is closed. Nothing is read or loaded before it is needed.
import type { Descriptor } from '../image/descriptor.ts'
import type { Digest } from '../image/digest.ts'
import type { Reference } from '../image/reference.ts'
import type { NamedAuthorities } from './authorities.ts'
import type { Endpoint } from './endpoint.ts'
import { makeRegistry } from './make-registry.ts'
import type { RegistriesConf } from './registries-conf.ts'
import type { RegistryFiles } from './registry-files.ts'
import type { Timings } from './timings.ts'

/** What one command says about how to reach a registry; absent parts come from the configuration. */
export interface Access {
  /** `user[:password]`, as --creds takes it. */
  readonly creds?: string
  /** Instead of `creds`: exchanged for access tokens. */
  readonly identityToken?: string
  /** Instead of `creds`: sent as it is. */
  readonly registryToken?: string
  /** The host that these are for; absent: the registry of the reference. No other host gets them, not even its mirrors. */
  readonly credsHost?: string
  /** The only file that credentials are taken from. */
  readonly authFile?: string
  /** The only directory that certificates are taken from. */
  readonly certDir?: string
  /** false: any certificate will do, and plain HTTP where the host speaks no TLS. */
  readonly tlsVerify?: boolean
  /** Attempts after the first that fails in a way that may pass. Who says how often means a host that nobody listens at, too. */
  readonly retry?: number
  /** As configured, where `retry` is absent; 3 unless told. A host that refuses the first connection is not asked again. */
  readonly usualRetry?: number
  /** First pause between attempts, doubled each time; 2 s unless told. */
  readonly retryDelayMs?: number
}

/** A manifest that a registry gave, verified, and the way back to the content it names. */
export interface Resolved {
  readonly reference: Reference
  readonly endpoint: Endpoint
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

export interface Candidates {
  /** References to try in order. */
  readonly references: readonly Reference[]
  /** The name was typed without a registry. */
  readonly short: boolean
  /** Nothing decides among them: a person should, and by short-name-mode enforcing nobody else may. */
  readonly undecided?: { readonly name: string; readonly mustAsk: boolean }
}

export interface Request {
  readonly access?: Access
  readonly signal?: AbortSignal
}

export interface LocalImage {
  /** As containers-transports(5) calls it. */
  readonly transport: string
  /** Absolute, links resolved; '' of what comes through a pipe. */
  readonly path: string
  readonly image?: string | undefined
}

export interface Registry {
  /** What a typed name may mean: aliases and search registries for a short one. Failure invalid (name, registries.conf). */
  candidates(text: string): Promise<Candidates>
  /** What registries.conf says, for people. Failure invalid. */
  configured(): Promise<Pick<RegistriesConf, 'searchRegistries' | 'rules'>>
  /** Whether policy.json lets an image be taken that is in no registry. Failure denied. */
  admit(local: LocalImage): Promise<void>
  /** Keeps what a person chose for a short name (without tag): from now on it is an alias. */
  rememberAlias(name: string, chosen: Reference): Promise<void>
  /**
   * Manifest of a reference, from its mirrors or its registry.
   * Failures: notFound, denied, unavailable, invalid (digest or size differs), cancelled.
   */
  resolve(reference: Reference, request?: Request): Promise<Resolved>
  /** Digest that a tag has now, without its content where the registry says it in a header. */
  digest(reference: Reference, request?: Request): Promise<Descriptor>
  /** A further manifest of the same repository, verified. */
  manifest(resolved: Resolved, descriptor: Descriptor, signal?: AbortSignal): Promise<Uint8Array>
  /**
   * The blob's bytes from `offsetBytes` on. A broken connection is mended inside; the stream fails when bytes are missing or
   * too many. Not verified: the reader hashes it.
   */
  blob(resolved: Resolved, descriptor: Descriptor, offset: { offsetBytes: number; signal?: AbortSignal }): Promise<AsyncIterable<Uint8Array>>
  /** What came of a blob was wrong: from now on `blob` leaves out one place more, first those that are asked first. @returns whether one is left */
  distrust(resolved: Resolved, descriptor: Descriptor): Promise<boolean>
  /** Size of a blob whose manifest doesn't say it (schema 1). */
  blobSize(resolved: Resolved, digest: Digest, signal?: AbortSignal): Promise<number>
  /** Every tag of a repository. */
  tags(reference: Reference, request?: Request): Promise<string[]>
  /** Ends idle connections; streams that are still read fail. Idempotent. */
  close(): Promise<void>
}

export interface RegistryOptions {
  /** Configuration files; `registryFiles()` has the ecosystem's. */
  readonly files: RegistryFiles
  /** http_proxy and its kin, `[name, value]`, either spelling. */
  readonly proxies?: readonly (readonly [string, string])[]
  /** What the environment says of the authorities that are trusted everywhere; absent: those of Node, whatever the system has. */
  readonly authorities?: NamedAuthorities
  /** Environment and search path of credential helpers. */
  readonly helperEnv?: Readonly<Record<string, string | undefined>>
  readonly helperDirs?: readonly string[]
  readonly timings?: Partial<Timings>
}

export const openRegistry = (options: RegistryOptions): Registry => makeRegistry(options)
