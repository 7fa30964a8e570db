import type { ServeSettings } from '../../cri/server/settings.ts'
import { MAX_PORT, type ServeConfig } from '../../config/serve.ts'
import { Failure } from '../../errors.ts'
import { LOG_FORMATS, setLogFormat, setLogLevel, type LogFormat, type LogLevel } from '../../log.ts'

export interface ServeFlags {
  readonly streamAddress: string | undefined
  readonly streamPort: number | undefined
  readonly streamTlsCert: string | undefined
  readonly streamTlsKey: string | undefined
  readonly streamTlsCa: string | undefined
  readonly metricsAddress: string | undefined
  readonly pinImage: readonly string[]
  readonly cniDefaultNetwork: string | undefined
}

/** Flags win over [serve] of scow.toml; pinned images are those of both. @throws invalid: a certificate without its key, a port that is none */
export function serveSettings(serve: ServeConfig, flags: ServeFlags): ServeSettings {
  const tls = streamTls({ cert: flags.streamTlsCert ?? serve.streamTlsCert, key: flags.streamTlsKey ?? serve.streamTlsKey, ca: flags.streamTlsCa ?? serve.streamTlsCa })
  const network = flags.cniDefaultNetwork ?? serve.cniDefaultNetwork
  const metricsAddress = flags.metricsAddress ?? serve.metricsAddress
  if ((flags.streamPort ?? 0) > MAX_PORT) throw new Failure('invalid', `--stream-port must be a port, not ${flags.streamPort}`)
  return {
    streaming: { address: flags.streamAddress ?? serve.streamAddress, port: flags.streamPort ?? serve.streamPort, ...(tls ? { tls } : {}) },
    ...(metricsAddress === '' ? {} : { metricsAddress }),
    pinnedImages: [...serve.pinnedImages, ...flags.pinImage], handlers: serve.handlers, untrustedHandler: serve.untrustedHandler,
    ...(network === '' ? {} : { network }),
  }
}

function streamTls({ cert, key, ca }: { cert: string; key: string; ca: string }): ServeSettings['streaming']['tls'] {
  if ((cert === '') !== (key === '') || (ca !== '' && cert === '')) {
    throw new Failure('invalid', 'a certificate of the streaming address needs its key', { hint: 'give --stream-tls-cert and --stream-tls-key together' })
  }
  return cert === '' ? undefined : { cert, key, ...(ca === '' ? {} : { ca }) }
}

/** How the server logs from now on. @throws invalid */
export function applyLogSettings(serve: ServeConfig, { logFormat, logLevel }: { logFormat: string | undefined; logLevel: LogLevel }): void {
  if (logFormat !== undefined && !LOG_FORMATS.includes(logFormat as LogFormat)) throw new Failure('invalid', `unknown log format "${logFormat}"`, { hint: `use one of ${LOG_FORMATS.join(', ')}` })
  setLogFormat((logFormat as LogFormat | undefined) ?? serve.logFormat)
  setLogLevel(logLevel)
}
