import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { InboundPage } from '../../src/contract/record.ts'
import type { Status } from '../../src/contract/session.ts'
import { natsServer, type NatsServer } from '../nats/nats-server.ts'
import { browserDirectory } from '../whatsapp-web/directory.ts'
import { startWhatsAppWeb, type WhatsAppWeb } from '../whatsapp-web/server.ts'
import { ask, freePort, sessionManagerEnv, startDaemon, token, type Daemon } from './daemon.ts'

/**
 * One account on two hosts: real session-managers, a real nats-server, and the simulated WhatsApp's
 * log of who was connected.
 */

t.setTimeout(900_000)
// they mostly wait, for the time of a lease to be over
t.jobs = 2

const ana = '+5215512345678'
const ttlS = 6

interface Hosts {
  web: WhatsAppWeb
  nats: NatsServer
  start(host: string): Promise<Daemon>
}

const hosts = async (t: Test): Promise<Hosts> => {
  const { path: directory, remove } = browserDirectory()
  const web = await startWhatsAppWeb({ directory: join(directory, 'whatsapp') })
  const nats = await natsServer(t)
  const running = new Set<Daemon>()
  mkdirSync(join(directory, 'backups'))
  t.teardown(async () => {
    await Promise.all(
      [...running].map(async (daemon) => {
        try {
          process.kill(daemon.pid, 'SIGCONT')
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
        }
        await daemon.end()
      })
    )
    await web.close()
    remove()
  })
  return {
    web,
    nats,
    start: async (host) => {
      const daemon = startDaemon('session-manager', {
        ...sessionManagerEnv({
          port: await freePort(),
          stateDir: join(directory, host),
          chromiumPath: web.chromiumPath
        }),
        NATS_URL: nats.url,
        LEASE_TTL: `${ttlS}s`,
        PROFILE_BACKUP: `file://${directory}/backups`,
        PROFILE_BACKUP_KEY: 'a-key-for-backups-0123456789-abcdefghijkl',
        PROFILE_BACKUP_INTERVAL: '1s'
      })
      running.add(daemon)
      await daemon.seen('listening')
      return daemon
    }
  }
}

const statusOf = async (daemon: Daemon): Promise<Status> =>
  (await ask<Status>(`${daemon.url}/status`, token)).body
const ready = (daemon: Daemon, after = 0): Promise<unknown> =>
  daemon.seen(
    'session',
    (line) => line['status'] === 'READY' && daemon.lines.indexOf(line) >= after,
    90_000
  )
const waiting = (daemon: Daemon, reason: RegExp, after = 0): Promise<unknown> =>
  daemon.seen(
    'session',
    (line) =>
      line['status'] === 'INIT' &&
      reason.test(String(line['reason'])) &&
      daemon.lines.indexOf(line) >= after,
    60_000
  )
const askedForQr = (daemon: Daemon): boolean =>
  daemon.lines.some(({ status }) => status === 'QR_REQUIRED')
const captured = async (daemon: Daemon): Promise<string[]> =>
  (await ask<InboundPage>(`${daemon.url}/inbound?limit=1000`, token)).body.records.flatMap(
    (record) => (record.kind === 'message' ? [record.message.id] : [])
  )
const backedUp = (daemon: Daemon): Promise<unknown> => {
  const from = daemon.lines.length
  return daemon.seen('profile_backed_up', (line) => daemon.lines.indexOf(line) >= from)
}

/**
 * By the simulated WhatsApp's log: no two were connected as the device at a time, and none was sent
 * away for another.
 */
const neverTwo = (t: Test, web: WhatsAppWeb): void => {
  const entered = web
    .connections()
    .filter(({ enteredAt }) => enteredAt !== undefined)
    .sort((a, b) => Number(a.enteredAt) - Number(b.enteredAt))
  for (const [index, one] of entered.entries()) {
    const next = entered[index + 1]
    if (next !== undefined)
      t.ok(
        (one.closedAt ?? Infinity) <= Number(next.enteredAt),
        `connection ${index} closed at ${one.closedAt}, before the next entered at ${next.enteredAt}`
      )
    t.notOk(one.displaced)
  }
}

/** One host runs the account, linked and backed up; another waits. */
const pair = async (rig: Hosts): Promise<{ first: Daemon; second: Daemon }> => {
  const first = await rig.start('one')
  await rig.web.scan()
  await ready(first)
  const second = await rig.start('two')
  await waiting(
    second,
    /^the account main is run by .+ since 2.+: this host takes it over when that one stops$/
  )
  await backedUp(first)
  return { first, second }
}

