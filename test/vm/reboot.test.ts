import test from 'node:test'
import { openDisks } from './disks.ts'
import { runJob } from './run-job.ts'

test('containers come back after a reboot as their restart policies say', async (t) => {
  using disks = openDisks()
  await runJob(t, { disks, job: 'before-reboot', minutes: 30 })
  await runJob(t, { disks, job: 'after-reboot', minutes: 30 })
})
