import { readFileSync } from 'node:fs'
import { commaList, flag, text } from '../../cli/option.ts'
import { Failure } from '../../errors.ts'
import { criFlags, defineCri, settingsOf } from './command.ts'
import { table } from './print.ts'

export const spec = defineCri({
  name: 'config',
  summary: 'Show or change the settings in crictl.yaml',
  args: [{ name: 'setting', arity: 'many' }],
  options: {
    get: text('--get <name>', 'Show one setting'),
    list: flag('--list', 'Show all settings'),
    set: commaList('--set <name=value>', 'Change settings'),
  },
  examples: ['cri config --set runtime-endpoint=unix:///run/crio/crio.sock,timeout=10', 'cri config --get timeout'],
  async run(call) {
    const { args, options, out, globals, given } = call
    const { KEYS, configFile, isKey, parseConfig } = await import('../../cri/client/settings.ts')
    if (args.length > 2) throw new Failure('invalid', `config takes a setting and its value, got ${args.length}: ${args.join(' ')}`, { hint: 'give several with --set name=value,name=value' })
    const { path } = configFile(criFlags(globals))
    const known = (name: string): string => {
      if (!isKey(name)) throw new Failure('invalid', `unknown setting "${name}"`, { hint: `known are ${Object.keys(KEYS).join(', ')}` })
      return name
    }
    // `config runtime-endpoint /run/x.sock` is the older spelling
    const changes = [...options.set, ...(args.length === 2 ? [`${args[0]}=${args[1]}`] : [])].map((change) => {
      const equals = change.indexOf('=')
      if (equals < 0) throw new Failure('invalid', `"${change}" changes nothing`, { hint: 'give name=value' })
      const name = known(change.slice(0, equals)) as keyof typeof KEYS
      return [name, valueOf(name, change.slice(equals + 1), KEYS[name])] as const
    })
    if (changes.length > 0) {
      const { writeFileAtomic } = await import('../../cri/client/settings-file.ts')
      const before = readOrEmpty(path)
      await parseConfig(before, path)
      const after = changes.reduce(withSetting, before)
      await parseConfig(after, path)
      writeFileAtomic(path, after)
      return 0
    }
    const settings = await settingsOf(call)
    const shown: Record<string, string> = {
      'runtime-endpoint': settings.runtimeEndpoint, 'image-endpoint': settings.imageEndpoint, timeout: String((settings.timeoutMs ?? 0) / 1000), debug: String(settings.debug),
      'pull-image-on-create': String(settings.pullImageOnCreate), 'disable-pull-on-run': String(settings.disablePullOnRun),
    }
    const one = options.get ?? (args.length === 1 ? args[0] : undefined)
    if (one !== undefined) return out.line(shown[known(one)]!), 0
    if (!options.list && given.size === 0 && args.length === 0) throw new Failure('invalid', 'nothing to do', { hint: 'use --list, --get or --set' })
    out.write(table(['KEY', 'VALUE'], Object.entries(shown)))
    return 0
  },
})

function valueOf(name: string, text: string, type: 'text' | 'seconds' | 'boolean'): string | number | boolean {
  if (type === 'text') return text
  if (type === 'seconds' && /^-?\d+$/.test(text)) return Number(text)
  if (type === 'boolean' && /^(true|false)$/.test(text)) return text === 'true'
  throw new Failure('invalid', `invalid value "${text}" for ${name}`, { hint: type === 'seconds' ? 'give a whole number of seconds' : 'give true or false' })
}

/** Its line written anew, or a line more; comments and the order of the others stay. */
function withSetting(text: string, [name, value]: readonly [string, string | number | boolean]): string {
  const line = `${name}: ${JSON.stringify(value)}`
  const old = new RegExp(`^["']?${name}["']?[ \\t]*:.*$`, 'm')
  return old.test(text) ? text.replace(old, () => line) : `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw new Failure('denied', `cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`, { cause: error })
  }
}
