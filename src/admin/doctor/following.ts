import type { Answered } from './base-url.ts'
import type { Asked } from './check.ts'
import { restoreCommand, isDamage } from './damage.ts'
import { edited } from './environment.ts'
import { fault, note, ok, unexplained, type Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import { urlOf } from '../installation/proposal.ts'
import { restartFault } from './restarting.ts'
import { printSecret } from '../installation/shell.ts'
import { hubs, type Hub } from '../installation/installation.ts'

/**
 * Checks the running hub, that is its store and how far it has taken each journal, and the sessions
 * with WhatsApp.
 */

/** When the hub is asked again whether it follows, ms. */
const retryMs = 2_000

interface Check {
  name: string
  ok: boolean
  detail: string
}

const isReadiness = (body: unknown): body is { checks: Check[] } =>
  typeof body === 'object' && body !== null && 'checks' in body && Array.isArray(body.checks)

/** A finding for a store that does not work. A damaged one needs a backup. */
const storeFault = async (
  { host, installation }: Asked,
  hub: Hub,
  detail: string
): Promise<Finding> =>
  isDamage(detail)
    ? fault('store', hub.name, detail, await restoreCommand(host, installation, hub))
    : restartFault(host, installation, 'store', hub, detail)

/** The checks of the hub's /ready; undefined when something else answers. */
const readChecks = async (host: Host, url: string, token: string): Promise<Check[] | undefined> => {
  const answer = await host.get(url, token)
  return answer && isReadiness(answer.body) ? answer.body.checks : undefined
}

/** The last record that the hub has taken; NaN when its check names none. */
const takenSeq = (check: Check | undefined): number =>
  Number(/record (\d+) of/.exec(check?.detail ?? '')?.[1] ?? NaN)

const name = 'following'

export const checkFollowing = async (
  asked: Asked,
  answered: readonly Answered[]
): Promise<Finding[]> => {
  const { host, installation, cause } = asked
  const [hub] = hubs(installation)
  if (!hub?.config || hub.pid === undefined || cause(hub.name)) return []
  const { HOST, PORT, HUB_API_TOKEN } = hub.config
  const url = `${urlOf(HOST, PORT)}/ready`
  const read = (): Promise<Check[] | undefined> => readChecks(host, url, HUB_API_TOKEN)
  const checks = await read()
  if (!checks) {
    const detail = `${url} does not answer as central-hub does`
    return [await restartFault(host, installation, name, hub, detail)]
  }
  const findings: Finding[] = []
  for (const check of checks.filter((each) => each.name === 'store'))
    if (!check.ok) findings.push(await storeFault(asked, hub, check.detail))
  for (const each of answered) findings.push(await checkAccount(asked, hub, each, checks, read))
  return findings
}

/** Whether the hub has taken all records of an account's journal. */
const checkAccount = async (
  { host, installation }: Asked,
  hub: Hub,
  { manager, identity }: Answered,
  checks: readonly Check[],
  read: () => Promise<Check[] | undefined>
): Promise<Finding> => {
  const { account } = identity
  const last = identity.status.journal.last_seq
  const suffix = manager?.instance === undefined ? '' : ` ${account}`
  const find = (all: readonly Check[] | undefined): Check | undefined =>
    all?.find((each) => each.name === `following${suffix}`)
  // A hub beside another one of the same database takes no records itself, and names none.
  const isThere = (check: Check | undefined): boolean =>
    check?.ok === true && !(takenSeq(check) < last)
  let check = find(checks)
  const before = takenSeq(check)
  // A hub that was just restarted has not connected yet, and one that lags may be catching up.
  if (!isThere(check)) {
    await host.delay(retryMs)
    check = find(await read())
  }
  if (check && isThere(check)) return ok(name, hub.name, `${check.detail}, account ${account}`)
  if (check?.ok && takenSeq(check) > before)
    return note(name, hub.name, `catching up with account ${account}: ${check.detail}`)
  const detail = `account ${account} is not followed, its journal is at record ${last}`
  const words = check?.detail ?? 'the hub does not know it'
  return restartFault(host, installation, name, hub, `${detail}: ${words}`)
}

type Manager = NonNullable<Answered['manager']>

/** Findings for a session that is READY: its limits, and a missing backup of the linked device. */
const readyFindings = (
  { reason, limited, limited_by: by, linked }: Answered['identity']['status'],
  manager: Manager
): Finding[] => {
  const findings: Finding[] = []
  // While READY a reason says why messages are not captured.
  if (reason !== undefined)
    findings.push(fault('session', manager.name, `READY, but ${reason}`, 'leadmaster status'))
  else if (by?.includes('checkpoint'))
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
  answered.flatMap(({ manager, identity: { status } }) =>
    manager?.config ? checkSession(status, manager, manager.config) : []
  )

const checkSession = (
  status: Answered['identity']['status'],
  manager: Manager,
  { HOST, PORT }: NonNullable<Manager['config']>
): Finding[] => {
  const check = 'session'
  const curl = (method: string, path: string): string =>
    `curl -s ${method}-H "Authorization: Bearer ` +
    `$(${printSecret('SESSION_MANAGER_TOKEN', edited(manager))})" ${urlOf(HOST, PORT)}${path}`
  const reason = status.reason ?? 'no reason given'
  switch (status.status) {
    case 'READY':
      return readyFindings(status, manager)
    case 'QR_REQUIRED':
      return [checkQr(manager, status.journal.last_seq > 0, curl('', '/qr.txt'))]
    case 'PASSKEY_REQUIRED': {
      const detail =
        `PASSKEY_REQUIRED: ${reason}. Nothing is captured until a person has answered with ` +
        'the passkey'
      return [fault(check, manager.name, detail, 'leadmaster qr')]
    }
    case 'DISCONNECTED':
    case 'ERROR': {
      const next = status.next_attempt_at
      // It connects by itself: a request to connect changes nothing.
      if (next !== undefined) {
        const detail = `${status.status}: ${reason}; it tries again at ${next.slice(11, 19)} UTC`
        return [unexplained(check, manager.name, detail)]
      }
      const detail = `${status.status}: ${reason}`
      return [fault(check, manager.name, detail, curl('-X POST ', '/connect'))]
    }
    default:
      return [note(check, manager.name, `${status.status}: on its way to READY`)]
  }
}

/** A missing link is a fault once messages have been captured, because nothing is captured now. */
const checkQr = ({ name: service }: Manager, hasCaptured: boolean, scan: string): Finding =>
  hasCaptured
    ? fault(
        'session',
        service,
        'QR_REQUIRED: no phone is linked any more, nothing is captured until the code ' +
          'is scanned',
        scan
      )
    : note(
        'session',
        service,
        'QR_REQUIRED: no phone is linked yet, scan the code: WhatsApp, Settings, ' +
          'Linked devices',
        scan
      )
