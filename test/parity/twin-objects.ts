// The objects that the comparisons look at.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Suite } from '../support/suite.ts'
import type { Twins } from './twins.ts'

/**
 * Networks lan and back, volumes data, other and an unnamed one, a second name of the image, and containers in every
 * state: plain, web and tty run (web on lan with ports, tty with a terminal in the host's namespaces), full was
 * created with most flags, done has ended with 3, made was created, held is paused.
 */
export async function makeObjects({ make, shared }: Twins, { busybox, probe }: Pick<Suite, 'busybox' | 'probe'>): Promise<void> {
  writeFileSync(join(shared, 'env'), '# comment\nFROM_FILE=1\n')
  writeFileSync(join(shared, 'labels'), 'from-file=yes\n')
  writeFileSync(join(shared, 'file'), 'shared\n')
  await make('network', 'create', '--disable-dns', '--label', 'team=a', '--subnet', '@net1.0/24', 'lan')
  await make('network', 'create', '--disable-dns', '--label', 'team=b', '--label', 'x', '--internal', '--subnet', '@net2.0/24', '--gateway', '@net2.9', 'back')
  await make('volume', 'create', '--label', 'v=1', 'data')
  await make('volume', 'create', '--label', 'v=2', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=nodev', 'other')
  await make('tag', busybox, 'localhost/mine:2')
  await make('run', '-d', '--name', 'plain', '--network', 'none', '--stop-timeout', '0', '-l', 'a=1', '-l', 'b=two words', busybox, 'sleep', '1000')
  await make('run', '-d', '--name', 'web', '--stop-timeout', '0', '--network', 'lan', '-p', '@port8000:80', '-p', '127.0.0.1:@port8001:81', '-p', '@port8010-@port8012:90-92',
    '-h', 'host1', '--dns', '9.9.9.9', '--dns-search', 'example.org', '--dns-option', 'ndots:3', '--add-host', 'other:1.2.3.4', busybox, 'sleep', '1000')
  await make('run', '-d', '--name', 'tty', '-t', '--network', 'host', '--pid', 'host', '--uts', 'host', '--stop-timeout', '0', busybox, 'sleep', '1000')
  await make('create', '--name', 'full', '--network', 'none', '-e', 'A=1', '-e', 'B=2', '--env-file', 'env', '-l', 'k=v', '--label-file', 'labels', '-v', 'data:/vol', '-v', `${shared}:/share:ro`,
    '--tmpfs', '/t:size=1m', '--mount', 'type=tmpfs,dst=/t2', '-m', '64m', '--memory-swap', '128m', '--memory-reservation', '32m', '--cpus', '0.5', '--cpu-shares', '512', '--pids-limit', '50',
    '--cap-add', 'NET_ADMIN', '--cap-drop', 'CHOWN,KILL', '-u', 'ada', '-w', '/tmp', '--entrypoint', '["/bin/sh","-c"]', '-h', 'boat', '--restart', 'on-failure:3', '--stop-signal', 'INT',
    '--stop-timeout', '3', '--ulimit', 'nofile=100:200', '--shm-size', '1m', '--oom-score-adj', '10', '--group-add', 'boats', '--security-opt', 'no-new-privileges',
    '--device', '/dev/null:/dev/nul2', '--log-opt', 'max-size=2mb', '--log-opt', 'tag=t1', '--umask', '0077', '--timeout', '99', '--tz', 'UTC', '--pull', 'never', busybox, 'echo hi; exit 3')
  await make('create', '--name', 'ended', '--network', 'none', '-v', '/var/unnamed', '-i', busybox, 'sh', '-c', 'echo out; echo err >&2; exit 3')
  await make('start', 'ended')
  await make('create', '--name', 'made', '-t', '-i', '--network', 'none', '--read-only', '--cgroupns', 'host', probe, 'status', 'CapEff')
  await make('run', '-d', '--name', 'held', '--network', 'none', '--stop-timeout', '0', '--volumes-from', 'plain', busybox, 'sleep', '1000')
  await make('pause', 'held')
  await make('wait', 'ended')
}
