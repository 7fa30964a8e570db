import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { after, before, type TestContext } from 'node:test'
import { isOwnProgram, openBox, type Box, type BoxOptions } from './box.ts'
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

/** The first box of a file pulls, the others get what it had then: a twentieth of the time, many times in a run. */
const copyRoot = (from: string, to: string) => execFileSync('cp', ['-aT', from, to])

/** To be called at the top of a test file. */
export function openSuite(): Suite {
  let registry: Registry | undefined
  let withBusybox: string | undefined
  before(async () => { registry = await openRegistry() })
  after(async () => {
    if (withBusybox) rmSync(withBusybox, { recursive: true })
    await registry?.close()
  })
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
      if (withBusybox) {
        copyRoot(withBusybox, box.root)
        return box
      }
      await box.ok('pull', '-q', `${opened().host}/busybox:1`)
      if (isOwnProgram) copyRoot(box.root, withBusybox = mkdtempSync('/tmp/busybox-'))
      return box
    },
  }
}
