// On the second disk, each .ts file has one without types beside it: to take them out, an emulated processor first
// loads a compiler for seconds. Programs that the tests start by themselves do that still.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

registerHooks({
  load: (url, context, next) => (url.endsWith('.ts') ? { format: 'module', source: readFileSync(`${fileURLToPath(url)}.js`), shortCircuit: true } : next(url, context)),
})
