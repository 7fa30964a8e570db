// docs/parity.md: where scow's commands differ from podman's. The flags come from the specs; the rest is said here.
import type { AnyCommand, OptionSpec } from '../cli/command.ts'
import { ALL } from './all.ts'
import { MOUNTS } from './table.ts'

const DIFFERENCES: readonly (readonly [string, string])[] = [
  ['errors', 'One line: `Error: what; what to do`. podman prints the hint as a second line.'],
  ['`ps --format json`', 'Empty objects are `{}`; podman 4.3 prints them over two lines. `Restarts` is there as in podman 5.'],
  ['`inspect` of an image', 'The same fields; `GraphDriver.Data` names our folders and has no `WorkDir`; `Size` counts the bytes of files, podman those of the archives.'],
  ['`inspect` of a container', '`Config.Annotations` has the annotations of the container and no notes of podman\'s own; `Config.CreateCommand` begins with `scow`; `HostConfig.CgroupMode` says `private` where the container has a cgroup namespace of its own. `IpcMode` says `host` where it is, `Hostname` is the host\'s with `--uts host`. `Env` has `container=oci`, and `TERM` with a terminal only.'],
  ['`inspect` of one that does not run', '`Config.Env` has what the image and the flags give, without what each start adds (`HOSTNAME`, `HOME`); SELinux labels are empty.'],
  ['default capabilities', 'Those of podman 5: without `AUDIT_WRITE`, `MKNOD` and `NET_RAW`, which podman 4.3 gives.'],
  ['default seccomp profile', 'On a kernel without the x32 ABI, as nearly all are, the filter has no rules for it: who calls it is killed, where podman lets the kernel answer ENOSYS. A profile that lists `architectures` is taken as it is.'],
  ['`HostConfig.RestartPolicy.Name`', '`no` where podman 4.3 prints nothing; `--filter restart-policy=no` matches it.'],
  ['`HostConfig.ShmSize`', '67108864 (64 MiB), as docker; podman 4.3 has 65536000.'],
  ['`ps`: PORTS', 'Exposed ports that are not published come last, as in podman 5.'],
  ['`ps --filter`', '`label!`, `command`, `should-start-on-boot` as in podman 5; `volume` takes the path in the container too; `health=none` matches all while there are no health checks; `ancestor` takes any name or short id of the image; `exited` shows what has ended without `--all`; a `name` that is not an expression is refused.'],
  ['`ps`: paused', 'Containers that are paused are shown without `--all`, as in docker.'],
  ['`images --filter`', '`reference` shows the names that match, podman 4.3 all names of the images that do; `id` takes a beginning; `intermediate=true` works.'],
  ['`volume inspect`', 'Has no `NeedsCopyUp` and `NeedsChown`, which are notes of podman to itself.'],
  ['`volume ls --filter`', 'Several `label` must all match, as elsewhere; with podman 4.3 one is enough.'],
  ['`stats`', 'Without `--all` those that run, as its help says; podman 4.3 shows all. `NET IO` is what the container received, then what it sent; podman 4.3 has them the other way round. The screen is cleared on a terminal only.'],
  ['`events --filter`', '`label` looks at the labels; unknown keys are refused, podman 4.3 ignores them.'],
  ['`ps --format`: `Restarts`, `PodID`, `join .Names`', 'Work; podman 4.3 has no such fields, and its `Names` cannot be joined.'],
  ['`network` templates', '`{{.Subnets}}` prints addresses as text, podman prints the bytes of Go\'s type.'],
  ['`events`', 'Networks that are made and removed are told of, as in podman 5. There are no `init`, `cleanup` and `attach` events, and no `exec_died` of a session that its user left by the detach keys. Times have milliseconds. Ids are shown in full unless `--no-trunc=false`.'],
  ['`images --format json`', 'One object for each image; podman has one for each name. `RepoTags` is null there too, names are in `Names`.'],
  ['`ps --format table`, `--format ""`', 'The default columns; podman prints the word, or empty lines.'],
  ['`ps -q --format`', 'Refused; podman 4.3 ignores `-q`.'],
  ['`{{.Label "key"}}`', 'Works in `ps` as with docker; podman 4.3 refuses it.'],
  ['templates', '`{{define}}` works; podman puts the template into a `{{range}}`, where it is not allowed.'],
  ['`info`', 'Package names of conmon and of the runtime are empty, versions are one line; what is of Go, of buildah and of slirp4netns is not there.'],
  ['`version`', '`NodeVersion` instead of `GoVersion`.'],
  ['`rm`, `wait` of several', 'Each is done for itself, with `stop`, `kill`, `start`, `restart`, `pause` and `unpause` too; podman 4.3 does nothing when one is missing. `rm` ends with 2 when one of them runs.'],
  ['`stop`, `restart` of one that is paused', 'Works, as in docker; podman refuses.'],
  ['`start` of one that runs', 'Prints its name, as for the others.'],
  ['`exec`: exit code', '125 when nothing could be run: no command, no such user, not running; podman ends with 255.'],
  ['`run`: exit code', '125 where something outside of the container is wrong: an unknown user or group, a port or address that is taken; podman 4.3 ends with 126 or 127.'],
  ['`attach`: exit code', 'That of the container, as in docker; podman ends with 0.'],
  ['`run` into a pipe whose reader has gone', 'Ends with 141 as others that write into a pipe (podman 126); the process of an `exec` gets SIGPIPE.'],
  ['`run --hostname`', 'Is of letters, digits, dots and dashes; podman takes any text.'],
  ['`--creds USER`', 'Without a terminal no prompt is printed; podman prints one and fails.'],
  ['`run --workdir`', 'Is made where it is missing, as by docker; it must be absolute.'],
  ['`run --read-only-tmpfs=false`', '/dev and /dev/shm are read-only too, as in podman 5.'],
  ['`run --privileged --cap-drop`', 'Drops the capability; podman ignores it.'],
  ['`run --init --pid host`', 'A warning, no init; podman refuses.'],
  ['`run --log-opt`', 'Unknown options are ignored with a warning, by podman in silence; `max-file` works and counts the file that is written, as in docker.'],
  ['`run --mount`, `--tmpfs`', 'Without `type` a mount is a volume, as in podman 5; a tmpfs takes `uid`, `gid`, `nr_inodes` and `mpol` too; nothing is mounted over `/`.'],
  ['`run --detach --attach`', 'Refused; podman 4.3 ignores `--attach`.'],
  ['`cp`', 'A directory goes to a new name with `/` at its end, and with `--overwrite` to the place of a file; podman 4.3 refuses both. What would lie below a file, and a file with `/` at its end, are refused. What comes out of a container has no set-id bits, capabilities and devices. Files can be copied within one container, for which podman 4.3 waits for ever.'],
  ['`logs -n`', 'Shows the name of a single container too.'],
  ['`run --network slirp4netns`, `pasta`', 'Refused: they are for rootless containers.'],
  ['`-v ...:O`', '`upperdir` and `workdir` are refused. `inspect` shows a plain bind.'],
  ['default network', '`scow` on the first free bridge from `scow0` and the first free subnet from 10.89.0.0/24 on, or `default_subnet` of containers.conf; podman has 10.88. Both are settled at its first use.'],
  ['`save`', 'Archives have no times, so that one image makes one archive; layers of the OCI forms and of `docker-dir` stay compressed as they came (`--compress` and `--uncompressed` do nothing). No legacy folders of docker 1.9 in a `docker-archive`.'],
  ['`load`', 'Every image of an OCI archive is loaded, podman takes one.'],
  ['short image names', '`registries.conf` decides; without search registries a short name is looked for on docker.io.'],
]

