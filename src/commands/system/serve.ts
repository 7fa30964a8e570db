import { integer, list, text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { log } from '../../log.ts'
import type { ServeSettings } from '../../cri/server/settings.ts'
import { defineCommand } from '../command.ts'
import { programVersion } from './program-version.ts'

export const spec = defineCommand({
  name: 'serve',
  summary: 'Serve the Kubernetes Container Runtime Interface',
  description: 'Answers a kubelet, crictl or any other client of the CRI (v1 and v1alpha2) on a Unix socket, over the same images and containers as every other command. Containers run on when it ends.',
  options: {
    listen: text('--listen <address>', 'Socket to listen on; default unix:///run/scow/scow.sock'),
    streamAddress: text('--stream-address <address>', 'Address that exec, attach and port-forward are given; default 127.0.0.1'),
    streamPort: integer('--stream-port <port>', 'Port of it; default any'),
    streamTlsCert: text('--stream-tls-cert <file>', 'Certificate of it (PEM): makes it HTTPS', { complete: 'file' }),
    streamTlsKey: text('--stream-tls-key <file>', 'Private key of the certificate', { complete: 'file' }),
    streamTlsCa: text('--stream-tls-ca <file>', 'Authority of the certificates that its clients must have', { complete: 'file' }),
    metricsAddress: text('--metrics-address <address>', 'HOST:PORT of figures for Prometheus; default none'),
    pinImage: list('--pin-image <image>', 'Image that the kubelet must never collect'),
  },
  examples: ['serve --listen unix:///run/scow/scow.sock', '--log-level debug serve'],
  async run({ options, engine: open, interrupt }) {
    const listen = options.listen ?? 'unix:///run/scow/scow.sock'
    const { serve } = await import('../../cri/server/serve.ts')
    // The files that may change under it (registries, networks) are read when they are needed.
    interrupt.takeOver(['SIGHUP'], () => log.info('SIGHUP: nothing to load anew'))
    await serve(await open(), {
      listen, version: programVersion(), settings: settingsOf(options),
      onReady: () => log.info(`listening on ${listen}`), signal: interrupt.signal,
    })
  },
})

interface Given {
  readonly pinImage: readonly string[]
  readonly streamAddress: string | undefined
  readonly streamPort: number | undefined
  readonly streamTlsCert: string | undefined
  readonly streamTlsKey: string | undefined
  readonly streamTlsCa: string | undefined
  readonly metricsAddress: string | undefined
}

/** @throws invalid */
function settingsOf({ pinImage, streamAddress = '127.0.0.1', streamPort = 0, streamTlsCert: cert, streamTlsKey: key, streamTlsCa: ca, metricsAddress }: Given): ServeSettings {
  if ((cert === undefined) !== (key === undefined) || (ca !== undefined && cert === undefined)) {
    throw new Failure('invalid', 'a certificate of the streaming address needs its key', { hint: 'give --stream-tls-cert and --stream-tls-key together' })
  }
  const tls = cert === undefined || key === undefined ? {} : { tls: { cert, key, ...(ca === undefined ? {} : { ca }) } }
  return { pinnedImages: pinImage, streaming: { address: streamAddress, port: streamPort, ...tls }, ...(metricsAddress === undefined ? {} : { metricsAddress }) }
}
