// Flags that describe a pod and a container, in podman's words.
import { commaList, flag, integer, list, size, text } from '../../cli/option.ts'

export const podOptions = {
  annotation: list('--annotation <name=value>', 'Annotation'),
  cgroupParent: text('--cgroup-parent <path>', 'Cgroup above the pod\'s'),
  dns: list('--dns <address>', 'Name server'),
  dnsOption: list('--dns-option <option>', 'Option of resolv.conf'),
  dnsSearch: list('--dns-search <domain>', 'Search domain'),
  hostname: text('--hostname <name>', 'Host name of the pod'),
  ipc: text('--ipc <mode>', 'pod or host'),
  label: list('-l, --label <name=value>', 'Label'),
  name: text('--name <name>', 'Name of the pod, and of its container'),
  namespace: text('--namespace <name>', 'Kubernetes namespace of the pod'),
  network: text('--network <mode>', 'pod or host'),
  pid: text('--pid <mode>', 'container, pod or host'),
  privileged: flag('--privileged', 'Give all rights'),
  publish: list('-p, --publish <host:container>', 'Publish a port of the container at that one of the node'),
  sysctl: list('--sysctl <name=value>', 'Kernel parameter of the pod'),
}

export const containerOptions = {
  capAdd: commaList('--cap-add <name>', 'Add a capability'),
  capDrop: commaList('--cap-drop <name>', 'Drop a capability'),
  cpuShares: integer('-c, --cpu-shares <weight>', 'Share of the cpu against others'),
  cpus: text('--cpus <number>', 'At most so many processors'),
  cpusetCpus: text('--cpuset-cpus <list>', 'Processors it may use'),
  cpusetMems: text('--cpuset-mems <list>', 'Memory nodes it may use'),
  device: list('--device <host[:container[:rights]]>', 'Pass on a device'),
  entrypoint: text('--entrypoint <program>', 'Instead of the image\'s'),
  env: list('-e, --env <name=value>', 'Set an environment variable'),
  envFile: list('--env-file <file>', 'Read environment variables from a file', { complete: 'file' }),
  interactive: flag('-i, --interactive', 'Keep standard input open'),
  memory: size('-m, --memory <bytes>', 'Limit of memory'),
  readOnly: flag('--read-only', 'Do not let it write to its root'),
  securityOpt: list('--security-opt <option>', 'seccomp=, apparmor= or no-new-privileges'),
  tty: flag('-t, --tty', 'Make a terminal'),
  user: text('-u, --user <user[:group]>', 'User it runs as'),
  volume: list('-v, --volume <host:container[:options]>', 'Mount a path of the node'),
  workdir: text('-w, --workdir <dir>', 'Working directory'),
}
export const dryRun = flag('--dry-run', 'Print the messages that would be sent, and send none')
