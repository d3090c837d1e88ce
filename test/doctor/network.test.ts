import t from 'tap'
import type { Identity } from '../../src/central-hub/upstream.ts'
import { checkIdentities, checkWiring, type Answered } from '../../src/doctor/base-url.ts'
import { fault } from '../../src/doctor/finding.ts'
import { checkFollowing, checkSessions } from '../../src/doctor/following.ts'
import { checkListening, checkPorts } from '../../src/doctor/ports.ts'
import { checkServers } from '../../src/doctor/servers.ts'
import { listening, type Played } from './played-host.ts'
import { ask, hubEnv, installed, lines, managerEnv } from './wired.ts'

/** What doctor looks at between the processes: ports, URLs, identities, the journal's cursor, the session. */

const files = (manager: Record<string, string>, hub: Record<string, string> = {}): Record<string, string> => ({
  '/etc/leadmaster/session-manager.env': managerEnv(manager),
  '/etc/leadmaster/central-hub.env': hubEnv(hub)
})
const sales = { '/etc/leadmaster/session-manager-sales.env': managerEnv({ PORT: '3002', ACCOUNT: 'sales', STATE_DIR: '/var/lib/leadmaster/session-manager-sales' }) }
/** A process that holds the socket of PORT. */
const holder = (pid: number, port: number, more: Played = {}): Played => ({ ...more, files: { '/proc/net/tcp': listening(port, 77), [`/proc/${pid}/comm`]: 'python3\n', ...more.files }, links: { [`/proc/${pid}/fd/3`]: 'socket:[77]' } })

