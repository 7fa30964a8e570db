import type { CopyEnd } from '../../engine/copy-files.ts'
import { Failure } from '../../errors.ts'
import type { Remote } from './client.ts'
import { OWN_NAME, phaseOf, statusOf } from './rows.ts'

/** Of containers that run: on the node itself through their processes, elsewhere through their `tar`. @throws wrongState */
export async function withRemoteTrees(remote: Remote, ids: readonly string[], act: (trees: ReadonlyMap<string, CopyEnd>) => Promise<void>): Promise<void> {
  const { runningEnd } = await import('../../cri/client/copy.ts')
  const trees = new Map<string, CopyEnd>()
  for (const id of ids) {
    const { status } = await statusOf(remote, id)
    const what = `container ${status.annotations[OWN_NAME] ?? status.metadata?.name ?? id.slice(0, 12)}`
    const phase = phaseOf(status.state)
    if (phase !== 'running') throw new Failure('wrongState', `${what} is not running (${phase}): the CRI reaches the files of running containers alone`, { hint: 'start it first' })
    trees.set(id, await runningEnd(remote.runtime, { id, what }, { signal: remote.signal, execOnly: !remote.isHere }))
  }
  await act(trees)
}
