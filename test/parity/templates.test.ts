// `--format` over every kind of object gives what Debian's podman gives on a twin, or what docs/parity.md says.
import '../support/jail.ts'
import test from 'node:test'
import { openSuite } from '../support/suite.ts'
import { makeObjects } from './twin-objects.ts'
import { compareAll, openTwins, type Comparison, type Twins } from './twins.ts'

const suite = openSuite()

const ALL = ['plain', 'web', 'tty', 'full', 'ended', 'made', 'held']
const of = (template: string, ...names: string[]): Comparison => ({ args: ['inspect', '--format', template, ...(names.length ? names : ALL)] })
const ps = (template: string, more: Omit<Comparison, 'args'> = {}): Comparison => ({ args: ['ps', '-a', '--sort', 'names', '--format', template], ...more })
const images = (template: string, more: Omit<Comparison, 'args'> = {}): Comparison => ({ args: ['images', '--sort', 'repository', '--format', template], ...more })

const listed = (line: string, comparison: Comparison): Comparison => ({ ...comparison, listed: line })

const CONTAINERS: readonly Comparison[] = [
  of('{{.Id}} {{.ID}} {{.Name}}'), of('{{.Name}} {{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Dead}} {{.State.Restarting}}'),
  of('{{.State.StartedAt}} {{.State.FinishedAt}} {{.Created}}'), of('{{.Path}} {{json .Args}}', 'plain', 'web', 'full', 'ended'), of('{{.Image}} {{.ImageName}} {{.ImageDigest}}'),
  of('{{.Config.Image}} {{.Config.Cmd}} {{.Config.Entrypoint}} {{.Config.User}} {{.Config.WorkingDir}}'), of('{{.Config.Tty}} {{.Config.OpenStdin}} {{.Config.StdinOnce}}'), of('{{.Config.Hostname}}', 'plain', 'web', 'full', 'ended', 'made', 'held'), listed('`inspect` of a container', of('{{.Config.Hostname}}', 'tty')),
  of('{{json .Config.Labels}}'), of('{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}'), of('{{index .Config.Labels "a"}}', 'plain', 'web'), of('{{.Config.Labels.a}}', 'plain'),
  of('{{.Config.StopSignal}} {{.Config.StopTimeout}} {{.Config.Timeout}} {{.Config.Umask}} {{.Config.Timezone}}'), listed('`inspect` of one that does not run', of('{{range .Config.Env}}{{println .}}{{end}}', 'full')), of('{{range .Config.Env}}{{if eq (slice . 0 2) "A="}}{{.}}{{end}}{{end}}', 'full'),
  of('{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.CpuPeriod}} {{.HostConfig.CpuQuota}} {{.HostConfig.PidsLimit}}'),
  of('{{json .HostConfig.CapAdd}} {{json .HostConfig.CapDrop}}'), of('{{.HostConfig.NetworkMode}} {{.HostConfig.PidMode}} {{.HostConfig.UTSMode}} {{.HostConfig.IpcMode}} {{.HostConfig.UsernsMode}}'),
  of('{{.HostConfig.Binds}}'), of('{{json .HostConfig.Tmpfs}}', 'plain', 'full'), of('{{json .HostConfig.PortBindings}}'), of('{{json .NetworkSettings.Ports}}'),
  of('{{.HostConfig.LogConfig.Type}} {{.HostConfig.LogConfig.Tag}} {{.HostConfig.LogConfig.Size}}'), of('{{.HostConfig.RestartPolicy.MaximumRetryCount}} {{.HostConfig.AutoRemove}} {{.HostConfig.Privileged}} {{.HostConfig.PublishAllPorts}}'),
  of('{{.HostConfig.RestartPolicy.Name}}', 'full'), of('{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.OomScoreAdj}} {{.HostConfig.GroupAdd}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Cgroups}}'),
  of('{{range .HostConfig.Ulimits}}{{.Name}}={{.Soft}}:{{.Hard}} {{end}}', 'plain', 'web'), of('{{.HostConfig.ShmSize}}', 'full'), of('{{json .HostConfig.Dns}} {{.HostConfig.DnsSearch}} {{.HostConfig.DnsOptions}} {{.HostConfig.ExtraHosts}}'),
  ...['ro', 'suid', 'open', 'mode', 'many'].map((name) => of('{{json .HostConfig.Tmpfs}}', name)), of('{{json .HostConfig.Binds}}', 'nosuid'), of('{{range .Mounts}}{{.Options}} {{.RW}};{{end}}', 'nosuid'), of('{{json .HostConfig.Binds}} {{range .Mounts}}{{.Options}}{{end}}', 'vol'), of('{{json .HostConfig.Binds}}', 'slave'),
  of('{{json .EffectiveCaps}} {{json .BoundingCaps}}', 'none'), of('{{json .EffectiveCaps}}', 'user', 'user-adds', 'user-runs'), of('{{json .HostConfig.CapAdd}}', 'none', 'user-adds'), of('{{len .HostConfig.CapDrop}}', 'one'), of('{{json .HostConfig.Dns}}', 'dns'),
  of('{{range .HostConfig.Devices}}{{.PathOnHost}}:{{.PathInContainer}}{{end}}'), of('{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}} {{.Propagation}} {{.Options}};{{end}}'), of('{{len .Mounts}} {{(index .Mounts 0).Type}}', 'full'),
  of('{{range .Mounts}}{{if eq .Type "volume"}}{{.Name}}{{else}}{{.Source}}{{end}} {{end}}', 'full'), of('{{.NetworkSettings.IPAddress}} {{.NetworkSettings.Gateway}} {{.NetworkSettings.MacAddress}}', 'web', 'plain'),
  of('{{range $name, $net := .NetworkSettings.Networks}}{{$name}} {{$net.IPAddress}}/{{$net.IPPrefixLen}} {{$net.Gateway}} {{$net.NetworkID}}{{end}}', 'web'), of('{{.NetworkSettings.Networks.lan.IPAddress}}', 'web'),
  of('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', 'web'), of('{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{(index $c 0).HostPort}} {{end}}', 'web'),
  of('{{.RestartCount}} {{.Driver}} {{.OCIRuntime}} {{.Pod}} {{.Rootfs}} {{.IsInfra}} {{.IsService}}'), of('{{.GraphDriver.Name}} {{len .GraphDriver.Data}}', 'plain'), of('{{.ExecIDs}} {{len .ExecIDs}} {{.Dependencies}}'),
  of('{{printf "%-8s|%5d|%05d|%x|%q|%v|%t" .Name .State.ExitCode .State.ExitCode .Name .Name .State.Status .State.Running}}'), of('{{if .State.Running}}up{{else if eq .State.Status "created"}}new{{else}}down{{end}}'),
  of('{{with .Config.Labels}}{{len .}}{{else}}none{{end}}'), of('{{if and .State.Running (not .Config.Tty)}}a{{end}}{{if or .Config.Tty .State.Paused}}b{{end}}{{if ne .State.ExitCode 0}}c{{end}}{{if gt .State.ExitCode 2}}d{{end}}'),
  of('{{upper .Name}} {{title .Name}} {{lower "ABC"}} {{join .Args ","}}', 'plain', 'web'), of('{{slice .Name 0 3}} {{len .Name}} {{index .Args 0}}', 'plain', 'ended'),
  of('{{json .State.Status}} {{json .HostConfig.Devices}}', 'plain'), of('{{- .Name -}}  {{- " x " -}}\n'), of('{{/* comment */}}{{$x := .Name}}{{$x}} {{print 1 2 "a" "b" 3}} {{println "x"}}', 'plain'), of('a\\tb\\n{{.Name}}', 'plain'),
  of('{{.NoSuchField}}', 'plain'), of('{{.State.NoSuch}}', 'plain'), of('{{.Name', 'plain'), of('{{nosuch .Name}}', 'plain'), of('{{.Name.x}}', 'plain'), of('{{index .Args 99}}', 'plain'), of('{{.Name}}', 'plain', 'nosuch', 'web'), of('{{template "x"}}', 'plain'),
  of('{{.Config.Labels.none}}', 'plain'), of('{{.Config.Labels}} {{.Config.Cmd | len}}', 'full'), of('{{.HostConfig.PortBindings}}', 'plain'), of('{{.State}}', 'nosuch'),
  { args: ['container', 'inspect', '-f', '{{.Name}}', 'plain'] }, { args: ['inspect', '--type', 'container', '-f', '{{.Name}}', 'plain'] }, { args: ['inspect', '--type', 'image', '-f', '{{.Id}}', 'plain'] }, { args: ['inspect', 'nosuch'] },
]

