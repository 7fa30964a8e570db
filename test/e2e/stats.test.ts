// What containers use, once and again and again.
import '../support/jail.ts'
import assert from 'node:assert/strict'
import test from 'node:test'
import { eventually } from '../support/box.ts'
import { openSuite } from '../support/suite.ts'

const suite = openSuite()

test('stats shows what a container uses: cpu, memory against its limit, network and processes', async (t) => {
  const box = await suite.box(t)
  const busy = await box.ok('run', '-d', '--name', 'busy', '-m', '64m', '--network', 'none', suite.busybox, 'sh', '-c', 'dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null; sleep 1000 & while :; do :; done')
  await box.ok('create', '--name', 'made', suite.busybox, 'true')
  await eventually('20 MB in use', async () => (await box.json('stats', '--no-stream', '--format', 'json', 'busy'))[0].mem_usage.startsWith('2'))
  const [row, ...more] = await box.json('stats', '--no-stream', '--format', 'json')
  assert.deepEqual(more, [])
  assert.deepEqual([row.id, row.name, row.net_io, row.pids], [busy.slice(0, 12), 'busy', '0B / 0B', '2'])
  assert.match(row.mem_usage, /^2\d(\.\d\d?)?MB \/ 67\.11MB$/)
  assert.match(row.mem_percent, /^3\d\.\d\d%$/)
  assert.match(row.cpu_time, /^[\d.]+m?s$/)
  const [heading, ...lines] = (await box.ok('stats', '--no-stream', '--all', '--no-trunc')).split('\n')
  assert.match(heading!, /^ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET IO +BLOCK IO +PIDS +CPU TIME +AVG CPU %$/)
  assert.deepEqual(lines.map((line) => line.split(/ +/)[1]).sort(), ['busy', 'made'])
  assert.match(lines.find((line) => line.includes(' made '))!, /^[\da-f]{64} +made +0\.00% +0B \/ 0B +0\.00% +0B \/ 0B +0B \/ 0B +0 +0s +0\.00%$/)
  assert.ok(Number(await box.ok('stats', '--no-stream', '--format', '{{.CPU}}', 'busy')) > 0)
  assert.equal(await box.ok('stats', '--no-stream', '--format', '{{.MemLimit}} {{.Name}}', 'busy', 'made'), '67108864 busy\n0 made')
})

test('bytes of the network are those that the container receives and sends', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'net', suite.busybox, 'sh', '-c', 'sleep 1000 | nc -l -p 5000 >/dev/null; sleep 1000')
  await box.ok('run', '--rm', suite.busybox, 'sh', '-c', `n=0; until dd if=/dev/zero bs=1000 count=500 2>/dev/null | nc ${await box.ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'net')} 5000; do sleep 0.1; [ $((n+=1)) -lt 100 ]; done`)
  const [received, sent] = (await box.ok('stats', '--no-stream', '--format', '{{.NetInput}} {{.NetOutput}}', 'net')).split(' ').map(Number) as [number, number]
  assert.ok(received > 500_000 && sent > 0 && sent < received / 4, `${received} ${sent}`)
})

test('stats goes on until it is interrupted or its containers have gone, and cpu is that of the last interval', async (t) => {
  const box = await suite.box(t)
  await box.ok('run', '-d', '--name', 'calm', '--network', 'none', suite.busybox, 'sleep', '1000')
  const watching = box.start(['stats', '--interval', '1', '--format', '{{.Name}} {{.CPUPerc}}.', 'calm'])
  await watching.sees(/(calm \d+\.\d\d%\.\n.*){2}/s)
  watching.kill('SIGINT')
  assert.equal((await watching.end()).code, 0)
  const named = box.start(['stats', '-i', '1', '--format', '{{.Name}}', 'calm'])
  await named.sees(/calm/)
  await box.ok('rm', '-f', '-t', '0', 'calm')
  assert.equal((await named.end()).code, 0)
  assert.match(await box.fails(125, 'stats', '--no-stream', 'calm'), /^Error: no container with name or ID "calm" found/)
  assert.match(await box.fails(125, 'stats', '-i', '0'), /^Error: --interval 0 is no time to wait; /)
  assert.match(await box.fails(125, 'stats', '--latest', 'x'), /^Error: --all, --latest and names exclude each other/)
})
