// Undoes or finishes what killed processes had begun, from their intents alone.
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeTree } from '../fs/remove-tree.ts'
import { log } from '../log.ts'
import { hasNamespaceEnded, isAlive, isForeign } from '../process/identity.ts'
import type { Container } from '../state/containers.ts'
import type { Intent } from '../state/intents.ts'
import type { Pod } from '../state/pods.ts'
import { withContainerLock } from './container-lock.ts'
import type { Engine } from './engine.ts'
import { releaseCreation } from './release-creation.ts'
import { releaseNetwork, releaseRun } from './release-run.ts'
import { queueUnwatched } from './queue-unwatched.ts'
import { finishRemoval, removeContainer, type RemovalData } from './remove-container.ts'
import { settleContainer } from './settle-container.ts'
import { startCleanup } from './start-cleanup.ts'
import { recoverVolume } from './make-volume.ts'

type Parts = Pick<Engine, 'config' | 'paths' | 'state' | 'self' | 'storage' | 'runtime' | 'networks'>

/** Called before every act that writes; one indexed query where nothing is to be done. */
export async function recoverDead(engine: Parts): Promise<void> {
  await recoverAfterBoot(engine)
  const intents = await engine.state.intents.list()
  for (const intent of intents) {
    if (isOwned(engine.self, intent)) continue
    if (!await engine.state.intents.adopt({ intent, owner: engine.self })) continue
    await recoverOne(engine, intent).catch((error: unknown) =>
      log.warn(`could not clear up after a killed ${intent.kind} of ${intent.target.slice(0, 12)}: ${error instanceof Error ? error.message : error}`))
  }
}

/** The same for commands that are not `run`, whose start it would delay: containers that ended without a monitor are cleaned up too, by the exit program. */
export async function recoverAll(engine: Parts): Promise<void> {
  await recoverDead(engine)
  if (await queueUnwatched(engine)) await startCleanup(engine)
}

/** The first writing command after a boot: what ran has ended with the machine, and nobody else will tell. */
async function recoverAfterBoot(engine: Parts): Promise<void> {
  const mark = join(engine.paths.runRoot, 'recovered')
  if (existsSync(mark)) return
  writeFileSync(mark, '') // first, so that what follows does not come here again
  await (await engine.storage()).recover()
  await removeUnknown(engine)
  for (const { id, phase, status, summary } of await engine.state.containers.list()) {
    const ended = (phase === 'running' || phase === 'paused') && (status.process ?? status.monitor)?.bootId !== engine.self.bootId
    if (ended) await settleContainer(engine, id)
    if (summary.autoRemove && (ended || phase === 'exited')) await removeContainer(engine, id, { volumes: true })
  }
  if (existsSync(engine.paths.networkCache)) await (await engine.networks()).collectGarbage(() => known(engine, ({ status }) => status.bootId === engine.self.bootId))
}

/** Containers, pods and what is being made: while the first command still clears up, others may be at work already. */
async function known({ state }: Pick<Engine, 'state'>, counts: (pod: Pod) => boolean = () => true): Promise<Set<string>> {
  return new Set([...(await state.containers.list()).map(({ id }) => id), ...(await state.pods.list()).filter(counts).map(({ id }) => id), ...(await state.intents.list()).map(({ target }) => target)])
}

/** What a creation had made when the power went, before its intent was on disk. The folders are listed first: one that is made meanwhile has its intent. */
async function removeUnknown(engine: Parts): Promise<void> {
  const dir = engine.paths.containers
  const found = existsSync(dir) ? readdirSync(dir).filter((name) => /^[0-9a-f]{64}$/.test(name)) : []
  const ids = await known(engine)
  const bornMs = statSync(engine.paths.database).birthtimeMs
  const unknown = found.filter((name) => !ids.has(name))
  // What is older than the database was made with another one, which somebody may bring back.
  const older = unknown.filter((name) => statSync(join(dir, name)).birthtimeMs < bornMs)
  if (older.length > 0) log.warn(`folders of containers that are older than ${engine.paths.database}, and not in it, are left alone in ${dir}: ${older.length}`)
  for (const id of unknown.filter((name) => !older.includes(name))) {
    await (await engine.storage()).containers.remove(id)
    removeTree(engine.paths.container(id).dir)
  }
}

const isOwned = (self: Parts['self'], { owner }: Intent): boolean => owner.bootId === self.bootId && isAlive(owner) && !(isForeign(owner) && hasNamespaceEnded(owner))

/** Under its lock, since others may be at work on it; not of a container that has been started again meanwhile. */
const whileStill = (engine: Parts, id: string, act: (container: Container | undefined) => Promise<void>): Promise<void> => withContainerLock(engine, id, async () => {
  const container = await engine.state.containers.get(id)
  if (container?.phase !== 'running' && container?.phase !== 'paused') await act(container)
  if (!container) rmSync(join(engine.paths.locks, id), { force: true })
})

/** What a DEL that failed left. */
const leaveNetwork = (engine: Parts, id: string): Promise<void> => whileStill(engine, id, () => releaseNetwork(engine, id))

/** What a start that was killed took. */
const giveBackRun = (engine: Parts, id: string): Promise<void> => whileStill(engine, id, async (container) => { if (container) await releaseRun(engine, container) })

async function recoverOne(engine: Parts, intent: Intent): Promise<void> {
  const { kind, target, id: intentId, data } = intent
  switch (kind) {
    case 'create': return releaseCreation(engine, { id: target, intentId, anonymous: (data['anonymous'] as string[] | undefined) ?? [] })
    case 'start':
      await giveBackRun(engine, target)
      return engine.state.intents.close(intentId)
    case 'remove': return withContainerLock(engine, target, () => finishRemoval(engine, { id: target, intentId, data: data as unknown as RemovalData, release: {} }))
    case 'teardown':
      await leaveNetwork(engine, target)
      return engine.state.intents.close(intentId)
    case 'volume':
      await recoverVolume(engine, intent)
      return engine.state.intents.close(intentId)
    case 'pod': {
      const { releasePod } = await import('./release-pod.ts')
      await releasePod(engine, target)
      return engine.state.pods.remove({ id: target, intentId })
    }
    case 'pull':
      await (await engine.storage()).recover()
      return engine.state.intents.close(intentId)
    case 'collect': {
      const { collectGarbage } = await import('./collect-garbage.ts')
      await collectGarbage(engine)
      return engine.state.intents.close(intentId)
    }
  }
}
