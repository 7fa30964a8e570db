// qemu killed is a power cut: the guest's page cache is gone, and so is what its disk had not been told to flush.
import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDisks } from './disks.ts'
import { boot } from './machine.ts'
import { runJob } from './run-job.ts'

/** Of each boot; on a host without other work none takes three. */
const MINUTES = 30

for (const percent of [40, 100]) {
  test(`the power goes when ${percent} % of an image have been pulled, and after the next boot all is whole`, async (t) => {
    using disks = openDisks()
    const victim = boot({ disks, job: `cut-pull:${percent}`, minutes: MINUTES })
    try {
      await victim.mark('pulling')
    } finally {
      await victim.cut()
    }
    await runJob(t, { disks, job: 'after-cut-pull', minutes: MINUTES })
  })
}

test('the power goes as soon as a pull is done, and after the next boot the image is there', async (t) => {
  using disks = openDisks()
  const victim = boot({ disks, job: 'cut-pull:done', minutes: MINUTES })
  let id: string | undefined
  try {
    for await (const { mark = '' } of victim.reports()) if (/^[0-9a-f]{64}$/.test(mark)) { id = mark; break }
  } finally {
    await victim.cut()
  }
  assert.ok(id, victim.console())
  await runJob(t, { disks, job: `after-pulled scow.pulled=${id}`, minutes: MINUTES })
})

test('the power goes while containers are created, and after the next boot all is whole', async (t) => {
  using disks = openDisks()
  const victim = boot({ disks, job: 'cut-create', minutes: MINUTES })
  const created: string[] = []
  try {
    for await (const { mark } of victim.reports()) {
      if (mark?.startsWith('cut-')) created.push(mark)
      // In the middle of those that come next.
      if (created.length === 8) { await sleep(1500); break }
    }
  } finally {
    await victim.cut()
  }
  assert.equal(created.length, 8, victim.console())
  await runJob(t, { disks, job: `after-cut-create scow.created=${created.join(',')}`, minutes: MINUTES })
})

test('the power goes while containers run, and after the next boot they are what their restart policies say', async (t) => {
  using disks = openDisks()
  await runJob(t, { disks, job: 'before-reboot', minutes: MINUTES, endsByCut: true })
  await runJob(t, { disks, job: 'after-reboot scow.cut', minutes: MINUTES })
})
