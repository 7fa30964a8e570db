// Pulls a large image until the power is cut. Says when the given part of its bytes has come.
// usage: cut-pull.ts PERCENT
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRegistry } from '../../support/registry.ts'

const percent = Number(process.argv[2])
const registry = await openRegistry()
const image = `${registry.host}/web:1`
const manifest = await (await fetch(`http://${registry.host}/v2/web/manifests/1`, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })).json() as
  { config: { size: number }; layers: { size: number }[] }
const total = manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size)
registry.reset()
spawn('scow', ['pull', '-q', image], { stdio: ['ignore', 'ignore', 'inherit'] })
const sent = () => [...registry.blobBytes().values()].reduce((sum, bytes) => sum + bytes, 0)
while (sent() * 100 < total * percent) await sleep(20)
console.log(JSON.stringify({ mark: 'pulling' }))
await sleep(600_000)
