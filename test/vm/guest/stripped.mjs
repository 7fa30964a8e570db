// The second disk's .ts files have had their types taken out: they need no compiler, which an emulated processor takes
// seconds to load. Programs that the tests start by themselves have it still, to which they are right as well.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

registerHooks({
  load: (url, context, next) => (url.endsWith('.ts') ? { format: 'module', source: readFileSync(fileURLToPath(url)), shortCircuit: true } : next(url, context)),
})
