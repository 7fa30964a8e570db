import test from 'node:test'
import { openDisks } from './disks.ts'
import { runJob } from './run-job.ts'

test('the CRI server on cgroup v2 under systemd, with AppArmor', async (t) => {
  using disks = openDisks()
  await runJob(t, { disks, job: 'cri', minutes: 120, kernelArgs: 'psi=1' })
})