/** Each shows a difference that docs/parity.md tells of. */
const DIFFERENT: readonly Comparison[] = [
  listed('`ps --format json`', { args: ['ps', '-a', '--format', 'json'] }), listed('`inspect` of an image', { args: ['image', 'inspect', '--format', '{{len .GraphDriver.Data}} {{.Size}}', 'mine:2'] }),
  listed('`inspect` of a container', of('{{json .Config.Annotations}}', 'plain')), listed('`inspect` of a container', of('{{.HostConfig.CgroupMode}} {{json .Config.CreateCommand}} {{.Config.Env}}', 'plain')),
  listed('default capabilities', of('{{json .EffectiveCaps}}', 'plain')), listed('`HostConfig.RestartPolicy.Name`', of('{{.HostConfig.RestartPolicy.Name}}', 'plain')), listed('`HostConfig.ShmSize`', of('{{.HostConfig.ShmSize}}', 'plain')),
  listed('`ps --format`: `Restarts`, `PodID`, `join .Names`', ps('{{.Restarts}}')), listed('`ps --format`: `Restarts`, `PodID`, `join .Names`', ps('{{join .Names ","}}')), listed('`{{.Label "key"}}`', ps('{{.Label "a"}}')),
  listed('`volume inspect`', { args: ['volume', 'inspect', '--format', '', 'data'] }), listed('`network` templates', { args: ['network', 'inspect', '--format', '{{.Subnets}}', 'lan'] }), listed('`images --format json`', { args: ['images', '--format', 'json'], mask: [[/"(Virtual)?Size": \d+/g, '']] }),
  listed('templates', of('{{define "x"}}<{{.}}>{{end}}{{template "x" .Name}}', 'plain')), listed('`version`', { args: ['version', '--format', '{{.Client.NodeVersion}}'] }),
]

