// [serve] of scow.toml: what `scow serve` does where its flags say nothing.
import type { ConfigSource } from './files.ts'
import { readSection, type SectionReader } from './reader.ts'
import { LOG_FORMATS, type LogFormat } from '../log.ts'

export interface ServeConfig {
  /** `unix:///PATH` */
  readonly listen: string
  /** Where clients are sent for exec, attach and port-forward. */
  readonly streamAddress: string
  /** 0: any. */
  readonly streamPort: number
  /** PEM files of the streaming address; empty: plain HTTP. */
  readonly streamTlsCert: string
  readonly streamTlsKey: string
  readonly streamTlsCa: string
  /** `HOST:PORT` of the server's own figures; empty: none. */
  readonly metricsAddress: string
  /** Images that the kubelet must never collect, as a user types them. */
  readonly pinnedImages: readonly string[]
  /** Runtimes (names of [engine.runtimes], or paths) by the name that a RuntimeClass gives them. */
  readonly handlers: Readonly<Record<string, string>>
  /** Handler of pods that are annotated as untrusted; empty: they are refused. */
  readonly untrustedHandler: string
  /** Name of the CNI list that pods are connected to; empty: the first of the directory. */
  readonly cniDefaultNetwork: string
  readonly logFormat: LogFormat
}

export const MAX_PORT = 65_535

export const DEFAULT_LISTEN = 'unix:///run/scow/scow.sock'

/** @param sources of scow.toml alone */
export const serveSection = (sources: readonly ConfigSource[]): ServeConfig => readServe(sources).section

/** What of [serve] stands for nothing, a line for each file. */
export const unknownSettings = (sources: readonly ConfigSource[]): string[] => readServe(sources).read.misspelled()

function readServe(sources: readonly ConfigSource[]): { section: ServeConfig; read: SectionReader } {
  const read = readSection(sources, 'serve')
  const port = read.count('stream_port', 0)
  if (port < 0 || port > MAX_PORT) throw read.fail('stream_port', 'a port')
  const section: ServeConfig = {
    listen: read.text('listen', DEFAULT_LISTEN),
    streamAddress: read.text('stream_address', '127.0.0.1'),
    streamPort: port,
    streamTlsCert: read.text('stream_tls_cert', ''),
    streamTlsKey: read.text('stream_tls_key', ''),
    streamTlsCa: read.text('stream_tls_ca', ''),
    metricsAddress: read.text('metrics_address', ''),
    pinnedImages: read.list('pinned_images', []),
    handlers: read.texts('handlers'),
    untrustedHandler: read.text('untrusted_handler', ''),
    cniDefaultNetwork: read.text('cni_default_network', ''),
    logFormat: read.choice('log_format', LOG_FORMATS, 'logfmt'),
  }
  return { section, read }
}