const flagName = (option: OptionSpec<unknown>): string => option.flags.replace(/ <.*/, '')

const nameOf = (file: string): string => MOUNTS.find((mount) => mount.file === file)!.names[0]!

const refusedOf = (spec: AnyCommand): OptionSpec<unknown>[] => Object.values(spec.options as Record<string, OptionSpec<unknown>>).filter(({ refused }) => refused !== undefined)

/** Gaps, and what is left as it is. */
const GAPS: readonly (readonly [string, string])[] = [
  ['names of containers', 'There is no name service between containers: names and `--network-alias` do not resolve on networks, and `dns_enabled` is false, but where the CNI plugin dnsname is installed. `--add-host` gives a name to an address.'],
  ['`logs`', 'What a container wrote last, without a newline, is shown as a line: its log ends with a final record, so that readers need not wait for the rest; podman 4.3 prints it without.'],
  ['`run --rm`', 'Returns when the command has ended; that the container and its network are removed (hooks after its end among it) goes on for a moment, in which `ps -a` has it as `Removing`. Its name and its ports are free at once for the next.'],
  ['`--runtime-flag`, `--namespace`, `--noout`, `--network-cmd-path`', 'Global flags that are not there, nor are those of podman\'s remote connections: `--endpoint` names a socket.'],
  ['`--storage-opt`', '`overlay.mountopt` with `nodev`, `nosuid`, `noexec` and `noatime`; what the store settles itself (`metacopy`, `volatile` and their like) has no effect, other options are refused. What storage.conf says besides is passed over.'],
  ['`run --rootfs PATH:O`, `:idmap`', 'Refused.'],
  ['`run --cgroups disabled`', 'Refused with every runtime, by podman with runc.'],
  ['published ports', 'More than 64 of a container, and those of SCTP, are kept by the firewall and a row alone, not by a socket: a program of the host can bind the same port, and is then not reached from outside. The sockets do not listen, those of podman do.'],
  ['`top` with options of ps', 'Runs the ps of the host over the processes of the container.'],
  ['without a subcommand', '`scow image` and its kin print their help and end with 0.'],
  ['/etc/mtab', 'Is not made where the image has none.'],
]

