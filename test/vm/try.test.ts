import test from 'node:test'
import { openDisks } from './disks.ts'
import { runJob } from './run-job.ts'

test('try', async (t) => {
  using disks = openDisks()
  await runJob(t, { disks, job: process.env.JOB ?? 'try', minutes: 5 })
})
