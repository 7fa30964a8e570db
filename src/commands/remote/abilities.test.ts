import assert from 'node:assert/strict'
import test from 'node:test'
import type { OptionSpec } from '../../cli/command.ts'
import { ALL } from '../all.ts'
import { MOUNTS } from '../table.ts'
import { ABILITIES } from './abilities.ts'

test('every command says what it does with --endpoint, and names options that it has', () => {
  const files = MOUNTS.map(({ file }) => file).filter((file) => !file.startsWith('cri/'))
  assert.deepEqual(files.filter((file) => !ABILITIES[file]), [])
  assert.deepEqual(Object.keys(ABILITIES).filter((file) => !files.includes(file)), [])
  for (const [file, { without = {} }] of Object.entries(ABILITIES)) {
    // create has the flags of run but for a few
    const known = ALL[file === 'container/create' ? 'container/run' : file]?.options ?? {}
    assert.deepEqual(Object.keys(without).filter((key) => !(key in known)), [], file)
  }
})

/** Flags of `run` that have an effect on a CRI runtime, or nothing to do there. */
const EXPRESSED = new Set([
  'name', 'replace', 'env', 'envFile', 'envHost', 'httpProxy', 'workdir', 'user', 'groupAdd', 'entrypoint', 'hostname', 'interactive', 'tty', 'rm', 'label', 'labelFile', 'annotation', 'cidfile', 'attach',
  'creds', 'disableContentTrust', 'pull', 'quiet', 'memory', 'memorySwap', 'kernelMemory', 'oomScoreAdj', 'cpus', 'cpuShares', 'cpuPeriod', 'cpuQuota', 'cpusetCpus', 'cpusetMems', 'cgroupParent', 'cgroupConf',
  'privileged', 'capAdd', 'capDrop', 'securityOpt', 'device', 'sysctl', 'pid', 'ipc', 'volume', 'mount', 'readOnly', 'readOnlyTmpfs', 'network', 'publish', 'dns', 'dnsSearch', 'dnsOption',
  'noHealthcheck', 'detach', 'detachKeys', 'sigProxy',
])

test('no flag of run is silently dropped', () => {
  const without = ABILITIES['container/run']!.without!
  const options = Object.entries(ALL['container/run']!.options as Record<string, OptionSpec<unknown>>)
  assert.deepEqual(options.filter(([key, { refused }]) => refused === undefined && !EXPRESSED.has(key) && !(key in without)).map(([key]) => key), [])
  assert.deepEqual(Object.keys(without).filter((key) => EXPRESSED.has(key)), [])
})
