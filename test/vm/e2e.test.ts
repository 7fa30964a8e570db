import test from 'node:test'
import { openDisks } from './disks.ts'
import { e2eFiles, e2eMinutes } from './e2e-files.ts'
import { runJob } from './run-job.ts'

test('the end-to-end tests pass as a user has it: under systemd, on the machine\'s own network, mounts and firewall', async (t) => {
  const files = e2eFiles()
  using disks = openDisks()
  await runJob(t, { disks, job: `e2e:${files.join(',')}`, minutes: e2eMinutes(files) })
})
