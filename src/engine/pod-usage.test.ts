import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { groupPath } from './cgroup-path.ts'
import { cgroup2Usage, parentPath } from './pod-usage.ts'

test('a group of cgroup v2 is read with its pressure, swap and limits', () => {
  const dir = mkdtempSync(join(tmpdir(), 'scow-usage-'))
  const write = (files: Readonly<Record<string, string>>) => { for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), `${text}\n`) }
  assert.equal(cgroup2Usage(dir), undefined)
  write({
    'cpu.stat': 'usage_usec 1234567\nuser_usec 1\nsystem_usec 2', 'memory.stat': 'anon 4096\nfile 8192\ninactive_file 1000\npgfault 70\npgmajfault 3',
    'memory.current': '50000', 'memory.max': '100000', 'memory.swap.current': '300', 'memory.swap.max': '1000', 'pids.current': '4',
    'memory.pressure': 'some avg10=1.50 avg60=0.75 avg300=0.20 total=123456\nfull avg10=0.50 avg60=0.25 avg300=0.10 total=2345',
    'io.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=9\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=8',
  })
  const { timeMs: _, ...usage } = cgroup2Usage(dir)!
  assert.deepEqual(usage, {
    cpuNs: 1_234_567_000n, processes: 4, swap: { usageBytes: 300, availableBytes: 700 },
    memory: { usageBytes: 50_000, workingSetBytes: 49_000, rssBytes: 4096, pageFaults: 70, majorPageFaults: 3, limitBytes: 100_000 },
    pressure: {
      memory: { some: { avg10: 1.5, avg60: 0.75, avg300: 0.2, total: 123_456 }, full: { avg10: 0.5, avg60: 0.25, avg300: 0.1, total: 2345 } },
      io: { some: { avg10: 0, avg60: 0, avg300: 0, total: 9 }, full: { avg10: 0, avg60: 0, avg300: 0, total: 8 } },
    },
  })
  write({ 'memory.max': 'max', 'memory.swap.max': 'max' })
  const unlimited = cgroup2Usage(dir)!
  assert.deepEqual([unlimited.memory.limitBytes, unlimited.swap.availableBytes], [undefined, 0])
  rmSync(dir, { recursive: true })
})

test('groups are found by what the runtime and the kubelet call them', () => {
  assert.equal(groupPath('/kubepods/pod1/abc'), '/kubepods/pod1/abc')
  assert.equal(groupPath('kubepods-besteffort-pod1.slice:cri:abc'), '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1.slice/cri-abc.scope')
  assert.equal(parentPath('kubepods-pod1.slice'), '/kubepods.slice/kubepods-pod1.slice')
  assert.equal(parentPath('/kubepods/pod1'), '/kubepods/pod1')
})