t.test(
  'the other host waits; the owner stops, and it goes on at once; the owner is killed, and it goes on after the TTL: with no QR, and nothing is lost',
  { buffered: true },
  async (t) => {
    const rig = await hosts(t)
    const { web } = rig
    const { first, second } = await pair(rig)
    t.match(await statusOf(second), { status: 'INIT', reason: /is run by/ })
    t.equal((await ask(`${second.url}/health`, token)).status, 200)
    const one = web.phone.text({ from: ana, text: 'to the first' })
    await web.settled()

    const stopping = performance.now()
    await first.end()
    const released = performance.now()
    await second.seen('lease_taken')
    t.comment(
      `given up ${Math.round(released - stopping)} ms after SIGTERM; taken ${Math.round(performance.now() - released)} ms after that`
    )
    const two = web.phone.text({ from: ana, text: 'to nobody' })
    await ready(second)
    t.comment(`READY ${Math.round(performance.now() - released)} ms after it was given up`)
    await second.seen('backfill', ({ new: added }) => (added as number) > 0)
    await backedUp(second)

    const third = await rig.start('three')
    await waiting(third, /is run by/)
    const killed = performance.now()
    await second.end('SIGKILL')
    const three = web.phone.text({ from: ana, text: 'to nobody again' })
    await third.seen('lease_taken', undefined, 60_000)
    t.comment(
      `taken ${Math.round(performance.now() - killed)} ms after SIGKILL, with a TTL of ${ttlS} s`
    )
    await ready(third)
    t.comment(`READY ${Math.round(performance.now() - killed)} ms after SIGKILL`)
    await third.seen('backfill', ({ new: added }) => (added as number) > 0)
    const ids = await captured(third)
    for (const { id } of [one, two, three]) t.ok(ids.includes(id))
    t.equal(new Set(ids).size, ids.length)
    for (const daemon of [second, third]) t.notOk(askedForQr(daemon), 'no QR')
    t.equal(web.linkedDevices(), 1)
    neverTwo(t, web)
    t.same(web.outbound(), [])
  }
)

t.test(
  'the owner is put to sleep: its browser is dead before another host has one, and when it wakes it waits',
  { buffered: true },
  async (t) => {
    const rig = await hosts(t)
    const { first, second } = await pair(rig)
    const before = first.lines.length
    process.kill(first.pid, 'SIGSTOP')
    await ready(second)
    process.kill(first.pid, 'SIGCONT')
    await first.seen('lease_lost')
    await waiting(first, /is run by/, before)
    t.equal((await statusOf(second)).status, 'READY')
    neverTwo(t, rig.web)
  }
)

t.test(
  'NATS is lost: the owner goes on for two thirds of the TTL, then closes its browser; when NATS is back, one of them goes on',
  { buffered: true },
  async (t) => {
    const rig = await hosts(t)
    const { first, second } = await pair(rig)
    const before = first.lines.length
    await rig.nats.end()
    await first.seen('lease_lost', ({ reason }) =>
      /could not be kept for this host: NATS at .* cannot be reached/.test(String(reason))
    )
    await rig.web.disconnected()
    await waiting(
      first,
      /^which host runs the account main cannot be told: NATS at .* cannot be reached/,
      before
    )
    t.same(await rig.web.chromium(), [])
    const missed = rig.web.phone.text({ from: ana, text: 'while nobody could tell' })
    await rig.nats.start()
    const owner = await Promise.any(
      [first, second].map(async (daemon) => {
        await ready(daemon, daemon === first ? before : 0)
        return daemon
      })
    )
    await owner.seen(
      'backfill',
      (line) =>
        (line['new'] as number) > 0 && owner.lines.indexOf(line) >= (owner === first ? before : 0)
    )
    t.ok((await captured(owner)).includes(missed.id))
    neverTwo(t, rig.web)
  }
)

t.test(
  'NATS is down from the start: no browser is opened, and both /status and the log say why',
  { buffered: true },
  async (t) => {
    const rig = await hosts(t)
    await rig.nats.end()
    const daemon = await rig.start('one')
    await waiting(
      daemon,
      /^which host runs the account main cannot be told: NATS at .* cannot be reached/
    )
    t.match(await statusOf(daemon), { status: 'INIT', reason: /cannot be reached/ })
    t.same(await rig.web.chromium(), [])
    await rig.nats.start()
    await daemon.seen('session', ({ status }) => status === 'QR_REQUIRED', 60_000)
  }
)
