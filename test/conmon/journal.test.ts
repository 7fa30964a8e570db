// The journald driver against a socket that takes datagrams as journald does.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { Box, OURS, until } from './harness.ts'

interface Entry {
  readonly fields: ReadonlyMap<string, string>
  /** It came as a descriptor in an empty datagram, with these seals. */
  readonly seals?: number
}

// Binds the journal's socket in a mount namespace of its own, runs the monitor there and starts the container; then it
// writes down each datagram, or the file that came instead, until the monitor has gone.
const SERVER = `
import array, fcntl, json, os, socket, subprocess, sys
out, pidfile, start, command = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4:]
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
os.makedirs('/run/systemd/journal'); server.bind('/run/systemd/journal/socket')
told, tell = os.pipe()
subprocess.Popen(command, stdout=subprocess.DEVNULL, pass_fds=[tell], env={**os.environ, '_OCI_SYNCPIPE': str(tell)})
os.close(tell)
assert json.loads(open(told).readline())['data'] > 0
pid = int(open(pidfile).read())
subprocess.run(start, check=True)
server.settimeout(0.2)
entries, last = [], False
while True:
    try: data, control, _, _ = server.recvmsg(1 << 20, 64)
    except TimeoutError:
        if last: break
        last = not os.path.exists(f'/proc/{pid}')
        continue
    entry = {}
    for level, kind, body in control:
        fd = array.array('i', body)[0]
        entry['seals'] = fcntl.fcntl(fd, 1034)
        assert data == b'', data
        data = os.pread(fd, 1 << 20, 0)
    entry['hex'] = data.hex()
    entries.append(entry)
open(out, 'w').write(json.dumps(entries))`

/** Entries of a container with this script. `wrap`: a command in front of the monitor. */
async function journal(box: Box, more: readonly string[] = [], wrap: readonly string[] = []): Promise<Entry[]> {
  const start = JSON.stringify(['runc', '--root', box.path('runc'), 'start', box.id])
  const child = spawn('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /run && exec python3 -c "$0" "$@"', SERVER, box.path('entries'), box.path('monitor.pid'), start,
    ...wrap, OURS, ...box.args(), '-l', 'journald', ...more], { stdio: ['ignore', 'ignore', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', (text) => { stderr += String(text) })
  await until('the end of the journal', () => child.exitCode !== null)
  assert.equal(child.exitCode, 0, stderr)
  return (JSON.parse(readFileSync(join(box.dir, 'entries'), 'utf8')) as { hex: string; seals?: number }[])
    .map(({ hex, seals }) => ({ fields: readFields(Buffer.from(hex, 'hex')), ...(seals === undefined ? {} : { seals }) }))
}

/** journald's native protocol: NAME=VALUE lines, or NAME, a 64-bit length and as many bytes. */
function readFields(bytes: Buffer): Map<string, string> {
  const fields = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\n', at)
    const line = bytes.toString('utf8', at, end)
    const equals = line.indexOf('=')
    if (equals >= 0) {
      fields.set(line.slice(0, equals), line.slice(equals + 1))
      at = end + 1
    } else {
      const length = Number(bytes.readBigUInt64LE(end + 1))
      fields.set(line, bytes.toString('utf8', end + 9, end + 9 + length))
      assert.equal(bytes[end + 9 + length], 10)
      at = end + 10 + length
    }
  }
  return fields
}

const find = (entries: readonly Entry[], message: string): ReadonlyMap<string, string> | undefined =>
  entries.find(({ fields }) => fields.get('MESSAGE') === message)?.fields

test('each line is an entry with the container\'s fields and the priority that it begins with', async () => {
  await using box = new Box({ script: 'echo one; echo "<4>two" >&2; sleep 0.3; echo three >&2' })
  const entries = await journal(box, ['--log-label', 'LABEL=x', '--log-label', 'OTHER=y=z'])
  assert.equal(entries.length, 3)
  assert.deepEqual(Object.fromEntries(find(entries, 'one')!), {
    CONTAINER_ID: box.id.slice(0, 12), CONTAINER_ID_FULL: box.id, CONTAINER_NAME: 'name', SYSLOG_IDENTIFIER: 'name',
    LABEL: 'x', OTHER: 'y=z', PRIORITY: '6', MESSAGE: 'one',
  })
  assert.equal(find(entries, 'two')?.get('PRIORITY'), '4')
  assert.equal(find(entries, 'three')?.get('PRIORITY'), '3')
})

test('a tag is a field and the identifier', async () => {
  await using box = new Box({ script: 'echo one' })
  const [entry] = await journal(box, ['--log-tag', 'tagged'])
  assert.equal(entry?.fields.get('CONTAINER_TAG'), 'tagged')
  assert.equal(entry?.fields.get('SYSLOG_IDENTIFIER'), 'tagged')
})

test('a line that comes in pieces is one entry, and one without its end is marked', async () => {
  await using box = new Box({ script: 'printf "<"; sleep 0.2; printf "2>in "; sleep 0.2; echo pieces; sleep 0.2; printf "no end"' })
  const entries = await journal(box)
  assert.deepEqual(entries.map(({ fields }) => [fields.get('MESSAGE'), fields.get('PRIORITY'), fields.get('CONTAINER_PARTIAL_MESSAGE')]),
    [['in pieces', '2', undefined], ['no end', '6', 'true']])
})

test('a line too long for one entry is several that are marked, but not when the mark is not wanted', async () => {
  const script = 'head -c 40000 /dev/zero | tr "\\0" x; echo "<3>"'
  for (const more of [[], ['--no-container-partial-message']]) {
    await using box = new Box({ script })
    const entries = await journal(box, more)
    assert.equal(entries.map(({ fields }) => fields.get('MESSAGE')).join(''), `${'x'.repeat(40000)}<3>`)
    assert.ok(entries.length > 2)
    assert.ok(entries.every(({ fields }) => fields.get('PRIORITY') === '6'))
    const marks = entries.map(({ fields }) => fields.get('CONTAINER_PARTIAL_MESSAGE'))
    assert.deepEqual(marks, marks.map((_, index) => (more.length === 0 && index < marks.length - 1 ? 'true' : undefined)))
  }
})

test('an entry too large for a datagram comes as a sealed file', async () => {
  await using box = new Box({ script: 'echo large; sleep 0.2; echo small' })
  // The kernel's words for it, since no buffer here is small enough: the first datagram is refused.
  const entries = await journal(box, [], ['strace', '-f', '-qqq', '-b', 'execve', '-o', '/dev/null', '-e', 'trace=sendmsg', '-e', 'inject=sendmsg:error=EMSGSIZE:when=1'])
  assert.deepEqual(entries.map(({ fields, seals }) => [fields.get('MESSAGE'), seals]), [['large', 0b1111], ['small', undefined]])
  assert.equal(entries[0]?.fields.get('CONTAINER_ID_FULL'), box.id)
})