const ignoredOf = (spec: AnyCommand): OptionSpec<unknown>[] =>
  Object.values(spec.options as Record<string, OptionSpec<unknown>>).filter(({ summary }) => summary.startsWith('Accepted for compatibility'))

/** The page as Markdown. */
export function parityPage(): string {
  const refused = new Map<string, { reason: string; commands: string[] }>()
  const ignored = new Map<string, { summary: string; commands: string[] }>()
  for (const [file, spec] of Object.entries(ALL)) {
    for (const option of refusedOf(spec)) {
      const entry = refused.get(flagName(option)) ?? { reason: option.refused!, commands: [] }
      refused.set(flagName(option), { ...entry, commands: [...entry.commands, nameOf(file)] })
    }
    for (const option of ignoredOf(spec)) {
      const entry = ignored.get(flagName(option)) ?? { summary: option.summary, commands: [] }
      ignored.set(flagName(option), { ...entry, commands: [...entry.commands, nameOf(file)] })
    }
  }
  const rows = (entries: readonly (readonly string[])[]): string[] => entries.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
  const sorted = <T>(map: Map<string, T>): [string, T][] => [...map].sort(([a], [b]) => Number(a > b) - Number(a < b))
  return [
    '# Parity with podman', '', '<!-- made by `node src/commands/generate.ts`; edit src/commands/parity.ts -->', '',
    'Commands, flags, filters, columns and templates are podman\'s. This page lists what differs.', '',
    '## Flags that are refused until their object is there', '', 'They are known to the parser and end with one line and exit code 125.', '',
    '| flag | commands | why |', '|---|---|---|', ...rows(sorted(refused).map(([flag, { reason, commands }]) => [`\`${flag}\``, commands.join(', '), reason])), '',
    '## Flags that are accepted and do nothing', '', '| flag | commands | |', '|---|---|---|',
    ...rows(sorted(ignored).map(([flag, { summary, commands }]) => [`\`${flag}\``, commands.join(', '), summary])), '',
    '## Other differences', '', '| what | how it differs |', '|---|---|', ...rows(DIFFERENCES), '',
    '## Gaps', '', '| what | how it is |', '|---|---|', ...rows(GAPS), '',
    '## Commands of podman that are not here yet', '',
    'build, commit, diff, export, farm, generate, healthcheck, history, import, init, kube, login, logout, manifest, mount, network connect, network disconnect, the rest of `pod`, push, search, secret, system df, system prune, update, volume export, import, mount, unmount and reload, image tree, sign and trust, and the rest of `system` and `container`.', '',
  ].join('\n')
}
