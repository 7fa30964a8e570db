import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { loadLists, parseList } from './conflist.ts'

const inDirs = (files: Readonly<Record<string, unknown>>, act: (dirs: readonly string[]) => void): void => {
  const root = mkdtempSync(join(tmpdir(), 'scow-conflist-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content))
  }
  try {
    act([join(root, 'a'), join(root, 'missing'), join(root, 'b')])
  } finally {
    rmSync(root, { recursive: true })
  }
}

test('lists load in order of directory and file, the first of a name counts, other files are not looked at', () => {
  inDirs({
    'a/20-x.conflist': { cniVersion: '1.0.0', name: 'x', plugins: [{ type: 'bridge' }] },
    'a/10-single.conf': { cniVersion: '0.4.0', name: 'single', type: 'ptp', capabilities: { ips: true } },
    'a/README.txt': 'no',
    'b/00-x.conflist': { cniVersion: '1.0.0', name: 'x', plugins: [{ type: 'other' }] },
    'b/30-y.json': { cniVersion: '0.3.1', name: 'y', plugins: [{ type: 'macvlan' }] },
  }, (dirs) => {
    const complaints: string[] = []
    const lists = loadLists(dirs, (why) => complaints.push(why))
    assert.deepEqual(complaints, [`network x of ${dirs[2]}/00-x.conflist is ignored: ${dirs[0]}/20-x.conflist has that name too`])
    assert.deepEqual(lists.map(({ name, plugins }) => [name, plugins.map(({ type }) => type)]), [['single', ['ptp']], ['x', ['bridge']], ['y', ['macvlan']]])
    assert.deepEqual(lists[0]?.plugins[0], { type: 'ptp', capabilities: { ips: true } })
  })
})

test('a bad file is named in a warning and never hides the others', () => {
  inDirs({
    'a/1.conflist': '{', 'a/2.conflist': { name: 'n', cniVersion: '9.0.0', plugins: [{ type: 't' }] }, 'a/3.conflist': { name: '../n', plugins: [{ type: 't' }] },
    'a/4.conflist': { name: 'empty', cniVersion: '1.0.0', plugins: [] }, 'a/5.conf': { cniVersion: '1.0.0', name: 'typeless' }, 'a/6.conflist': { name: 'slash', cniVersion: '1.0.0', plugins: [{ type: '../sh' }] },
    'a/7.conflist': { name: 'caps', cniVersion: '1.0.0', plugins: [{ type: 't', capabilities: { ips: 'yes' } }] },
    'b/9.conflist': { name: 'good', cniVersion: '1.0.0', plugins: [{ type: 't' }] },
  }, (dirs) => {
    const complaints: string[] = []
    assert.deepEqual(loadLists(dirs, (why) => complaints.push(why)).map(({ name }) => name), ['good'])
    const warnings = complaints.join('\n')
    for (const number of [1, 2, 3, 4, 6, 7]) assert.match(warnings, new RegExp(`a/${number}\\.conflist is ignored`))
    assert.match(warnings, /a\/5\.conf is ignored: type/)
  })
})

test('the newest version that both sides speak is chosen', () => {
  const version = (offer: object) => parseList(JSON.stringify({ name: 'n', plugins: [{ type: 't' }], ...offer }), '/nowhere/n.conflist').cniVersion
  assert.equal(version({ cniVersion: '0.3.1' }), '0.3.1')
  assert.equal(version({ cniVersion: '0.4.0', cniVersions: ['0.3.1', '1.1.0', '2.0.0'] }), '1.1.0')
  assert.equal(version({}), '0.1.0')
})

test('plugins in files of their own are added unless the list says no', () => {
  inDirs({
    'a/n.conflist': { name: 'n', cniVersion: '1.1.0', plugins: [{ type: 'first' }] }, 'a/n/20.conf': { type: 'third' }, 'a/n/10.conf': { type: 'second' }, 'a/n/notes.txt': 'x',
    'b/m.conflist': { name: 'm', cniVersion: '1.1.0', loadOnlyInlinedPlugins: true, plugins: [{ type: 'only' }] }, 'b/m/10.conf': { type: 'not' },
  }, (dirs) => {
    assert.deepEqual(loadLists(dirs).map(({ plugins }) => plugins.map(({ type }) => type)), [['first', 'second', 'third'], ['only']])
  })
})