t.test('ports', async (t) => {
  const ports = async (played: Played) => checkPorts(await ask(installed(played)))
  t.same(await ports({}), [], 'nobody is in the way')
  t.same(await ports(holder(100, 3001)), [], 'session-manager itself is not')
  t.match(await ports(holder(55, 3001)), [{ service: 'session-manager', detail: /^PORT=3001 is taken by process 55 \(python3\): end that, or have session-manager listen elsewhere/, mend: /^sed -i 's\|\^PORT=.*PORT=3002/ }])
  t.match(await ports(holder(55, 3012, { files: { '/proc/55/cgroup': '0::/system.slice/grafana.service\n' } })), [{ service: 'central-hub', detail: /process 55 \(python3, grafana\.service\)/, mend: /PORT=3013/ }])
  t.match(await ports({ files: { '/proc/net/tcp': listening(3001, 77, 33) } }), [{ detail: /by a process of uid 33 at 127\.0\.0\.1/ }])
  t.match(await ports({ files: files({ PORT: '3012' }) }), [{ service: 'central-hub', detail: 'PORT=3012 is also that of session-manager: only one can listen there', mend: /PORT=3013/ }])
  t.match(await ports({ files: files({ HOST: '10.9.9.9' }) }), [{ detail: 'HOST=10.9.9.9 is no address of this machine', mend: /HOST=127\.0\.0\.1/ }])
  t.match(await ports({ files: files({ PORT: '80' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:80' }) }), [{ detail: 'PORT=80 is for root alone (below 1024)' }])
})

t.test('what several machines share', async (t) => {
  const servers = async (played: Played) => checkServers(await ask(installed(played)))
  t.same(await servers({}), [], 'nothing is shared')
  const shared = files({ NATS_URL: 'nats://10.0.0.1:4222' }, { DATABASE_URL: 'postgres://hub:secret@10.0.0.2/leads', NATS_URL: 'nats://10.0.0.1:4222' })
  t.same(lines(await servers({ files: shared })), [
    'ok central-hub the database of DATABASE_URL answers', 'ok session-manager a server of NATS_URL answers', 'ok central-hub a server of NATS_URL answers'
  ])
  const amiss = await servers({ files: shared, database: 'the database refuses', nats: 'NATS is away' })
  t.same(lines(amiss), ['fault central-hub the database refuses', 'fault session-manager NATS is away', 'fault central-hub NATS is away'])
  t.match(amiss, [{ mend: /^"\$\{EDITOR:-vi\}" \/etc\/leadmaster\/central-hub\.env # correct DATABASE_URL.* systemctl restart leadmaster-central-hub$/ }])
  t.notMatch(JSON.stringify(amiss), /secret/)
})

t.test('who listens', async (t) => {
  const found = await checkListening(await ask(installed(holder(100, 3001)), [fault('unit', 'central-hub', 'not running', 'true')]))
  t.same(lines(found), ['ok session-manager listens on 127.0.0.1:3001'], 'of a service at fault nothing more is said')
  t.match(await checkListening(await ask(installed())), [{ state: 'fault', mend: 'systemctl restart leadmaster-session-manager' }, { state: 'fault' }])
})

t.test('what the files say of one another', async (t) => {
  const wiring = async (each: Record<string, string>) => checkWiring(await ask(installed({ files: each })))
  t.same(await wiring({}), [])
  t.same(await wiring(files({ HOST: '0.0.0.0' })), [])
  t.same(await wiring(files({}, { SESSION_MANAGER_BASE_URL: 'http://localhost:3001' })), [])
  t.match(await wiring(files({ PORT: '3005' })), [{ service: 'central-hub', detail: 'SESSION_MANAGER_BASE_URL=http://127.0.0.1:3001, but session-manager is to listen on 127.0.0.1:3005', mend: "sed -i 's|^SESSION_MANAGER_BASE_URL=.*|SESSION_MANAGER_BASE_URL=http://127.0.0.1:3005|' /etc/leadmaster/central-hub.env && systemctl restart leadmaster-central-hub" }])
  t.match(await wiring(files({ HOST: '192.0.2.1' })), [{ mend: /SESSION_MANAGER_BASE_URL=http:\/\/192\.0\.2\.1:3001/ }])
  t.match(await wiring(files({}, { ENV_FILE: '/srv/hub.env' })), [{ detail: /^ENV_FILE=\/srv\/hub\.env, but its file is/ }])
})

t.test('further accounts', async (t) => {
  const wiring = async (named: string | undefined, account = sales) => checkWiring(await ask(installed({ files: { ...account, ...files({}, named === undefined ? {} : { FURTHER_SESSION_MANAGERS: named }) } })))
  t.same(await wiring('sales=http://127.0.0.1:3002'), [])
  t.match(await wiring(undefined), [{ detail: /does not have sales: the hub does not follow session-manager@sales/, mend: /FURTHER_SESSION_MANAGERS=sales=http:\/\/127\.0\.0\.1:3002/ }])
  t.match(await wiring('sales=http://127.0.0.1:3009'), [{ detail: /has sales=http:\/\/127\.0\.0\.1:3009, but session-manager@sales is to listen on 127\.0\.0\.1:3002/ }])
  t.match(await wiring('sales=http://127.0.0.1:3002,gone=http://127.0.0.1:3003'), [{ detail: /no session-manager here has ACCOUNT=gone/, mend: /FURTHER_SESSION_MANAGERS=sales=http:\/\/127\.0\.0\.1:3002\|/ }])
  t.same(await wiring('sales=http://127.0.0.1:3002,away=http://192.0.2.9:3003'), [], 'one on another machine is not ours to judge')
  const twin = { '/etc/leadmaster/session-manager-sales.env': managerEnv({ PORT: '3002' }) }
  t.match(await wiring(undefined, twin), [{ service: 'session-manager@sales', detail: 'ACCOUNT=main is also that of session-manager', mend: /ACCOUNT=sales/ }])
})

const identity = (status: object = {}): Identity => ({ account: 'main', version: '1', status: { status: 'READY', since: '', account: 'main', linked: true, failures: 0, outbound_blocked: 0, journal: { id: 'j', last_seq: 5 }, media: { pending: 0 }, backfill: { running: false }, ...status } })

t.test('who answers', async (t) => {
  const answers = async (identify: Played['identify']) => (await checkIdentities(await ask(installed(identify ? { identify } : {})))).findings
  t.match(await answers(async () => identity()), [{ state: 'ok', detail: 'session-manager of account main answers at http://127.0.0.1:3001' }])
  t.match(await answers(async () => ({ ...identity(), account: 'other' })), [{ state: 'fault', detail: /is of account other, not main/ }])
  t.match(await answers(async () => { throw new Error('what answers there is not a session-manager') }), [{ state: 'fault', detail: 'what answers there is not a session-manager', mend: 'systemctl restart leadmaster-session-manager' }])
  const { findings, answered } = await checkIdentities(await ask(installed(), [fault('port', 'session-manager', 'taken', 'true')]))
  t.same([lines(findings), answered], [['note central-hub skipped: mend session-manager port first'], []])
})

t.test('the journal and its cursor', async (t) => {
  const answered: Answered[] = [{ manager: undefined, identity: identity() }]
  const ready = (ok: boolean, detail: string) => ({ status: ok ? 200 : 503, body: { ready: ok, checks: [{ name: 'store', ok: true, detail: 'open' }, { name: 'following', ok, detail }] } })
  const following = async (...said: ReturnType<typeof ready>[]) => lines(await checkFollowing(await ask(installed({ get: async () => (said.length > 1 ? said.shift() : said[0]) })), answered))
  t.same(await following(ready(true, 'record 5 of 5 taken')), ['ok central-hub record 5 of 5 taken, account main'])
  t.same(await following(ready(true, 'record 2 of 5 taken'), ready(true, 'record 4 of 5 taken')), ['note central-hub catching up with account main: record 4 of 5 taken'])
  t.same(await following(ready(true, 'record 2 of 5 taken')), ['fault central-hub account main is not followed, its journal is at record 5: record 2 of 5 taken'], 'one that stands still')
  t.match(await following(ready(false, 'the stream is not open')), [/^fault central-hub .*the stream is not open$/])
  t.match(await following(), [/^fault central-hub http:\/\/127\.0\.0\.1:3012\/ready does not answer/])
  const broken = { status: 503, body: { checks: [{ name: 'store', ok: false, detail: 'the store does not answer' }, { name: 'following', ok: true, detail: 'record 5 of 5 taken' }] } }
  t.match(lines(await checkFollowing(await ask(installed({ get: async () => broken })), answered)), [/^fault central-hub the store does not answer/, /^ok/])
})

t.test('the session with WhatsApp', async (t) => {
  const { wiring } = await ask(installed())
  const [manager] = wiring.services
  if (manager?.kind !== 'session-manager') return t.fail('the first is a session-manager')
  const session = (status: object) => checkSessions([{ manager, identity: identity(status) }])[0]
  t.match(session({}), { state: 'ok', detail: /^READY/ })
  t.match(session({ status: 'QR_REQUIRED', journal: { id: 'j', last_seq: 0 } }), { state: 'note', detail: /no phone is linked yet/, mend: /\/qr\.txt$/ })
  t.match(session({ status: 'QR_REQUIRED' }), { state: 'fault', detail: /no phone is linked any more/ })
  t.match(session({ status: 'DISCONNECTED', reason: 'WhatsApp is unreachable', next_attempt_at: '2026-11-24T12:00:05.000Z' }), { state: 'fault', detail: 'DISCONNECTED: WhatsApp is unreachable; it tries again at 12:00:05 UTC', mend: undefined })
  t.match(session({ status: 'DISCONNECTED', reason: 'it was switched off' }), { state: 'fault', mend: /^curl -s -X POST .*\/connect$/ })
  t.match(session({ status: 'INIT' }), { state: 'note' })
})
