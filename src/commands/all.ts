// Every command, for what must know them all: help, completion, man pages. The running program loads one only.
import type { AnyCommand } from '../cli/command.ts'
import { CRI } from './cri/all.ts'
import { spec as containerRun } from './container/run.ts'
import { spec as containerCreate } from './container/create.ts'
import { spec as containerStart } from './container/start.ts'
import { spec as containerStop } from './container/stop.ts'
import { spec as containerRestart } from './container/restart.ts'
import { spec as containerKill } from './container/kill.ts'
import { spec as containerRm } from './container/rm.ts'
import { spec as containerLogs } from './container/logs.ts'
import { spec as containerExec } from './container/exec.ts'
import { spec as containerAttach } from './container/attach.ts'
import { spec as containerWait } from './container/wait.ts'
import { spec as containerPause } from './container/pause.ts'
import { spec as containerUnpause } from './container/unpause.ts'
import { spec as containerRename } from './container/rename.ts'
import { spec as containerPort } from './container/port.ts'
import { spec as containerTop } from './container/top.ts'
import { spec as containerStats } from './container/stats.ts'
import { spec as containerCp } from './container/cp.ts'
import { spec as containerPs } from './container/ps.ts'
import { spec as containerInspect } from './container/inspect.ts'
import { spec as containerExists } from './container/exists.ts'
import { spec as containerPrune } from './container/prune.ts'
import { spec as containerCleanup } from './container/cleanup.ts'
import { spec as systemInspect } from './system/inspect.ts'
import { spec as imagePull } from './image/pull.ts'
import { spec as imageImages } from './image/images.ts'
import { spec as imageRmi } from './image/rmi.ts'
import { spec as imageTag } from './image/tag.ts'
import { spec as imageUntag } from './image/untag.ts'
import { spec as imageInspect } from './image/inspect.ts'
import { spec as imageLoad } from './image/load.ts'
import { spec as imageSave } from './image/save.ts'
import { spec as imageExists } from './image/exists.ts'
import { spec as imagePrune } from './image/prune.ts'
import { spec as podPs } from './pod/ps.ts'
import { spec as networkCreate } from './network/create.ts'
import { spec as networkLs } from './network/ls.ts'
import { spec as networkInspect } from './network/inspect.ts'
import { spec as networkRm } from './network/rm.ts'
import { spec as networkExists } from './network/exists.ts'
import { spec as networkPrune } from './network/prune.ts'
import { spec as volumeCreate } from './volume/create.ts'
import { spec as volumeLs } from './volume/ls.ts'
import { spec as volumeInspect } from './volume/inspect.ts'
import { spec as volumeRm } from './volume/rm.ts'
import { spec as volumeExists } from './volume/exists.ts'
import { spec as volumePrune } from './volume/prune.ts'
import { spec as systemInfo } from './system/info.ts'
import { spec as systemVersion } from './system/version.ts'
import { spec as systemEvents } from './system/events.ts'
import { spec as systemDoctor } from './system/doctor.ts'
import { spec as systemServe } from './system/serve.ts'
import { spec as systemCompletion } from './system/completion.ts'

/** By file, as the table of mounts names it. */
export const ALL: Readonly<Record<string, AnyCommand>> = {
  'container/run': containerRun,
  'container/create': containerCreate,
  'container/start': containerStart,
  'container/stop': containerStop,
  'container/restart': containerRestart,
  'container/kill': containerKill,
  'container/rm': containerRm,
  'container/logs': containerLogs,
  'container/exec': containerExec,
  'container/attach': containerAttach,
  'container/wait': containerWait,
  'container/pause': containerPause,
  'container/unpause': containerUnpause,
  'container/rename': containerRename,
  'container/port': containerPort,
  'container/top': containerTop,
  'container/stats': containerStats,
  'container/cp': containerCp,
  'container/ps': containerPs,
  'container/inspect': containerInspect,
  'container/exists': containerExists,
  'container/prune': containerPrune,
  'container/cleanup': containerCleanup,
  'system/inspect': systemInspect,
  'image/pull': imagePull,
  'image/images': imageImages,
  'image/rmi': imageRmi,
  'image/tag': imageTag,
  'image/untag': imageUntag,
  'image/inspect': imageInspect,
  'image/save': imageSave,
  'image/load': imageLoad,
  'image/exists': imageExists,
  'image/prune': imagePrune,
  'pod/ps': podPs,
  'network/create': networkCreate,
  'network/ls': networkLs,
  'network/inspect': networkInspect,
  'network/rm': networkRm,
  'network/exists': networkExists,
  'network/prune': networkPrune,
  'volume/create': volumeCreate,
  'volume/ls': volumeLs,
  'volume/inspect': volumeInspect,
  'volume/rm': volumeRm,
  'volume/exists': volumeExists,
  'volume/prune': volumePrune,
  'system/info': systemInfo,
  'system/version': systemVersion,
  'system/events': systemEvents,
  'system/serve': systemServe,
  'system/doctor': systemDoctor,
  'system/completion': systemCompletion,
  ...CRI,
}
