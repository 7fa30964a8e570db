import { integer, list, text } from '../../cli/option.ts'
import { log } from '../../log.ts'
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
    pinImage: list('--pin-image <image>', 'Image that the kubelet must never collect'),
  },
  examples: ['serve --listen unix:///run/scow/scow.sock', '--log-level debug serve'],
  async run({ options, engine: open, interrupt }) {
    const listen = options.listen ?? 'unix:///run/scow/scow.sock'
    const { serve } = await import('../../cri/server/serve.ts')
    // The files that may change under it (registries, networks) are read when they are needed.
    interrupt.takeOver(['SIGHUP'], () => log.info('SIGHUP: nothing to load anew'))
    await serve(await open(), {
      listen, version: programVersion(), settings: { pinnedImages: options.pinImage, streaming: { address: options.streamAddress ?? '127.0.0.1', port: options.streamPort ?? 0 } },
      onReady: () => log.info(`listening on ${listen}`), signal: interrupt.signal,
    })
  },
})
