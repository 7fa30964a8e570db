import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { fileLabel, setFileLabel, setOwnLabel } from './file-label.ts'

const LABEL = 'system_u:object_r:container_file_t:s0:c1,c2'

// The attribute is one of the file system's, whether or not the kernel has SELinux.
test('a tree is labelled whole and no link is followed; a folder alone leaves what is in it', async (t) => {
  const dir = mkdtempSync('/var/tmp/scow-label-')
  t.after(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'tree/below'), { recursive: true })
  for (const name of ['tree/below/file', 'outside']) writeFileSync(join(dir, name), '')
  symlinkSync(join(dir, 'outside'), join(dir, 'tree/link'))
  setOwnLabel(join(dir, 'tree'), LABEL)
  assert.deepEqual([fileLabel(join(dir, 'tree')), fileLabel(join(dir, 'tree/below'))], [LABEL, undefined])
  await setFileLabel(join(dir, 'tree'), LABEL)
  assert.deepEqual(['tree', 'tree/below', 'tree/below/file', 'tree/link', 'outside'].map((name) => fileLabel(join(dir, name))), [LABEL, LABEL, LABEL, LABEL, undefined])
})
