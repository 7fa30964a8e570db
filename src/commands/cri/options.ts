// Options that several CRI commands share.
import { commaList, flag, integer, oneOf, text } from '../../cli/option.ts'
import { ALL_FORMATS, FORMATS } from './print.ts'

export const listOutput = oneOf('-o, --output <format>', 'json, yaml or table', FORMATS)
export const inspectOutput = oneOf('-o, --output <format>', 'json, yaml, go-template or table', ALL_FORMATS)
export const template = text('--template <template>', 'Go template for --output go-template')

export const containerFilters = {
  name: text('--name <regex>', 'Only those whose name matches'),
  pod: text('-p, --pod <id>', 'Only those of this pod'),
  image: text('--image <image>', 'Only those of this image'),
  label: commaList('--label <name=value>', 'Only those with this label'),
  latest: flag('-l, --latest', 'Only the newest, whatever its state'),
  last: integer('-n, --last <number>', 'Only so many of the newest, whatever their state'),
  namespace: text('--namespace <regex>', 'Only those whose pod\'s namespace matches'),
}
export const containerState = text('-s, --state <state>', 'created, running, exited or unknown')

export const podFilters = {
  name: text('--name <regex>', 'Only those whose name matches'),
  namespace: text('--namespace <regex>', 'Only those whose namespace matches'),
  state: text('-s, --state <state>', 'ready or notready'),
  label: commaList('--label <name=value>', 'Only those with this label'),
  latest: flag('-l, --latest', 'Only the newest'),
  last: integer('-n, --last <number>', 'Only so many of the newest'),
}

export const tlsOptions = {
  tlsServerName: text('--tls-sni, --tls-server-name <name>', 'Name that the certificate of the streaming server must have'),
  tlsCa: text('--tls-ca <file>', 'Certificate authority of the streaming server', { complete: 'file' }),
  tlsCert: text('--tls-cert <file>', 'Certificate to show to the streaming server', { complete: 'file' }),
  tlsKey: text('--tls-key <file>', 'Key of that certificate', { complete: 'file' }),
}
export const transport = oneOf('-r, --transport <protocol>', 'spdy or websocket', ['spdy', 'websocket'])
