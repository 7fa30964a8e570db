// Pulls a large image until the power is cut. Says when the given part of its bytes has come, or that the pull is done.
// usage: cut-pull.ts PERCENT|done
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRegistry } from '../../support/registry.ts'

const when = process.argv[2]!
const registry = await openRegistry()
const image = `${registry.host}/web:1`
const manifest = await (await fetch(`http://${registry.host}/v2/web/manifests/1`, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })).json() as
  { config: { size: number }; layers: { size: number }[] }
const total = manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size)
registry.reset()
const pull = spawn('scow', ['pull', '-q', image], { stdio: ['ignore', 'pipe', 'inherit'] })
// Ends the job, and so the machine.
pull.on('exit', (code) => { if (code !== 0) process.exit(1) })
const sent = () => [...registry.blobBytes().values()].reduce((sum, bytes) => sum + bytes, 0)
if (when === 'done') {
  let id = ''
  pull.stdout.setEncoding('utf8').on('data', (text: string) => { id += text })
  await once(pull, 'close')
  console.log(JSON.stringify({ mark: id.trim() }))
} else {
  while (sent() * 100 < total * Number(when)) await sleep(20)
  console.log(JSON.stringify({ mark: 'pulling' }))
}
await sleep(600_000)
