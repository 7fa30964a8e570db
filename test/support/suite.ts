import { after, before, type TestContext } from 'node:test'
import { openBox, type Box, type BoxOptions } from './box.ts'
import { openRegistry, type Registry } from './registry.ts'

/** A registry for the whole test file, and the names of its small images. */
export interface Suite {
  readonly registry: Registry
  readonly busybox: string
  readonly probe: string
  readonly web: string
  /** A box that has the busybox image already. */
  box(t: TestContext, options?: BoxOptions): Promise<Box>
}

/** To be called at the top of a test file. */
export function openSuite(): Suite {
  let registry: Registry | undefined
  before(async () => { registry = await openRegistry() })
  after(() => registry?.close())
  const opened = () => {
    if (!registry) throw new Error('the registry is open only while tests run')
    return registry
  }
  return {
    get registry() { return opened() },
    get busybox() { return `${opened().host}/busybox:1` },
    get probe() { return `${opened().host}/probe:1` },
    get web() { return `${opened().host}/web:1` },
    box: async (t, options) => {
      const box = await openBox(t, options)
      await box.ok('pull', '-q', `${opened().host}/busybox:1`)
      return box
    },
  }
}
