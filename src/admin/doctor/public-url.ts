import type { Check } from './check.ts'
import { edited } from './environment.ts'
import { fault } from './finding.ts'
import { setVariable } from '../installation/shell.ts'
import { andRestart, hubs } from '../installation/installation.ts'

/** PUBLIC_URL of the hub: whether the hub answers to the name that its links have. */

const loopbackNames = ['localhost', '127.0.0.1', '[::1]']

/** HOST as a URL has it. */
const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)

export const checkPublicUrl: Check = async ({ installation }) => {
  const [hub] = hubs(installation)
  if (!hub?.config || hub.config.PUBLIC_URL === '') return []
  const { PUBLIC_URL, ALLOWED_HOSTS, HOST } = hub.config
  const { hostname } = new URL(PUBLIC_URL)
  if ([...loopbackNames, inUrl(HOST), ...ALLOWED_HOSTS].includes(hostname)) return []
  const detail =
    `PUBLIC_URL=${PUBLIC_URL}, but ALLOWED_HOSTS does not have ${hostname}: the hub refuses ` +
    'who follows its links (HTTP 421)'
  const allow = setVariable(edited(hub), 'ALLOWED_HOSTS', [...ALLOWED_HOSTS, hostname].join(','))
  return [fault('public URL', hub.name, detail, andRestart(installation, allow, hub))]
}
