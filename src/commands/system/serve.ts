import { integer, list, text } from '../../cli/option.ts'
import { serveSection, unknownSettings } from '../../config/serve.ts'
import { log } from '../../log.ts'
import { defineCommand } from '../command.ts'
import { applyLogSettings, serveSettings } from './serve-settings.ts'
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
    cniDefaultNetwork: text('--cni-default-network <name>', 'Name of the CNI list of pods; default the first of the directory'),
    logFormat: text('--log-format <format>', 'Form of the log\'s lines: logfmt or json; default logfmt'),
    pinImage: list('--pin-image <image>', 'Image that the kubelet must never collect'),
  },
  examples: ['serve --listen unix:///run/scow/scow.sock', '--log-level debug serve'],
  async run({ options, engine: open, interrupt }) {
    const { serve } = await import('../../cri/server/serve.ts')
    interrupt.takeOver(['SIGHUP'], () => undefined) // never the end of a server, also before it can reload
    const engine = await open()
    const listen = options.listen ?? serveSection(engine.config.own).listen
    await serve(engine, {
      listen, version: programVersion(), signal: interrupt.signal,
      settings: ({ own, engine: { logLevel } }) => {
        const section = serveSection(own)
        applyLogSettings(section, { logFormat: options.logFormat, logLevel })
        for (const line of unknownSettings(own)) log.warn(line)
        return serveSettings(section, options)
      },
      onHangUp: (reload) => { interrupt.takeOver(['SIGHUP'], reload) },
      onReady: () => log.notice(`listening on ${listen}`, { listen }),
    })
  },
})
