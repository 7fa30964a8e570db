import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { boot, type BootOptions } from './machine.ts'
import { allowedSkips } from './allowed-skips.ts'

export interface JobOptions extends BootOptions {
  /** The power goes when the job is done, instead of the guest switching itself off. */
  readonly endsByCut?: boolean
}

/** Boots for a job of tests; each test of the guest becomes one of `t`. */
export async function runJob(t: TestContext, { endsByCut = false, job, ...options }: JobOptions): Promise<void> {
  const machine = boot({ ...options, job: endsByCut ? `${job} scow.stay` : job })
  let [count, finished] = [0, false]
  try {
    for await (const { test, mark, said } of machine.reports()) {
      if (mark === 'done') finished = true
      if (finished && endsByCut) break
      if (said) console.error(said.trimEnd())
      if (!test) continue
      count++
      const skip = test.skipped !== undefined && test.name in allowedSkips ? allowedSkips[test.name]! : false
      await t.test(`${test.file}: ${test.name} (${(test.ms / 1000).toFixed(1)} s)`, { skip }, () => {
        if (test.failure !== undefined) throw new Failed(test.failure)
        assert.ok(test.skipped === undefined || skip, `skipped (${test.skipped}), and not on the list of allowed skips`)
      })
    }
  } finally {
    await machine.cut()
  }
  assert.ok(finished, `the machine ended before its job did; its console:\n${machine.console()}`)
  assert.ok(count > 0, `no test ran in the machine; its console:\n${machine.console()}`)
}

/** A failure in the guest: its stack is the guest's. */
class Failed extends Error {
  constructor(text: string) {
    super(text)
    this.stack = text
  }
}
