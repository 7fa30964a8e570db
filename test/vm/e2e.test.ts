import test from 'node:test'
import { openDisks } from './disks.ts'
import { runJob } from './run-job.ts'

test('the end-to-end tests pass in a machine with systemd and cgroup v2, each file in its jail', async (t) => {
  using disks = openDisks()
  await runJob(t, { disks, job: 'e2e', minutes: 60 })
})
