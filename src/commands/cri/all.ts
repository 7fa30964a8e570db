// Every command that looks into a CRI runtime, by its file: they share one bundle.
import type { AnyCommand } from '../../cli/command.ts'
import { spec as criAttach } from './attach.ts'
import { spec as criCheckpoint } from './checkpoint.ts'
import { spec as criConfig } from './config.ts'
import { spec as criCp } from './cp.ts'
import { spec as criCreate } from './create.ts'
import { spec as criEvents } from './events.ts'
import { spec as criExec } from './exec.ts'
import { spec as criImagefsinfo } from './imagefsinfo.ts'
import { spec as criImages } from './images.ts'
import { spec as criInfo } from './info.ts'
import { spec as criInspect } from './inspect.ts'
import { spec as criInspecti } from './inspecti.ts'
import { spec as criInspectp } from './inspectp.ts'
import { spec as criLoad } from './load.ts'
import { spec as criLogs } from './logs.ts'
import { spec as criMetricdescs } from './metricdescs.ts'
import { spec as criMetricsp } from './metricsp.ts'
import { spec as criPods } from './pods.ts'
import { spec as criPortForward } from './port-forward.ts'
import { spec as criPs } from './ps.ts'
import { spec as criPull } from './pull.ts'
import { spec as criRm } from './rm.ts'
import { spec as criRmi } from './rmi.ts'
import { spec as criRmp } from './rmp.ts'
import { spec as criRun } from './run.ts'
import { spec as criRunp } from './runp.ts'
import { spec as criRuntimeConfig } from './runtime-config.ts'
import { spec as criSave } from './save.ts'
import { spec as criStart } from './start.ts'
import { spec as criStats } from './stats.ts'
import { spec as criStatsp } from './statsp.ts'
import { spec as criStop } from './stop.ts'
import { spec as criStopp } from './stopp.ts'
import { spec as criTop } from './top.ts'
import { spec as criTrace } from './trace.ts'
import { spec as criUpdate } from './update.ts'
import { spec as criUpdateRuntimeConfig } from './update-runtime-config.ts'
import { spec as criVersion } from './version.ts'
import { spec as criWait } from './wait.ts'
import { spec as criWhy } from './why.ts'

export const CRI: Readonly<Record<string, AnyCommand>> = {
  'cri/attach': criAttach,
  'cri/checkpoint': criCheckpoint,
  'cri/config': criConfig,
  'cri/cp': criCp,
  'cri/create': criCreate,
  'cri/events': criEvents,
  'cri/exec': criExec,
  'cri/imagefsinfo': criImagefsinfo,
  'cri/images': criImages,
  'cri/info': criInfo,
  'cri/inspect': criInspect,
  'cri/inspecti': criInspecti,
  'cri/inspectp': criInspectp,
  'cri/load': criLoad,
  'cri/logs': criLogs,
  'cri/metricdescs': criMetricdescs,
  'cri/metricsp': criMetricsp,
  'cri/pods': criPods,
  'cri/port-forward': criPortForward,
  'cri/ps': criPs,
  'cri/pull': criPull,
  'cri/rm': criRm,
  'cri/rmi': criRmi,
  'cri/rmp': criRmp,
  'cri/run': criRun,
  'cri/runp': criRunp,
  'cri/runtime-config': criRuntimeConfig,
  'cri/save': criSave,
  'cri/start': criStart,
  'cri/stats': criStats,
  'cri/statsp': criStatsp,
  'cri/stop': criStop,
  'cri/stopp': criStopp,
  'cri/top': criTop,
  'cri/trace': criTrace,
  'cri/update': criUpdate,
  'cri/update-runtime-config': criUpdateRuntimeConfig,
  'cri/version': criVersion,
  'cri/wait': criWait,
  'cri/why': criWhy,
}
