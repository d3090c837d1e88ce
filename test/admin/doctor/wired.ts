import { readFileSync } from 'node:fs'
import type { Asked } from '../../../src/admin/doctor/check.ts'
import type { Finding } from '../../../src/admin/doctor/finding.ts'
import { readInstallation } from '../../../src/admin/installation/installation.ts'
import { fillEnvFile } from '../../../src/platform/env-file.ts'
import { play, type Played } from './played-host.ts'

/** An installation under systemd as it should be, for a test to spoil. */

export const token = 'a-token-for-tests-0123456789-abcdefgh'
const template = (service: string): string =>
  readFileSync(new URL(`../../../deploy/env/${service}.env`, import.meta.url), 'utf8')
export const managerEnv = (values: Record<string, string> = {}): string =>
  fillEnvFile(template('session-manager'), { SESSION_MANAGER_TOKEN: token, ...values })
export const hubEnv = (values: Record<string, string> = {}): string =>
  fillEnvFile(template('central-hub'), {
    SESSION_MANAGER_TOKEN: token,
    HUB_API_TOKEN: `${token}-hub`,
    ...values
  })

/** What systemctl shows of a unit that runs. */
export const unit = (properties: Record<string, string> = {}): string =>
  Object.entries({
    LoadState: 'loaded',
    UnitFileState: 'enabled',
    ActiveState: 'active',
    SubState: 'running',
    Result: 'success',
    ExecMainStatus: '0',
    NRestarts: '0',
    StatusText: 'listening',
    NeedDaemonReload: 'no',
    MainPID: '100',
    Environment: '',
    PassEnvironment: '',
    UnsetEnvironment: 'NODE_OPTIONS',
    User: 'leadmaster',
    ...properties
  })
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')

export const installed = (played: Played = {}): Played => ({
  ...played,
  files: {
    '/opt/leadmaster/current/deploy/env/session-manager.env': template('session-manager'),
    '/opt/leadmaster/current/deploy/env/central-hub.env': template('central-hub'),
    '/etc/leadmaster/session-manager.env': managerEnv(),
    '/etc/leadmaster/central-hub.env': hubEnv(),
    ...played.files
  },
  stats: {
    '/run/systemd/system': {},
    '/etc/leadmaster': {},
    '/etc/leadmaster/session-manager.env': { type: 'file', mode: 0o640, gid: 995 },
    '/etc/leadmaster/central-hub.env': { type: 'file', mode: 0o640, gid: 995 },
    '/var': {},
    '/var/lib': {},
    '/var/lib/leadmaster': {},
    '/var/lib/leadmaster/session-manager': { mode: 0o700, uid: 999, gid: 995 },
    '/var/lib/leadmaster/central-hub': { mode: 0o700, uid: 999, gid: 995 },
    ...played.stats
  },
  commands: {
    ...played.commands,
    'getent passwd leadmaster': {
      stdout: 'leadmaster:x:999:995::/nonexistent:/usr/sbin/nologin\n'
    },
    'systemctl list-unit': {},
    'systemctl show leadmaster.target': played.commands?.['systemctl show leadmaster.target'] ?? {
      stdout: 'loaded\nenabled\n'
    },
    'systemctl show leadmaster-session-manager': played.commands?.[
      'systemctl show leadmaster-session-manager'
    ] ?? { stdout: unit({ StateDirectory: 'leadmaster/session-manager' }) },
    'systemctl show leadmaster-central-hub': played.commands?.[
      'systemctl show leadmaster-central-hub'
    ] ?? { stdout: unit({ MainPID: '200', StateDirectory: 'leadmaster/central-hub' }) },
    'systemctl show-environment': played.commands?.['systemctl show-environment'] ?? {
      stdout: 'LANG=C.UTF-8\nPATH=/usr/bin\n'
    }
  }
})

/** What a check is asked with, on such a machine. @param found what earlier checks found */
export const ask = async (
  played: Played,
  found: readonly Finding[] = [],
  release = '/opt/leadmaster/current'
): Promise<Asked> => {
  const host = play(played)
  const installation = await readInstallation(host, release, undefined)
  if (!installation) throw new Error('there is no wiring')
  return {
    host,
    installation,
    cause: (service, ...names) =>
      found.find(
        (each) =>
          each.state === 'fault' &&
          each.service === service &&
          (names.length === 0 || names.includes(each.name))
      )
  }
}

/** Faults and notes as `state service detail`. */
export const lines = (findings: readonly Finding[]): string[] =>
  findings.map(({ state, service, detail }) => `${state} ${service} ${detail}`)
