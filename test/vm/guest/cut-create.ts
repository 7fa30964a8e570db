// Creates containers, three at a time, until the power is cut; names each that scow has said to be there.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { openRegistry } from '../../support/registry.ts'

const run = promisify(execFile)
await using registry = await openRegistry()
const image = `${registry.host}/busybox:1`
await run('scow', ['pull', '-q', image])
let next = 0
await Promise.all([1, 2, 3].map(async () => {
  for (;;) {
    const name = `cut-${next++}`
    await run('scow', ['create', '--name', name, image, 'sh', '-c', 'echo sails'])
    console.log(JSON.stringify({ mark: name }))
  }
}))
