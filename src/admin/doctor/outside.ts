import { readProxy } from '../../platform/proxy.ts'
import type { Answered } from './base-url.ts'
import type { Asked, Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, note, ok, unexplained, type Finding } from './finding.ts'
import { word } from '../installation/shell.ts'
import { managers, restart, type Service, type Installation } from '../installation/installation.ts'

/** Checks the internet: the proxy of PROXY_URL, the look-up of names, and WhatsApp's answer. */

const whatsapp = 'https://web.whatsapp.com/'

/** The command that opens the env file: doctor does not know the right value. */
const correct = (installation: Installation, service: Service): string =>
  `"\${EDITOR:-vi}" ${word(edited(service).path)} # correct PROXY_URL, or take it out; then: ` +
  `${restart(installation, service)}`

/** Tries the proxies of all services, each proxy once. */
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

/** What a person can do when WhatsApp cannot be reached directly. */
const directWords = (service: Service): string =>
  `see if this machine reaches the outside (curl -sSI ${whatsapp}). If it does so by a proxy ` +
  `alone, set PROXY_URL in ${edited(service).path}`

/**
 * Tries to reach WhatsApp from this machine when a session-manager reports that it cannot. This
 * check comes before that of the session, because to connect again would only fail again.
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
