// `run` and `create` on a CRI runtime: a pod of its own for each container, from podman's flags.
import { currentDirectory } from '../../current-directory.ts'
import { environment } from '../../environment.ts'
import { Failure } from '../../errors.ts'
import type { Pairs, PortRequest } from '../../spec/request.ts'
import type { ContainerConfig, PodSandboxConfig } from '../../cri/wire/generated/runtime-v1.ts'
import type { CreateCall, RunCall } from '../container/acts.ts'
import { attachedStreams } from '../container/attached-streams.ts'
import { openIdFile } from '../container/id-file.ts'
import type { CreateValues } from '../container/options/create-options.ts'
import { parseMount } from '../container/request/mount.ts'
import { parseAssignments, parseEnv, parseLabels, readEnvFile, readLabelFile } from '../container/request/pairs.ts'
import { parsePublish } from '../container/request/ports.ts'
import { checkName, parsePullPolicy } from '../container/request/settings.ts'
import type { Remote } from './client.ts'
import { removeContainer, removePod, startContainer, startFailure } from './containers.ts'
import { provideImage } from './images.ts'
import { OWN_NAME, PORTS, listRows } from './rows.ts'
import { startInForeground } from './streams.ts'

export async function runRemote(remote: Remote, call: RunCall): Promise<number> {
  const { options, out, interrupt } = call
  if (options.detach && options.rm) throw new Failure('unsupported', '--detach and --rm together cannot be expressed over the CRI (--endpoint): nobody waits for the end', { hint: 'drop --rm, and remove it later with scow rm' })
  const { id, podId } = await make(remote, call)
  let isLeft = options.detach || !options.rm
  try {
    if (options.detach) {
      await startContainer(remote, id)
      out.line(id)
      return 0
    }
    const { attaches, isSilent } = attachedStreams(options.attach)
    const code = await startInForeground(remote, id, {
      stdin: options.interactive && attaches('stdin'), stdout: attaches('stdout'), stderr: attaches('stderr'), detachKeys: options.detachKeys, sigProxy: options.sigProxy, interrupt,
      ...(isSilent ? { onStarted: out.line } : {}),
    })
    isLeft ||= code === undefined
    return code ?? 0
  } finally {
    if (!isLeft) await clear(remote, id, podId)
  }
}

export const createRemote = async (remote: Remote, call: CreateCall): Promise<string> => (await make(remote, call)).id

/** After an interrupt too. What the container's own removal leaves, the pod's takes along. */
async function clear(remote: Remote, id: string | undefined, podId: string): Promise<void> {
  const calm = { ...remote, runtime: await remote.afterwards() }
  try {
    if (id !== undefined) return await removeContainer(calm, id, { force: true, stopTimeoutSeconds: 0 })
  } catch { /* another may have removed it */ }
  await removePod(calm, podId)
}

/** Pulls what is not there, then makes pod and container; whatever fails, no half of it stays. */
async function make(remote: Remote, { args, options, out }: CreateCall): Promise<{ id: string; podId: string }> {
  const { runtime, wire, handler } = remote
  using idFile = openIdFile(options.cidfile)
  const [typed, ...command] = args as [string, ...string[]]
  const policy = parsePullPolicy(options.pull, 'missing')
  const { pod, container } = await describe(options, { image: typed, command })
  await freeName(remote, container.annotations[OWN_NAME]!, options.replace)
  const image = await provideImage(remote, typed, { policy, creds: options.creds, quiet: options.quiet, out })
  const whole = image.names.find((name) => name === typed || name.endsWith(`/${typed}`) || name.endsWith(`/${typed}:latest`)) ?? typed
  container.image = wire.ImageSpec.fromPartial({ image: whole, userSpecifiedImage: whole })
  const { podSandboxId: podId } = await runtime.call(wire.RuntimeServiceService.runPodSandbox, wire.RunPodSandboxRequest.fromPartial({ config: pod, runtimeHandler: handler })).catch(async (error: unknown) => { throw await startFailure(error) })
  try {
    const { makeLogFolder } = await import('../../cri/client/log-folder.ts')
    makeLogFolder(runtime, pod, container)
    const { containerId: id } = await runtime.call(wire.RuntimeServiceService.createContainer, wire.CreateContainerRequest.fromPartial({ podSandboxId: podId, config: container, sandboxConfig: pod }))
    idFile.write(id)
    return { id, podId }
  } catch (error) {
    await clear(remote, undefined, podId).catch(() => {})
    // CRI-O has runc look for the command already here
    throw await startFailure(error)
  }
}

