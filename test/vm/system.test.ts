import test from 'node:test'
import { openDisks } from './disks.ts'
import { runJob } from './run-job.ts'

test('systemd, cgroup v2, AppArmor, journal and log-ins', async (t) => {
  using disks = openDisks()
  await runJob(t, { disks, job: 'system', minutes: 60 })
})