const LISTS: readonly Comparison[] = [
  ps('{{.ID}} {{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Status}}'), ps('table {{.ID}} {{.Names}} {{.Image}}'), ps('table {{.Names}}\\t{{.Status}}\\t{{.Ports}}'), ps('{{.Names}}|{{.Ports}}'), ps('{{.CreatedAt}} {{.RunningFor}} {{.CreatedHuman}}'),
  ps('{{.Labels}}'), ps('{{json .Labels}}'), ps('{{range $k, $v := .Labels}}{{$k}}{{end}}'), ps('{{.Mounts}}', { mask: [[/.*/g, '']] }), ps('{{.Networks}} {{.Pod}}{{.PodName}}{{.IsInfra}}'), ps('{{.ExitCode}} {{.Exited}} {{.AutoRemove}}'),
  ps('{{range .}}{{.Names}},{{end}}'), ps('{{len .}}', {}), ps('{{.Names | upper}}{{pad .Names 1 2}}.{{truncate .Names 2}}'), ps('{{.Size}}'), ps('{{.Pid}}', { mask: [[/[1-9]\d*/g, '<pid>']] }), ps('{{.NoSuch}}'), ps('{{.Names'), listed('`ps --format table`, `--format ""`', ps('')), listed('`ps --format table`, `--format ""`', ps('table')),
  ps('{{printf "%10.3s|%-6s|" .Names .State}}'), ps('x'), ps('{{.ImageID}}'), ps('{{.StartedAt}} {{.ExitedAt}}'), ps('{{if .Ports}}{{.Names}}{{end}}'), ps('{{eq .State "running"}}'), ps('table {{.Names}} {{.Names}}'), ps('table {{.ID}}:{{.Names}}'), ps('{{split .Names "l"}}'),
  { args: ['ps', '-a', '--sort', 'names', '--noheading', '--format', 'table {{.Names}} {{.State}}'] }, { args: ['ps', '-a', '--no-trunc', '--sort', 'names', '--format', '{{.ID}} {{.Command}} {{.ImageID}}'] }, listed('`ps -q --format`', { args: ['ps', '-q', '--format', 'x'] }),
  images('{{.ID}} {{.Repository}} {{.Tag}}'), images('table {{.ID}} {{.Repository}}\\t{{.Tag}}'), images('{{.Digest}}'), images('{{.Created}} {{.CreatedSince}} {{.CreatedAt}}'), images('{{.Names}} {{.Containers}} {{.Dangling}} {{.ReadOnly}}'),
  images('{{.NoSuch}}'), images('{{json .Labels}} {{.Labels}}'), images('table {{.Repository}} {{.Size}}', { mask: [[/[\d.]+ [kM]?B/g, '<size>']] }), images('{{.Repository}}:{{.Tag}}'), images('{{.RepoTags}}'), images('{{.History}}'),
  { args: ['image', 'inspect', '--format', '{{.Id}} {{.Architecture}} {{.Os}} {{.Author}} {{.Parent}} {{.User}} {{.Version}}', 'localhost/mine:2'] }, { args: ['image', 'inspect', '--format', '{{.Config.Cmd}} {{.Config.Env}} {{.Config.Entrypoint}} {{json .Config.Labels}}', 'mine:2'] },
  { args: ['image', 'inspect', '--format', '{{range .RootFS.Layers}}{{println .}}{{end}}{{.RootFS.Type}} {{.ManifestType}} {{json .Config}}', 'mine:2'] }, { args: ['image', 'inspect', '--format', '{{.Digest}} {{json .RepoTags}}', 'mine:2'] },
  { args: ['image', 'inspect', '--format', '{{json .RepoDigests}}', 'mine:2'] }, { args: ['image', 'inspect', '--format', '{{range .History}}{{.CreatedBy}};{{end}} {{.NamesHistory}}', 'mine:2'] }, { args: ['image', 'inspect', '--format', '{{.Nope}}', 'mine:2'] },
  { args: ['inspect', '--format', '{{.Id}}', 'mine:2'] }, { args: ['image', 'inspect', 'nosuch:1'] },
  { args: ['network', 'ls', '--filter', 'name=lan', '--format', '{{.Name}} {{.Driver}} {{.ID}}'] }, { args: ['network', 'ls', '--format', 'table {{.Name}}\\t{{.Driver}}', '--filter', 'driver=bridge', '--filter', 'name=lan|back'] }, { args: ['network', 'ls', '--filter', 'name=lan', '--format', '{{.Labels}} {{.Internal}} {{.IPv6Enabled}} {{.DNSEnabled}}'] },
  { args: ['network', 'inspect', '--format', '{{.Name}} {{.Driver}} {{.Internal}} {{.IPv6Enabled}} {{.DNSEnabled}} {{json .Labels}} {{json .Subnets}}', 'lan', 'back'] }, { args: ['network', 'inspect', '--format', '{{range .Subnets}}{{.Gateway}} {{.Subnet}}{{end}} {{.ID}}', 'lan', 'back'] },
  { args: ['network', 'inspect', '--format', '{{.Options}} {{json .IPAMOptions}} {{.NetworkInterface}}', 'lan'] }, { args: ['network', 'inspect', '--format', '{{.Nope}}', 'lan'] }, { args: ['network', 'inspect', 'nosuch'] }, { args: ['network', 'ls', '--format', '{{.Nope}}'] },
  { args: ['volume', 'ls', '--format', '{{.Name}} {{.Driver}} {{.Scope}} {{.Mountpoint}}', '--filter', 'name=data|other'] }, { args: ['volume', 'ls', '--format', 'table {{.Name}} {{.Driver}}', '--filter', 'label=v'] }, { args: ['volume', 'ls', '--format', '{{json .Labels}} {{.Labels}} {{.Options}}', '--filter', 'label=v'] },
  { args: ['volume', 'inspect', '--format', '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}} {{json .Options}} {{.CreatedAt}} {{.Anonymous}} {{.MountCount}} {{.UID}} {{.GID}}', 'data', 'other'] }, { args: ['volume', 'inspect', '--format', '{{.Nope}}', 'data'] }, { args: ['volume', 'inspect', 'nosuch'] },
  { args: ['info', '--format', '{{.Host.Arch}} {{.Host.OS}} {{.Host.CPUs}} {{.Host.Hostname}} {{.Host.Kernel}} {{.Host.MemTotal}} {{.Host.CgroupsVersion}} {{.Host.CgroupManager}}'] }, { args: ['info', '--format', '{{.Store.GraphDriverName}} {{.Store.ContainerStore.Number}} {{.Store.ContainerStore.Running}} {{.Store.ContainerStore.Paused}} {{.Store.ContainerStore.Stopped}} {{.Store.ImageStore.Number}} {{.Store.GraphRoot}}'] },
  { args: ['info', '--format', '{{.Host.Distribution.Distribution}} {{.Host.Distribution.Version}} {{.Host.Distribution.Codename}} {{.Host.OCIRuntime.Name}} {{.Host.LogDriver}} {{.Host.ServiceIsRemote}} {{.Host.SwapTotal}}'] }, { args: ['info', '--format', '{{.Host.Security.Rootless}} {{.Host.Security.SELinuxEnabled}} {{.Host.Security.AppArmorEnabled}} {{.Host.Security.SECCOMPEnabled}}'] },
  { args: ['info', '--format', '{{.Store.VolumePath}} {{.Store.ImageCopyTmpDir}} {{.Host.Uptime}}'], mask: [[/[\d.]+/g, '<n>']] }, listed('`info`', { args: ['info', '--format', '{{.Host.OCIRuntime.Version}}'] }), { args: ['info', '--format', '{{json .Host.IDMappings}} {{.Host.RemoteSocket.Exists}} {{.Store.GraphOptions}}'] }, { args: ['info', '--format', '{{.Nope}}'] }, { args: ['info', '--format', '{{json .Store.ContainerStore}}'] },
  { args: ['version', '--format', '{{.Client.OsArch}} {{.Client.Os}}'] }, { args: ['version', '--format', '{{.Nope}}'] }, { args: ['version', '--format', '{{.Server}}'] }, { args: ['version', '--format', '{{.Server.Os}} {{.Server.OsArch}}'] },
  { args: ['events', '--stream=false', '--since', '10m', '--filter', 'container=ended', '--format', '{{.Type}} {{.Status}} {{.Name}} {{.Image}} {{.ID}}'], mask: [[/^container (init|cleanup) .*\n/gm, '']] }, { args: ['events', '--stream=false', '--since', '10m', '--filter', 'event=died', '--format', '{{.Name}} {{.ContainerExitCode}}'] },
  listed('`events`', { args: ['events', '--stream=false', '--since', '10m', '--filter', 'container=plain', '--format', '{{.Status}}'] }), { args: ['events', '--stream=false', '--since', '10m', '--filter', 'container=plain', '--filter', 'event=create', '--format', '{{json .}}'] }, { args: ['events', '--stream=false', '--since', '10m', '--filter', 'container=plain', '--filter', 'event=start', '--format', '{{.Attributes}}'] }, { args: ['events', '--stream=false', '--since', '10m', '--format', '{{.Nope}}'] },
]