/** @throws Failure exists */
async function freeName(remote: Remote, name: string, replace: boolean): Promise<void> {
  const holder = (await listRows(remote)).find((row) => row.name === name)
  if (holder && !replace) throw new Failure('exists', `the name "${name}" is already in use by container ${holder.id.slice(0, 12)}`, { hint: 'remove it first, choose another name, or use --replace' })
  if (holder) await removeContainer(remote, holder.id, { force: true })
}

const PRIVATE: readonly string[] = ['', 'private', 'pod', 'bridge', 'default', 'shareable']

/** What the pod's own is by default, in podman's words, is nothing to ask for. */
const spaceOf = (mode: string | undefined): string | undefined => (mode === undefined || PRIVATE.includes(mode) ? undefined : mode)

async function describe(options: CreateValues, { image, command }: { image: string; command: readonly string[] }): Promise<{ pod: PodSandboxConfig; container: ContainerConfig }> {
  const { containerFromFlags, podFromFlags } = await import('../../cri/client/from-flags.ts')
  const here = environment().all
  const texts = (pairs: Pairs): string[] => pairs.map((pair) => pair.join('='))
  const [ports, mounts] = [options.publish.flatMap(parsePublish), options.mount.map(bindOf)]
  const flags = {
    ...options, image, command, ...(options.name === undefined ? {} : { name: checkName(options.name) }),
    env: texts([...(options.envHost ? Object.entries(here) as [string, string][] : []), ...options.envFile.flatMap((file) => readEnvFile(file, here)), ...parseEnv(options.env, here)]), envFile: [],
    label: texts([...options.labelFile.flatMap(readLabelFile), ...parseLabels(options.label)]), annotation: texts(parseLabels(options.annotation, '--annotation')),
    publish: ports.flatMap(publishTexts), volume: [...options.volume, ...mounts],
    cpus: options.cpus === undefined ? undefined : String(options.cpus), network: options.network.map(spaceOf).find((mode) => mode !== undefined), pid: spaceOf(options.pid), ipc: spaceOf(options.ipc),
  }
  const pod = podFromFlags(flags)
  const container = containerFromFlags(flags, pod)
  container.annotations[OWN_NAME] = pod.metadata!.name
  if (ports.length > 0) container.annotations[PORTS] = JSON.stringify(pod.portMappings.map(({ containerPort, hostPort, hostIp, protocol }) => ({ containerPort, hostPort, protocol: PROTOCOLS[protocol], ...(hostIp === '' ? {} : { hostIP: hostIp }) })))
  // with a terminal one can leave and come back
  container.stdinOnce = options.interactive && !options.tty
  limit(container, options)
  return { pod, container }
}

/** By Protocol. */
const PROTOCOLS = ['TCP', 'UDP', 'SCTP']

function publishTexts({ hostIp, hostPort, containerPort, protocol, count }: PortRequest): string[] {
  if (hostPort === 0) throw new Failure('unsupported', `--publish ${containerPort}: the CRI chooses no port of the node`, { hint: `give one, such as ${containerPort}:${containerPort}` })
  const ip = hostIp === undefined || hostIp === '' ? '' : `${hostIp.includes(':') ? `[${hostIp}]` : hostIp}:`
  return Array.from({ length: count }, (_, at) => `${ip}${hostPort + at}:${containerPort + at}/${protocol}`)
}

/** @throws Failure unsupported: only paths of the node can be mounted */
function bindOf(text: string): string {
  const mount = parseMount(text, { cwd: currentDirectory() })
  if (mount.type !== 'bind') throw new Failure('unsupported', `--mount type=${mount.type} cannot be expressed over the CRI (--endpoint)`, { hint: 'mount a path of the node: type=bind' })
  return [mount.source, mount.target, [mount.readOnly ? 'ro' : 'rw', ...(mount.propagation ? [mount.propagation] : []), ...mount.options ?? []].join(',')].join(':')
}

/** Limits and groups that only podman's flags have. */
function limit(container: ContainerConfig, { memorySwap, oomScoreAdj, cpuPeriod, cpuQuota, cgroupConf, groupAdd }: CreateValues): void {
  const { resources, securityContext } = container.linux!
  if (memorySwap !== undefined) resources!.memorySwapLimitInBytes = BigInt(memorySwap)
  if (oomScoreAdj !== undefined) resources!.oomScoreAdj = BigInt(oomScoreAdj)
  if (cpuPeriod !== undefined) resources!.cpuPeriod = BigInt(cpuPeriod)
  if (cpuQuota !== undefined) resources!.cpuQuota = BigInt(cpuQuota)
  for (const [name, value] of parseAssignments(cgroupConf, '--cgroup-conf')) resources!.unified[name] = value
  for (const group of groupAdd) {
    if (!/^\d+$/.test(group)) throw new Failure('unsupported', `--group-add ${group}: the CRI knows groups by their number only`, { hint: 'give the number' })
    securityContext!.supplementalGroups.push(BigInt(group))
  }
}
