import { rmSync } from 'node:fs'
import { lockFile, type Lock } from '../fs/lock.ts'
import type { AttachEnd, AttachIo } from './attach-io.ts'
import { pump } from './attach-container.ts'
import { attendedFile } from './cleanup-command.ts'
import { startCleanup } from './start-cleanup.ts'
import { cleanupContainer } from './cleanup-container.ts'
import { createContainer, type CreateContainer } from './create-container.ts'
import type { Engine } from './engine.ts'
import { UNKNOWN_EXIT } from './find-exit.ts'
import { beginDelete } from './release-run.ts'
import { endedWhole } from './settle-container.ts'
import { startContainer } from './start-container.ts'
import { waitForExit } from './wait-container.ts'

export interface RunContainer extends CreateContainer {
  /** Absent: detached. */
  readonly io?: AttachIo
  /** Called as soon as the container exists, before it is started: --cidfile. */
  readonly onCreated?: (id: string) => void
  /** With `io`: called when it has been started. */
  readonly onStarted?: (id: string) => void
}

export interface Ran {
  readonly id: string
  /** Absent: it runs on (detached, or the user left). */
  readonly exitCode?: number
}

/** create, start, and in the foreground attach and wait. A container that cannot be started is removed again with --rm. */
export async function runContainer(engine: Engine, run: RunContainer): Promise<Ran> {
  const id = await createContainer(engine, run)
  run.onCreated?.(id)
  const { io } = run
  if (!io) {
    await removedOnFailure(engine, run, id, startContainer(engine, id))
    return { id }
  }
  // Networks are left to the exit program: a DEL costs more than the start of a Node that nobody waits for.
  const attended = run.request.network.kind !== 'bridge' && run.request.restart.name === 'no' ? await attend(engine, id) : undefined
  const ended = await removedOnFailure(engine, run, id, startAttached(engine, { id, io, attended: attended !== undefined, onStarted: run.onStarted }))
  if (ended === 'detached' || ended === 'unread') {
    attended?.release()
    return ended === 'detached' ? { id } : { id, exitCode: await leaveUnread(engine, run, id) }
  }
  const container = await engine.state.containers.get(id)
  const deleted = attended && container && endedWhole(container) ? beginDelete(engine, container) : undefined
  const exit = container && await waitForExit(engine, container, io.signal ? { signal: io.signal } : {})
  if (attended) {
    await cleanupContainer(engine, id, { deleted })
    rmSync(attendedFile(engine, id), { force: true })
    attended.release()
    // A checkpoint syncs: that is left to a process that nobody waits for.
    if (engine.state.needsCheckpoint()) await startCleanup(engine)
  }
  // The exit program may have recorded the end and removed the container before we looked.
  const exitCode = exit && exit.exitCode !== UNKNOWN_EXIT ? exit.exitCode : await engine.state.events.lastExitCode(id) ?? UNKNOWN_EXIT
  return { id, exitCode }
}

/** 128 + SIGPIPE: nobody reads the output any more. */
export const UNREAD_EXIT = 141

/** With --rm nobody is left to want it; else it runs on. */
async function leaveUnread(engine: Engine, { request }: RunContainer, id: string): Promise<number> {
  if (request.autoRemove) await (await import('./remove-container.ts')).removeContainer(engine, id, { force: true, volumes: true })
  return UNREAD_EXIT
}

const attend = (engine: Engine, id: string): Promise<Lock> => lockFile(attendedFile(engine, id))

/** Attaches before the start, so that no byte is lost. */
export async function startAttached(engine: Engine, { id, io, attended, onStarted }: { id: string; io: AttachIo; attended: boolean; onStarted?: RunContainer['onStarted'] | undefined }): Promise<AttachEnd> {
  let session: Promise<AttachEnd> | undefined
  await startContainer(engine, id, {
    attended,
    ...(io.size ? { windowSize: io.size } : {}),
    attach: (attachment) => {
      session = pump(attachment, io)
      session.catch(() => undefined) // it may fail before the start is done, after which it is waited for
    },
    ...(io.signal ? { signal: io.signal } : {}),
  })
  onStarted?.(id)
  return session ?? 'ended'
}

async function removedOnFailure<T>(engine: Engine, { request }: RunContainer, id: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (request.autoRemove) {
      const { removeContainer } = await import('./remove-container.ts')
      await removeContainer(engine, id, { force: true, volumes: true })
    }
    throw error
  }
}