/** Containers that say one thing each about mounts and rights. */
async function makeMounts({ make, shared }: Twins): Promise<void> {
  const container = (name: string, ...flags: string[]) => make('create', '--name', name, '--network', name === 'dns' ? 'lan' : 'none', ...flags, suite.busybox, 'sleep', '1000')
  await container('ro', '--tmpfs', '/t:ro')
  await container('suid', '--tmpfs', '/t:exec,suid,dev')
  await container('open', '--tmpfs', '/t:noexec')
  await container('mode', '--tmpfs', '/t:mode=700,notmpcopyup')
  await container('many', '--tmpfs', '/t:size=1m,mode=1777,noexec,rw')
  await container('nosuid', '-v', `${shared}:/n:nosuid,noexec`)
  await container('vol', '-v', 'data:/n:nosuid,noexec')
  await container('slave', '-v', `${shared}:/n:ro,z,noexec,rslave`)
  await container('none', '--cap-drop', 'ALL')
  await container('user', '-u', '1000')
  await container('user-adds', '-u', '1000', '--cap-add', 'NET_ADMIN')
  await container('one', '--cap-drop', 'ALL', '--cap-add', 'CHOWN,KILL,FOWNER,FSETID,DAC_OVERRIDE,NET_BIND_SERVICE,SETGID,SETUID,SETPCAP,SETFCAP,SYS_CHROOT,MKNOD,AUDIT_WRITE,NET_RAW')
  await container('dns', '--dns', 'none')
  await make('run', '-d', '--name', 'user-runs', '--network', 'none', '--stop-timeout', '0', '-u', '1000', suite.busybox, 'sleep', '1000')
}

