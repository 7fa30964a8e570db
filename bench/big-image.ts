import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startRegistryServer } from '../test/support/registry-server.ts'

const LAYERS = 8
const LAYER_BYTES = 105 << 20
const MAX_FILE_BYTES = 30 << 20
const FINISHED = '/var/tmp/scow-bench-registry-1'

const run = (file: string, ...args: string[]) => execFileSync(file, args, { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 28 })

/** Registry storage that holds big:1: eight layers of this machine's own /usr, about 300 MB compressed. Made once. */
export async function bigImage(): Promise<string> {
  if (existsSync(FINISHED)) return FINISHED
  console.error('bench: making an image of 300 MB from /usr')
  const work = mkdtempSync('/var/tmp/scow-bench-work-')
  try {
    const layout = join(work, 'layout')
    run('umoci', 'init', '--layout', layout)
    run('umoci', 'new', '--image', `${layout}:big`)
    for (const [index, files] of chooseFiles().entries()) {
      const [list, archive] = [join(work, 'list'), join(work, `${index}.tar`)]
      writeFileSync(list, files.join('\0'))
      run('tar', '--create', '--file', archive, '--directory', '/', '--null', '--no-recursion', '--verbatim-files-from', '--files-from', list)
      run('umoci', 'raw', 'add-layer', '--image', `${layout}:big`, archive)
      rmSync(archive)
    }
    mkdirSync(join(work, 'done'))
    const server = await startRegistryServer(join(work, 'done'))
    run('skopeo', 'copy', '--quiet', '--insecure-policy', '--dest-tls-verify=false', `oci:${layout}:big`, `docker://127.0.0.1:${server.port}/big:1`)
    await server.stop()
    renameSync(join(work, 'done'), FINISHED)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return FINISHED
}

/** Paths below /usr in their order, cut into layers of about the same size. */
function chooseFiles(): string[][] {
  const layers: string[][] = [[]]
  let bytes = 0
  const all = run('find', '/usr/lib', '/usr/share', '/usr/bin', '/usr/include', '-xdev', '(', '-type', 'f', '-o', '-type', 'l', ')', '-print0').toString().split('\0')
  for (const path of all.filter(Boolean)) {
    const { size } = lstatSync(path)
    if (size > MAX_FILE_BYTES) continue
    if (bytes + size > LAYER_BYTES) {
      if (layers.length === LAYERS) break
      layers.push([])
      bytes = 0
    }
    layers.at(-1)!.push(path.slice(1))
    bytes += size
  }
  return layers
}
