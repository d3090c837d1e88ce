import type { Host, Ran } from '../installation/host.ts'
import type { Service, Installation } from '../installation/installation.ts'

/** Runs a command as a unit would: with its user, limits, namespaces, filters and drop-ins. */

/** Settings that start and stop the service, and do not confine its processes. */
const ignored = new RegExp(
  `^(${[
    'Exec\\w*|Type|NotifyAccess|Restart\\w*|Timeout\\w*|WatchdogSec|RuntimeMaxSec',
    '\\w*Environment\\w*|\\w*Credential\\w*|SyslogIdentifier|LogRateLimit\\w*|Slice|KillMode',
    'OOMPolicy|SuccessExitStatus|Standard\\w*|\\w*Directory\\w*'
  ].join('|')})$`
)

/** The settings of [Service] in all files of a unit, as `systemctl cat` shows them. */
const serviceSettings = (text: string): [setting: string, value: string][] => {
  const settings: [string, string][] = []
  let section = ''
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    section = /^\[(\w+)\]/.exec(line)?.[1] ?? section
    const [, setting, value = ''] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (section === 'Service' && setting !== undefined && !ignored.test(setting))
      settings.push([setting, value])
  }
  return settings
}

/** @returns undefined when systemd cannot run such a command: the caller tries another way */
export const runAsUnit = async (
  host: Host,
  { mode }: Installation,
  { unit, instance = '' }: Service,
  command: readonly string[],
  timeoutMs: number
): Promise<Ran | undefined> => {
  if (mode !== 'systemd' || host.uid !== 0) return undefined
  const { code, stdout } = await host.run(['systemctl', 'cat', `${unit}.service`])
  if (code !== 0) return undefined
  const properties = serviceSettings(stdout).map(
    ([setting, value]) => `--property=${setting}=${value.replaceAll('%i', instance)}`
  )
  const ran = await host.run(
    [
      'systemd-run',
      '--quiet',
      '--wait',
      '--pipe',
      '--collect',
      '--service-type=exec',
      ...properties,
      '--',
      ...command
    ],
    timeoutMs
  )
  return /^(Failed to start transient|Unknown assignment|Failed to parse)/m.test(ran.stderr)
    ? undefined
    : ran
}
