import test from 'node:test'
import { openDisks } from './disks.ts'
import { runJob } from './run-job.ts'

test('the shipped unit of the CRI server', async (t) => {
  using disks = openDisks()
  await runJob(t, { disks, job: 'serve', minutes: 60 })
})
