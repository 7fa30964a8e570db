// What scow(1) says beyond its flags and commands.
import type { ManSection as Section } from '../../cli/man.ts'

export const PROGRAM: readonly Section[] = [
  {
    heading: 'EXIT STATUS',
    text: 'run and exec end with the exit code of the command; see scow-run(1). Otherwise:',
    terms: [
      ['0', 'All was done'],
      ['1', 'rm, rmi, volume rm, network rm: there is no such object; exists: it is not there'],
      ['2', 'rm, volume rm, rmi: it is in use'],
      ['129, 130, 143', 'SIGHUP, SIGINT or SIGTERM ended the command before it was done'],
      ['125', 'Anything else; one line on standard error says what, and what to do'],
    ],
  },
  {
    heading: 'ENVIRONMENT',
    terms: [
      ['SCOW_ROOT, SCOW_RUNROOT', 'As --root and --runroot'],
      ['SCOW_ENDPOINT', 'As --endpoint'],
      ['CONTAINERS_CONF, CONTAINERS_CONF_OVERRIDE', 'The only containers.conf that is read; one that is read last'],
      ['CONTAINERS_STORAGE_CONF, STORAGE_DRIVER, STORAGE_OPTS', 'storage.conf, the driver and its options'],
      ['CONTAINERS_REGISTRIES_CONF', 'registries.conf'],
      ['REGISTRY_AUTH_FILE, DOCKER_CONFIG', 'Credentials of registries'],
      ['SSL_CERT_FILE, SSL_CERT_DIR', 'Authorities that sign the certificates of registries, instead of the system\'s'],
      ['HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY', 'Proxies of pulls, passed on to containers'],
      ['CNI_PATH', 'Folders of network plugins'],
      ['NO_COLOR', 'No colours'],
    ],
  },
  {
    heading: 'FILES',
    terms: [
      ['/etc/scow/scow.toml, ~/.config/scow/scow.toml', 'Spelled like containers.conf(5), which it wins over; [serve] has the server\'s settings; what it doesn\'t know is told of'],
      ['/etc/containers/containers.conf, storage.conf, registries.conf, /usr/share/containers/', 'Read as by podman, with their .d folders'],
      ['/run/containers/0/auth.json, ~/.docker/config.json', 'Credentials of registries'],
      ['/etc/cni/net.d', 'Networks'],
      ['/etc/cdi, /var/run/cdi', 'Devices for --device and --gpus'],
      ['/usr/share/containers/oci/hooks.d, /etc/containers/oci/hooks.d', 'Hooks'],
      ['/var/lib/scow', 'Images, containers and volumes'],
      ['/run/scow', 'What lasts until the next boot'],
    ],
  },
]
