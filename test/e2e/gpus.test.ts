// GPUs come by CDI; the specification here stands for the one that nvidia-ctk writes.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('--gpus gives the devices that the host describes, and names one that it does not', async (t) => {
  const box = await suite.box(t)
  const [cdi, config] = [join(box.dir, 'cdi'), join(box.dir, 'containers.conf')]
  mkdirSync(cdi)
  const device = (name: string) => ({ name, containerEdits: { env: [`GPU_${name}=yes`], deviceNodes: [{ path: `/dev/gpu-${name}`, hostPath: '/dev/null' }] } })
  writeFileSync(join(cdi, 'nvidia.json'), JSON.stringify({ cdiVersion: '0.6.0', kind: 'nvidia.com/gpu', devices: ['0', '1', 'all'].map(device) }))
  writeFileSync(config, `[engine]\ncdi_spec_dirs = ["${cdi}"]\n`)
  const run = (...gpus: string[]) => box.scow(['run', '--rm', '--network', 'none', ...gpus, suite.busybox, 'sh', '-c', 'ls /dev | grep gpu; env | grep -c GPU_'], { env: { CONTAINERS_CONF: config } })
  assert.equal((await run('--gpus', 'all')).stdout, 'gpu-all\n1\n')
  assert.equal((await run('--gpus', '0,1')).stdout, 'gpu-0\ngpu-1\n2\n')
  const { code, stderr } = await run('--gpus', '7')
  assert.equal(code, 125)
  assert.match(stderr, /^Error: .*nvidia\.com\/gpu=7.*\n$/)
})