const NUMBERS = [[/\b[\d.]+(e\+\d+)?([nµm]?s|[kMGT]?i?B|%)?/g, '<n>']] as const
const stats = (template: string, more: Omit<Comparison, 'args'> = {}): Comparison => ({ args: ['stats', '--no-stream', '--format', template, 'plain', 'web', 'ended'], mask: NUMBERS, ...more })
const STATS: readonly Comparison[] = [
  stats('{{.Name}} {{.ID}} {{.ContainerID}} {{.CPUPerc}} {{.AVGCPU}} {{.CPU}} {{.AvgCPU}} {{.UpTime}} {{.Up}}'), stats('{{.MemUsage}} {{.MemUsageBytes}} {{.MemPerc}} {{.MemLimit}}'), stats('{{.MemLimit}}', { mask: [] }),
  stats('{{.BlockIO}} {{.BlockInput}} {{.BlockOutput}} {{.PIDS}} {{.PIDs}} {{.NetIO}} {{.NetInput}} {{.NetOutput}}'), stats('{{.PIDs}}', { mask: [] }), stats('table {{.Name}} {{.CPUPerc}} {{.MemUsage}}', { mask: [...NUMBERS, [/ +/g, ' ']] }), stats('json'), stats('{{.Nope}}'),
  { args: ['stats', '--no-stream', 'nosuch'] }, { args: ['stats', '--no-stream', '--interval', '0', 'plain'] }, { args: ['stats', '--no-stream', '--latest', 'plain'] }, listed('`stats`', { args: ['stats', '--no-stream', '--format', '{{.Name}}'], unordered: true }),
]

test('templates of containers, images, networks, volumes, info, version and events', async (t) => {
  const twins = await openTwins(t, suite)
  await makeObjects(twins, suite)
  await makeMounts(twins)
  await compareAll(t, twins, [...CONTAINERS, ...LISTS, ...STATS, ...DIFFERENT])
})
