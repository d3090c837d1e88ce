import { readProxy } from '../../platform/proxy.ts'
import type { Answered } from './base-url.ts'
import type { Asked, Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, note, ok, unexplained, type Finding } from './finding.ts'
import { word } from '../installation/shell.ts'
import { managers, restart, type Service, type Installation } from '../installation/installation.ts'

/**
 * The way to the outside: the proxy of PROXY_URL, the look-up of names, and whether WhatsApp
 * answers.
 */

const whatsapp = 'https://web.whatsapp.com/'

const correct = (installation: Installation, service: Service): string =>
  `"\${EDITOR:-vi}" ${word(edited(service).path)} # correct PROXY_URL, or take it out; then: ` +
  `${restart(installation, service)}`

/**
 * The proxy that a service names: tried whatever its session says. One service's proxy that is
 * another's, too, is tried once.
 */
export const checkProxy: Check = async ({ host, installation, cause }) => {
  const findings: Finding[] = []
  const seen = new Set<string>()
  for (const service of installation.services) {
    const proxyUrl = service.config?.PROXY_URL ?? ''
    if (
      proxyUrl === '' ||
      seen.has(proxyUrl) ||
      installation.simulated ||
      cause(service.name, 'env file')
    )
      continue
    seen.add(proxyUrl)
    const why = await host.outside(whatsapp, proxyUrl)
    const { server = '' } = readProxy(proxyUrl) ?? {}
    if (why === undefined)
      findings.push(
        ok(
          'proxy',
          service.name,
          `web.whatsapp.com answers through the proxy ${server} of PROXY_URL`
        )
      )
    else
      findings.push(
        fault(
          'proxy',
          service.name,
          `PROXY_URL names the proxy ${server}: ${why}`,
          correct(installation, service)
        )
      )
  }
  return findings
}

/** What a person can do where WhatsApp cannot be reached directly; to look once more is no mend. */
const directWords = (service: Service): string =>
  `see if this machine reaches the outside (curl -sSI ${whatsapp}). If it does so by a proxy ` +
  `alone, set PROXY_URL in ${edited(service).path}`

/**
 * Where a session-manager says that WhatsApp is unreachable: what this machine itself sees of it.
 * To connect again would only fail again, so this comes before the session.
 */
export const checkOutside = async (
  { host, installation, cause }: Asked,
  answered: readonly Answered[]
): Promise<Finding[]> => {
  const findings: Finding[] = []
  for (const manager of managers(installation)) {
    const status = answered.find((each) => each.manager === manager)?.identity.status
    const proxyUrl = manager.config?.PROXY_URL ?? ''
    if (
      !/^WhatsApp is unreachable/.test(status?.reason ?? '') ||
      installation.simulated ||
      cause(manager.name, 'proxy')
    )
      continue
    const why = await host.outside(whatsapp, proxyUrl)
    const detail = `${status?.reason}; asked from here: ${why}`
    if (why !== undefined && proxyUrl === '')
      findings.push(unexplained('outside', manager.name, `${detail}: ${directWords(manager)}`))
    else if (why !== undefined)
      findings.push(fault('outside', manager.name, detail, correct(installation, manager)))
    else
      findings.push(
        note(
          'outside',
          manager.name,
          'web.whatsapp.com answers this machine now: session-manager tries again by itself'
        )
      )
  }
  return findings
}
