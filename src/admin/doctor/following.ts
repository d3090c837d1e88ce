import type { Answered } from './base-url.ts'
import type { Asked } from './check.ts'
import { damageMend, isDamage } from './damage.ts'
import { edited } from './environment.ts'
import { fault, note, ok, unexplained, type Finding } from './finding.ts'
import { urlOf } from '../installation/proposal.ts'
import { restartFault } from './restarting.ts'
import { printSecret } from '../installation/shell.ts'
import { hubs, type Hub } from '../installation/installation.ts'

/**
 * The hub at work: its store, and how far it has taken each journal; and the sessions with
 * WhatsApp.
 */

const patienceMs = 2_000

interface Check {
  name: string
  ok: boolean
  detail: string
}

const isReadiness = (body: unknown): body is { checks: Check[] } =>
  typeof body === 'object' && body !== null && 'checks' in body && Array.isArray(body.checks)

/** A store that does not work: one that is damaged needs a backup. */
const storeFault = async (
  { host, installation }: Asked,
  hub: Hub,
  detail: string
): Promise<Finding> =>
  isDamage(detail)
    ? fault('store', hub.name, detail, await damageMend(host, installation, hub))
    : restartFault(host, installation, 'store', hub, detail)

export const checkFollowing = async (
  asked: Asked,
  answered: readonly Answered[]
): Promise<Finding[]> => {
  const { host, installation, cause } = asked
  const [hub] = hubs(installation)
  if (!hub?.config || hub.pid === undefined || cause(hub.name)) return []
  const { HOST, PORT, HUB_API_TOKEN } = hub.config
  const url = `${urlOf(HOST, PORT)}/ready`
  const name = 'following'
  const ask = async (): Promise<Check[] | undefined> => {
    const answer = await host.get(url, HUB_API_TOKEN)
    return answer && isReadiness(answer.body) ? answer.body.checks : undefined
  }
  const checks = await ask()
  if (!checks)
    return [
      await restartFault(
        host,
        installation,
        name,
        hub,
        `${url} does not answer as central-hub does`
      )
    ]
  const findings: Finding[] = []
  for (const check of checks.filter(({ name: each }) => each === 'store'))
    if (!check.ok) findings.push(await storeFault(asked, hub, check.detail))
  for (const { manager, identity } of answered) {
    const last = identity.status.journal.last_seq
    const of = manager?.instance === undefined ? '' : ` ${identity.account}`
    const find = (all: readonly Check[] | undefined): Check | undefined =>
      all?.find((each) => each.name === `following${of}`)
    const taken = (check: Check | undefined): number =>
      Number(/record (\d+) of/.exec(check?.detail ?? '')?.[1] ?? NaN)
    // A hub beside another one of the same database takes no records itself, and names none.
    const isThere = (check: Check | undefined): boolean =>
      check?.ok === true && !(taken(check) < last)
    let check = find(checks)
    const started = taken(check)
    // one that was restarted a moment ago has not connected yet, and one that lags may be catching
    // up
    if (!isThere(check)) {
      await host.delay(patienceMs)
      check = find(await ask())
    }
    if (check && isThere(check))
      findings.push(ok(name, hub.name, `${check.detail}, account ${identity.account}`))
    else if (check?.ok && taken(check) > started)
      findings.push(
        note(name, hub.name, `catching up with account ${identity.account}: ${check.detail}`)
      )
    else
      findings.push(
        await restartFault(
          host,
          installation,
          name,
          hub,
          `account ${identity.account} is not followed, its journal is at record ${last}: ` +
            `${check?.detail ?? 'the hub does not know it'}`
        )
      )
  }
  return findings
}

type Manager = NonNullable<Answered['manager']>

/** A session that works: what of it does not, and what would be lost with the disk. */
const readyFindings = (
  { limited, limited_by: by, linked }: Answered['identity']['status'],
  manager: Manager
): Finding[] => {
  const findings: Finding[] = []
  if (by?.includes('checkpoint'))
    findings.push(fault('session', manager.name, `READY, but ${limited}`, 'leadmaster status'))
  else if (limited !== undefined)
    findings.push(note('session', manager.name, `READY, but ${limited}`))
  else findings.push(ok('session', manager.name, 'READY: messages are being captured'))
  if (linked && manager.config !== undefined && manager.config.PROFILE_BACKUP === '') {
    findings.push(
      note(
        'linked device',
        manager.name,
        'there is no backup of the linked device by itself: set PROFILE_BACKUP. Without it a ' +
          'lost disk or profile means linking again, by a QR code and, more and more often, the ' +
          'passkey of the account'
      )
    )
  }
  return findings
}

export const checkSessions = (answered: readonly Answered[]): Finding[] =>
  answered.flatMap(({ manager, identity: { status } }): Finding[] => {
    if (!manager?.config) return []
    const name = 'session'
    const url = urlOf(manager.config.HOST, manager.config.PORT)
    const curl = (method: string, path: string): string =>
      `curl -s ${method}-H "Authorization: Bearer ` +
      `$(${printSecret('SESSION_MANAGER_TOKEN', edited(manager))})" ${url}${path}`
    const reason = status.reason ?? 'no reason given'
    const next =
      status.next_attempt_at === undefined
        ? ''
        : `; it tries again at ${status.next_attempt_at.slice(11, 19)} UTC`
    switch (status.status) {
      case 'READY':
        return readyFindings(status, manager)
      case 'QR_REQUIRED': {
        const scan = curl('', '/qr.txt')
        // before the first link nothing is amiss; afterwards nothing is captured any more
        return status.journal.last_seq > 0
          ? [
              fault(
                name,
                manager.name,
                'QR_REQUIRED: no phone is linked any more, nothing is captured until the code ' +
                  'is scanned',
                scan
              )
            ]
          : [
              note(
                name,
                manager.name,
                'QR_REQUIRED: no phone is linked yet, scan the code: WhatsApp, Settings, ' +
                  'Linked devices',
                scan
              )
            ]
      }
      case 'PASSKEY_REQUIRED': {
        const detail =
          `PASSKEY_REQUIRED: ${reason}. Nothing is captured until a person has answered with ` +
          'the passkey'
        return [fault(name, manager.name, detail, 'leadmaster qr')]
      }
      case 'DISCONNECTED':
      case 'ERROR': {
        const detail = `${status.status}: ${reason}${next}`
        // it connects by itself: to ask for it changes nothing
        if (status.next_attempt_at !== undefined) return [unexplained(name, manager.name, detail)]
        return [fault(name, manager.name, detail, curl('-X POST ', '/connect'))]
      }
      default:
        return [note(name, manager.name, `${status.status}: on its way to READY`)]
    }
  })
