// What the man pages of run, create and exec say about values with a grammar of their own.
import type { ManSection as Section } from '../../cli/man.ts'

const volumes: Section = {
  heading: 'VOLUMES AND MOUNTS',
  text: '-v takes [SOURCE:]TARGET[:OPTIONS]. A source with a leading / or . is a path of the host, which must exist; any other is a volume, made when it is not there; without a source the volume has no name and goes with the container. OPTIONS are separated by commas:',
  terms: [
    ['ro, rw, rro', 'Read-only, writable (the default), or read-only with everything mounted below it'],
    ['z, Z', 'Give the files a SELinux label that containers share, or that is this container\'s own'],
    ['U', 'Give the files to the user of the container'],
    ['nocopy', 'Leave a new volume empty instead of filling it with what the image has there'],
    ['bind, rbind', 'Without, or with (the default), what is mounted below the source'],
    ['private, rprivate, shared, rshared, slave, rslave, unbindable, runbindable', 'How later mounts below it are passed on (default rprivate)'],
    ['nosuid, nodev, noexec, noatime, nodiratime, relatime, sync, ...', 'Flags of mount(8)'],
    ['idmap[=uids=CONTAINERID-HOSTID-SIZE;gids=...]', 'Map the owners of the files; several ranges are separated by #'],
    ['--mount type=TYPE,target=PATH,...', 'The same in long words. TYPE is bind, volume (the default), tmpfs, image, devpts or mqueue. Keys: src or source; target, dst or destination; ro, rw, rro; bind-propagation; bind-nonrecursive; relabel=shared|private; chown; idmap; nocopy; volume-opt=NAME=VALUE (as volume create --opt); subpath; tmpfs-size, tmpfs-mode, notmpcopyup'],
    ['--tmpfs PATH[:OPTIONS]', 'Options are size=64m or a percentage, mode=1777, uid, gid, nr_inodes, ro, noexec and the like, notmpcopyup'],
  ],
}

const ports: Section = {
  heading: 'PORTS',
  text: '-p takes [[IP:][HOSTPORT]:]CONTAINERPORT[/PROTOCOL]:',
  terms: [
    ['8080:80', 'Port 8080 of every address of the host leads to port 80 of the container'],
    ['127.0.0.1:8080:80, [::1]:8080:80', 'Of one address only'],
    ['80, :80, 0:80', 'Of a free port, which `scow port` shows'],
    ['8000-8009:9000-9009', 'Ranges, of the same length'],
    ['53:53/udp', 'PROTOCOL is tcp (the default), udp or sctp, or several with commas'],
  ],
}

const networks: Section = {
  heading: 'NETWORKS',
  text: '--network takes one of these. Without it a container is on the default bridge network.',
  terms: [
    ['NAME[,NAME...]', 'Networks of `scow network ls`; the flag may also be given again'],
    ['NAME:ip=ADDRESS,ip6=ADDRESS,mac=ADDRESS,alias=NAME,interface_name=NAME', 'With what the container is to be there'],
    ['bridge', 'The default network; takes the same options'],
    ['none', 'A network namespace with the loopback alone'],
    ['host', 'The network of the host'],
    ['container:NAME', 'That of another container'],
    ['ns:PATH', 'A network namespace'],
  ],
}

const restart: Section = {
  heading: 'RESTART POLICIES',
  text: 'No daemon is needed: what cleans up after a container starts it again, after 100 ms at first and then twice as long each time, up to a minute. After a boot scow-restart.service does.',
  terms: [
    ['no', 'Stay ended'],
    ['on-failure[:TIMES]', 'Start again after an exit code other than 0'],
    ['always', 'Start again whenever it ends without `scow stop`, and after a boot'],
    ['unless-stopped', 'The same; after a boot only where it was not stopped'],
  ],
}

const ends: Section = {
  heading: 'EXIT STATUS',
  terms: [
    ['125', 'scow itself failed: a bad flag, no such image, a port in use'],
    ['126', 'The command of the container cannot be run'],
    ['127', 'The command of the container was not found'],
    ['128 + N', 'The command ended by signal N: 137 for SIGKILL, as when memory ran out'],
    ['else', 'The exit code of the command'],
  ],
}

const files: Section = {
  heading: 'FILES OF VARIABLES',
  text: 'Each line of --env-file is NAME=VALUE, or NAME alone for the value that scow itself has, or NAME* for all that begin so. Lines that begin with # and empty ones are passed over; quotes have no meaning. A line of --label-file is KEY=VALUE, or KEY for an empty value.',
}

export const MADE: readonly Section[] = [volumes, ports, networks, restart, files]
export const RUN: readonly Section[] = [...MADE, ends]
export const EXEC: readonly Section[] = [ends]
