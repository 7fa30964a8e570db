// What the man pages of listings say about filters and templates.
import type { ManSection as Section } from '../../cli/man.ts'

type Terms = NonNullable<Section['terms']>

const RULE = 'A filter is KEY=VALUE and may be given again: with one key, either may match (all labels must); with different keys, all must.'
const filters = (terms: Terms): Section => ({ heading: 'FILTERS', text: RULE, terms })
const format = (fields: string): Section => ({
  heading: 'FORMAT',
  text: '--format takes json, a Go template such as "{{.ID}} {{.Names}}", or "table TEMPLATE", which adds headings and columns. Templates know Go\'s own functions and json, join, split, lower, upper, title, pad and truncate. Fields:',
  fields: fields.split(' '),
})

const LABELS: Terms = [['label=KEY[=VALUE]', 'With this label; * in the key stands for anything'], ['label!=KEY[=VALUE]', 'Without it']]
const UNTIL: Terms[number] = ['until=TIME', 'Made before then: a time, seconds since 1970, or an age such as 24h']

const PS: Terms = [
  ['id=ID, name=NAME', 'By the beginning of the id, or a regular expression'],
  ['status=STATUS', 'created, running, paused, exited, removing, ...'],
  ['exited=CODE', 'Ended with this exit code'],
  ['ancestor=IMAGE', 'Made of this image or of one built on it'],
  ['before=CONTAINER, since=CONTAINER', 'Made before or after another'],
  ...LABELS, UNTIL,
  ['network=NAME', 'On this network'],
  ['volume=VOLUME', 'With this volume, or a path mounted from the host or in the container'],
  ['pod=POD', 'Of this pod'],
  ['command=COMMAND', 'A regular expression for the first word of its command'],
  ['restart-policy=POLICY', 'no, always, unless-stopped or on-failure'],
  ['should-start-on-boot=true|false', 'Whether it comes back after a boot'],
  ['health=STATUS', 'Accepted for compatibility: every container has none'],
]

const IMAGES: Terms = [
  ['reference=PATTERN', 'Names that match; * and ? stand for anything and for one character'],
  ['id=ID, digest=DIGEST', 'By the beginning of the id, or the digest of the manifest'],
  ['dangling=true|false', 'Without a name, or with one'],
  ['before=IMAGE, since=IMAGE, after=IMAGE', 'Made before or after another'],
  ...LABELS, UNTIL,
  ['containers=true|false|external', 'Used by a container or not'],
  ['intermediate=true|false', 'Without a name and with others built on it'],
  ['readonly=true|false, manifest=true|false', 'Accepted for compatibility: there are no such images'],
]

const VOLUMES: Terms = [
  ['name=NAME', 'A regular expression'],
  ['dangling=true|false', 'Used by no container, or by one'],
  ['anonymous=true|false', 'Made without a name'],
  ...LABELS,
  ['opt=NAME[=VALUE]', 'Made with this option'],
  ['driver=local, scope=local', 'There are no others'],
  UNTIL,
  ['since=VOLUME, after=VOLUME', 'Made after another'],
]

const NETWORKS: Terms = [
  ['name=NAME', 'A regular expression'],
  ['id=ID', 'By the beginning of the id'],
  ['driver=DRIVER', 'bridge, macvlan, ipvlan, ...'],
  ['dangling=true|false', 'Used by no container, or by one'],
  ...LABELS, UNTIL,
]

const EVENTS: Terms = [
  ['container=NAME, image=NAME, volume=NAME, network=NAME, pod=NAME', 'Of this object, by name or id'],
  ['event=STATUS, status=STATUS', 'create, start, died, stop, kill, pause, remove, pull, tag, ...'],
  ['type=TYPE', 'container, image, volume, network, pod or system'],
  ['label=KEY[=VALUE]', 'Of a container with this label'],
]

const PODS: Terms = [
  ['id=ID, name=NAME', 'By the beginning of the id, or a regular expression'],
  ['status=STATUS', 'Created, Running, Exited, Degraded, ...'],
  ...LABELS, UNTIL,
  ['network=NAME', 'On this network'],
  ['ctr-ids=ID, ctr-names=NAME, ctr-status=STATUS', 'With a container of which this is true'],
  ['ctr-number=NUMBER', 'With so many containers'],
]

/** Sections by the command's name. A test holds the keys against those that the commands take. */
export const LISTINGS: Readonly<Record<string, readonly Section[]>> = {
  ps: [filters(PS), format('AutoRemove Command Created CreatedAt CreatedHuman ExitCode Exited ExitedAt ID Image ImageID Labels Mounts Names Namespaces Networks Pid Pod PodName Ports Restarts RunningFor Size StartedAt State Status CGROUPNS IPC MNT NET PIDNS USERNS UTS')],
  stats: [format('AVGCPU AvgCPU BlockIO BlockInput BlockOutput CPU CPUNano CPUPerc CPUSystemNano ContainerID Duration ID MemLimit MemPerc MemUsage MemUsageBytes Name NetIO NetInput NetOutput PIDS PIDs PerCPU SystemNano Up UpTime')],
  images: [filters(IMAGES), format('Containers Created CreatedAt CreatedSince CreatedTime Dangling Digest Digests History ID Id Labels Names ReadOnly RepoDigests RepoTags Repository Size Tag VirtualSize')],
  'volume ls': [filters(VOLUMES), format('Anonymous CreatedAt Driver GID Labels MountCount Mountpoint Name Options Scope UID')],
  'network ls': [filters(NETWORKS), format('Created DNSEnabled Driver ID IPAMOptions IPv6Enabled Internal Labels Name NetworkInterface Options Routes Subnets')],
  events: [filters(EVENTS), format('Attributes ContainerExitCode HealthStatus ID Image Name Network Status Time Type')],
  'pod ps': [filters(PODS), format('ContainerIds ContainerNames ContainerStatuses Created ID InfraID Labels Name Networks NumberOfContainers Status')],
  'image prune': [filters(IMAGES)],
  'volume prune': [filters(VOLUMES)],
  'network prune': [filters(NETWORKS)],
  'container prune': [filters([...LABELS, UNTIL])],
}
