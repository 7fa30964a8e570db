import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { openBox } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'
import { codeOf, containerConfig, openCri, podConfig, startIn } from './cri.ts'

const suite = openSuite()

/** A scrape: values by name with labels. */
async function scrape(address: string): Promise<Map<string, number>> {
  const response = await fetch(`${address}`)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => {
    const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? assert.fail(`no sample: ${line}`)
    return [name!, Number(value)]
  }))
}

test('a scrape counts requests, errors, pods, containers and the process itself', async (t) => {
  const cri = await openCri(t, suite, { args: ['--metrics-address', '127.0.0.1:0'] })
  const [, address] = /metrics at (http:[^\s"]+)/.exec(cri.server.stderr()) ?? []
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config: podConfig() })
  await startIn(cri, podSandboxId, containerConfig(suite.busybox, ['sleep', '1000']))
  assert.equal(await codeOf(cri.runtime.containerStatus({ containerId: 'none' })), 5)
  assert.equal(await codeOf(cri.images.pullImage({ image: { image: `${suite.registry.host}/none:1` } })), 5)
  const seen = await scrape(address!)
  const of = (name: string): number => seen.get(name) ?? assert.fail(`no ${name} among ${[...seen.keys()].join('\n')}`)
  assert.equal(of('scow_cri_requests_total{method="RunPodSandbox",code="OK"}'), 1)
  assert.equal(of('scow_cri_requests_total{method="ContainerStatus",code="NOT_FOUND"}'), 1)
  assert.equal(of('scow_cri_requests_total{method="PullImage",code="NOT_FOUND"}'), 1)
  assert.equal(of('scow_cri_requests_in_flight{method="RunPodSandbox"}'), 0)
  assert.equal(of('scow_cri_request_duration_seconds_count{method="RunPodSandbox"}'), 1)
  assert.equal(of('scow_cri_request_duration_seconds_bucket{method="RunPodSandbox",le="+Inf"}'), 1)
  assert.ok(of('scow_cri_request_duration_seconds_sum{method="RunPodSandbox"}') > 0)
  assert.equal(of('scow_pods{state="ready"}'), 1)
  assert.equal(of('scow_containers{state="running"}'), 1)
  assert.ok(of('process_resident_memory_bytes') > 10_000_000)
  assert.ok(of('process_cpu_seconds_total') > 0)
  assert.ok(seen.has('scow_event_loop_delay_seconds{quantile="0.99"}'))
  await cri.runtime.stopPodSandbox({ podSandboxId })
  const later = await scrape(address!)
  assert.deepEqual([later.get('scow_pods{state="ready"}'), later.get('scow_pods{state="notready"}'), later.get('scow_containers{state="exited"}')], [0, 1, 1])
  const other = await fetch(address!.replace('/metrics', '/'))
  assert.equal(other.status, 404)
  await other.text()
})

test('an address that is none is refused', async (t) => {
  const box = await openBox(t)
  assert.match(await box.fails(125, 'serve', '--listen', `unix://${box.dir}/cri.sock`, '--metrics-address', 'nowhere'), /no address for metrics/)
})
