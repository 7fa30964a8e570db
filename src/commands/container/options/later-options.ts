import { commaList, flag, integer, list, oneOf, refused, text } from '../../../cli/option.ts'

const PODS = 'pods come to the command line later'
const USERNS = 'user namespaces come with rootless containers'
const SECRETS = 'secrets come later'
const HEALTH = 'health checks come later'
const ENCRYPTION = 'encrypted images come later'

/** Accepted by the parser so that they can be refused by name: the objects they need come later. */
export const laterOptions = {
  pod: refused(text('--pod <name>', 'Put it into a pod'), PODS),
  podIdFile: refused(text('--pod-id-file <file>', 'Put it into the pod whose id is in a file'), PODS),
  userns: refused(text('--userns <mode>', 'User namespace: host'), USERNS, ['', 'host']),
  uidmap: refused(list('--uidmap <map>', 'Map of user ids'), USERNS),
  gidmap: refused(list('--gidmap <map>', 'Map of group ids'), USERNS),
  subuidname: refused(text('--subuidname <name>', 'Entry of /etc/subuid'), USERNS),
  subgidname: refused(text('--subgidname <name>', 'Entry of /etc/subgid'), USERNS),
  hostuser: refused(list('--hostuser <name>', 'User of the host to add to /etc/passwd'), USERNS),
  secret: refused(list('--secret <secret>', 'Give it a secret'), SECRETS),
  healthCmd: refused(text('--health-cmd <command>', 'Command of the health check'), HEALTH),
  healthInterval: refused(text('--health-interval <interval>', 'Time between checks'), HEALTH),
  healthLogDestination: refused(text('--health-log-destination <dir>', 'Where results are kept'), HEALTH),
  healthMaxLogCount: refused(integer('--health-max-log-count <number>', 'How many results are kept'), HEALTH),
  healthMaxLogSize: refused(integer('--health-max-log-size <number>', 'Size of a kept result'), HEALTH),
  healthOnFailure: refused(text('--health-on-failure <action>', 'What to do when it is unhealthy'), HEALTH),
  healthRetries: refused(integer('--health-retries <number>', 'Failures until it is unhealthy'), HEALTH),
  healthStartPeriod: refused(text('--health-start-period <period>', 'Time before failures count'), HEALTH),
  healthStartupCmd: refused(text('--health-startup-cmd <command>', 'Command of the startup check'), HEALTH),
  healthStartupInterval: refused(text('--health-startup-interval <interval>', 'Time between startup checks'), HEALTH),
  healthStartupRetries: refused(integer('--health-startup-retries <number>', 'Failed startup checks until a restart'), HEALTH),
  healthStartupSuccess: refused(integer('--health-startup-success <number>', 'Good startup checks that end them'), HEALTH),
  healthStartupTimeout: refused(text('--health-startup-timeout <timeout>', 'Limit of a startup check'), HEALTH),
  healthTimeout: refused(text('--health-timeout <timeout>', 'Limit of a check'), HEALTH),
  noHealthcheck: flag('--no-healthcheck', 'Run no health check (none is run yet)'),
  initCtr: refused(text('--init-ctr <type>', 'Make it an init container'), PODS),
  decryptionKey: refused(list('--decryption-key <key>', 'Key of an encrypted image'), ENCRYPTION),
  chrootdirs: refused(commaList('--chrootdirs <path>', 'Further directories for /etc files'), 'the /etc files are made for the root directory only'),
  linkLocalIp: refused(text('--link-local-ip <address>', 'Link-local address'), 'the network plugins have no such argument'),
  seccompPolicy: refused(oneOf('--seccomp-policy <policy>', 'Where the seccomp profile comes from', ['default', 'image']), 'use --security-opt seccomp=FILE'),
}

/** Of `run` alone. */
export const runOnlyOptions = {
  detach: flag('-d, --detach', 'Leave it running in the background and print its id'),
  detachKeys: text('--detach-keys <sequence>', 'Keys that leave the container running'),
  sigProxy: flag('--sig-proxy', 'Pass signals on to the container', true),
  preserveFds: integer('--preserve-fds <number>', 'Pass on so many further file descriptors'),
  preserveFd: commaList('--preserve-fd <fd>', 'Pass on these file descriptors'),
  rmi: flag('--rmi', 'Remove the container when it ends, and its image unless another container uses it'),
}
