import type { ServeSettings } from '../../cri/server/settings.ts'
import type { ServeConfig } from '../../config-serve.ts'
import { Failure } from '../../errors.ts'
import { LOG_FORMATS, setLogFormat, setLogLevel, type LogFormat, type LogLevel } from '../../log.ts'

export interface ServeFlags {
  readonly streamAddress: string | undefined
  readonly streamPort: number | undefined
  readonly pinImage: readonly string[]
}

/** Flags win over [serve] of scow.toml; pinned images are those of both. */
export const serveSettings = (serve: ServeConfig, { streamAddress, streamPort, pinImage }: ServeFlags): ServeSettings => ({
  streaming: { address: streamAddress ?? serve.streamAddress, port: streamPort ?? serve.streamPort },
  pinnedImages: [...serve.pinnedImages, ...pinImage], handlers: serve.handlers, untrustedHandler: serve.untrustedHandler,
})

/** How the server logs from now on. @throws invalid */
export function applyLogSettings(serve: ServeConfig, { logFormat, logLevel }: { logFormat: string | undefined; logLevel: LogLevel }): void {
  if (logFormat !== undefined && !LOG_FORMATS.includes(logFormat as LogFormat)) throw new Failure('invalid', `unknown log format "${logFormat}"`, { hint: `use one of ${LOG_FORMATS.join(', ')}` })
  setLogFormat((logFormat as LogFormat | undefined) ?? serve.logFormat)
  setLogLevel(logLevel)
}
