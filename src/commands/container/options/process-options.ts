import { commaList, flag, integer, list, oneOf, text } from '../../../cli/option.ts'
import { accessOptions, platformOptions } from '../../image/pull-options.ts'

/** What runs, as whom, with which environment and life. */
export const processOptions = {
  name: text('--name <name>', 'Name of the container'),
  replace: flag('--replace', 'Remove a container of the same name first'),
  env: list('-e, --env <name=value>', 'Set an environment variable; NAME takes it from here, PREFIX* all that begin so'),
  envFile: list('--env-file <file>', 'Read environment variables from a file', { complete: 'file' }),
  envHost: flag('--env-host', 'Pass on the whole environment'),
  envMerge: list('--env-merge <name=value>', 'Set a variable from the image\'s own: PATH=${PATH}:/app'),
  unsetenv: list('--unsetenv <name>', 'Drop a variable of the image or the defaults'),
  unsetenvAll: flag('--unsetenv-all', 'Drop all variables of the image and the defaults'),
  httpProxy: flag('--http-proxy', 'Pass on the proxy variables', true),
  workdir: text('-w, --workdir <dir>', 'Working directory'),
  user: text('-u, --user <user>', 'User, or user:group, by name or number'),
  groupAdd: commaList('--group-add <group>', 'Additional group'),
  groupEntry: text('--group-entry <entry>', 'Line to write into /etc/group'),
  passwd: flag('--passwd', 'Add the user to /etc/passwd when it lacks there', true),
  passwdEntry: text('--passwd-entry <entry>', 'Line to write into /etc/passwd'),
  entrypoint: text('--entrypoint <command>', 'Replace the image\'s entrypoint; a JSON array, or one word'),
  hostname: text('-h, --hostname <name>', 'Host name'),
  interactive: flag('-i, --interactive', 'Keep standard input open'),
  tty: flag('-t, --tty', 'Make a terminal'),
  init: flag('--init', 'Run an init as pid 1 that passes signals on and reaps'),
  initPath: text('--init-path <file>', 'The init to run', { complete: 'file' }),
  rm: flag('--rm', 'Remove the container when it ends'),
  restart: text('--restart <policy>', 'no, always, unless-stopped or on-failure[:times]'),
  stopSignal: text('--stop-signal <signal>', 'Signal that stops the container', { complete: 'signal' }),
  stopTimeout: integer('--stop-timeout <seconds>', 'Seconds between that signal and SIGKILL'),
  timeout: integer('--timeout <seconds>', 'Kill it after so many seconds'),
  umask: text('--umask <umask>', 'File mode creation mask'),
  tz: text('--tz <zone>', 'Time zone, or local'),
  systemd: text('--systemd <mode>', 'true, false or always: prepare for systemd as pid 1'),
  sdnotify: oneOf('--sdnotify <mode>', 'Who reports readiness', ['container', 'conmon', 'ignore']),
  label: list('-l, --label <key=value>', 'Set a label'),
  labelFile: list('--label-file <file>', 'Read labels from a file', { complete: 'file' }),
  annotation: list('--annotation <key=value>', 'Set an annotation of the OCI spec'),
  logDriver: text('--log-driver <driver>', 'k8s-file, json-file, journald, passthrough or none'),
  logOpt: list('--log-opt <name=value>', 'path, max-size, max-file, tag'),
  cidfile: text('--cidfile <file>', 'Write the container\'s id to a file', { complete: 'file' }),
  pidfile: text('--pidfile <file>', 'Write the container\'s pid to a file', { complete: 'file' }),
  conmonPidfile: text('--conmon-pidfile <file>', 'Write the monitor\'s pid to a file', { complete: 'file' }),
  personality: text('--personality <persona>', 'Execution domain, such as LINUX32'),
  attach: commaList('-a, --attach <stream>', 'Attach to stdin, stdout or stderr'),
}

/** Where the image comes from. */
export const imageOptions = {
  ...platformOptions, ...accessOptions,
  pull: text('--pull <policy>', 'always, missing, never or newer'),
  quiet: flag('-q, --quiet', 'Show no progress of a pull'),
  rootfs: flag('--rootfs', 'The first argument is the path of a root file system, not an image'),
}
