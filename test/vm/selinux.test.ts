import test from 'node:test'
import { openDisks } from './disks.ts'
import { runJob } from './run-job.ts'

test('containers and pods under SELinux', async (t) => {
  using disks = openDisks({ selinux: true })
  await runJob(t, { disks, job: 'selinux', minutes: 90, kernelArgs: 'security=selinux selinux=1' })
})
