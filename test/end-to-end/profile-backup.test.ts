import { mkdirSync, readdirSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { InboundPage } from '../../src/contract/record.ts'
import type { Status } from '../../src/contract/session.ts'
import { browserDirectory } from '../whatsapp-web/directory.ts'
import { startWhatsAppWeb, type WhatsAppWeb } from '../whatsapp-web/server.ts'
import { ask, freePort, sessionManagerEnv, startDaemon, token, type Daemon } from './daemon.ts'

/**
 * An account moves to another host by the backup of its linked device: the real session-manager in
 * the real Chromium.
 */

t.setTimeout(900_000)

const ana = '+5215512345678'
const key = 'a-key-for-backups-0123456789-abcdefghijkl'

interface Hosts {
  web: WhatsAppWeb
  /** Where the backups are. */
  backups: string
  /** Starts session-manager on a host: each has a state directory of its own. */
  start(host: string, env?: Record<string, string>): Promise<Daemon>
}

const hosts = async (t: Test): Promise<Hosts> => {
  const { path: directory, remove } = browserDirectory()
  const web = await startWhatsAppWeb({ directory: join(directory, 'whatsapp') })
  const running = new Set<Daemon>()
  const backups = join(directory, 'backups')
  mkdirSync(backups)
  t.teardown(async () => {
    await Promise.all([...running].map((daemon) => daemon.end()))
    await web.close()
    remove()
  })
  return {
    web,
    backups,
    start: async (host, env = {}) => {
      const daemon = startDaemon('session-manager', {
        ...sessionManagerEnv({
          port: await freePort(),
          stateDir: join(directory, host),
          chromiumPath: web.chromiumPath
        }),
        PROFILE_BACKUP: `file://${backups}`,
        PROFILE_BACKUP_KEY: key,
        PROFILE_BACKUP_INTERVAL: '1s',
        ...env
      })
      running.add(daemon)
      await daemon.seen('listening')
      return daemon
    }
  }
}

const ready = (daemon: Daemon): Promise<unknown> =>
  daemon.seen('session', ({ status }) => status === 'READY', 60_000)
const askedForQr = (daemon: Daemon): boolean =>
  daemon.lines.some(({ status }) => status === 'QR_REQUIRED')
const statusOf = async (daemon: Daemon): Promise<Status> =>
  (await ask<Status>(`${daemon.url}/status`, token)).body
const captured = async (daemon: Daemon): Promise<string[]> =>
  (await ask<InboundPage>(`${daemon.url}/inbound?limit=1000`, token)).body.records.flatMap(
    (record) => (record.kind === 'message' ? [record.message.id] : [])
  )
const linked = async ({ web, start }: Hosts, host: string): Promise<Daemon> => {
  const daemon = await start(host)
  await web.scan()
  await ready(daemon)
  await daemon.seen('backfill')
  return daemon
}
/** A backup that was made from now on. */
const backedUp = (daemon: Daemon): Promise<unknown> => {
  const from = daemon.lines.length
  return daemon.seen('profile_backed_up', (line) => daemon.lines.indexOf(line) >= from)
}
/** session-manager is killed, and Chromium ends with it: nothing is closed in order. */
const die = async (daemon: Daemon, { web }: Hosts): Promise<void> => {
  await daemon.end('SIGKILL')
  await web.disconnected()
}

t.test(
  'a host dies for good: another one goes on without a QR, and what was missed is read back',
  async (t) => {
    const rig = await hosts(t)
    const { web, start } = rig
    const first = await linked(rig, 'one')
    const before = web.phone.text({ from: ana, text: 'before' })
    await web.settled()
    await backedUp(first)
    const after = web.phone.text({ from: ana, text: 'after the last backup' })
    await web.settled()
    await die(first, rig)
    const missed = [1, 2, 3].map((index) =>
      web.phone.text({ from: ana, text: `nobody was there ${index}` })
    )

    const second = await start('two')
    const restored = await second.seen('profile_restored')
    t.match(restored, { level: 'info', msg: /^restored the linked device from the backup of 2/ })
    await ready(second)
    await second.seen('backfill', ({ new: added }) => (added as number) > 0)
    const ids = await captured(second)
    for (const { id } of [after, ...missed]) t.ok(ids.includes(id))
    t.ok(ids.includes(before.id), 'and what its journal has not, as far as the overlap goes')
    t.equal(new Set(ids).size, ids.length, 'none twice')
    t.notOk(askedForQr(second), 'no QR')
    t.equal(web.linkedDevices(), 1, 'the same device')
    t.match(await statusOf(second), { status: 'READY', linked: true })
    const live = web.phone.text({ from: ana, text: 'and on' })
    await web.settled()
    await backedUp(second)
    t.ok((await captured(second)).includes(live.id))

    t.test(
      'the first host comes back: the device has gone on without it, and it takes that one',
      async (t) => {
        await die(second, rig)
        const again = await start('one')
        await again.seen('profile_restored')
        await ready(again)
        t.notOk(askedForQr(again))
        await backedUp(again)
        await again.end()
        const once = await start('one')
        await ready(once)
        t.notOk(
          once.lines.some(({ event }) => event === 'profile_restored'),
          'what it has itself is the newest now'
        )
        await once.end()
      }
    )
    t.same(web.outbound(), [], 'nothing was sent')
  }
)

t.test(
  'stopped in order, the last backup is as new as the profile; nothing of it is readable, and no secret is logged',
  async (t) => {
    const rig = await hosts(t)
    const daemon = await linked(rig, 'one')
    await backedUp(daemon)
    await daemon.end()
    const closed = daemon.lines.findLast(({ event }) => event === 'profile_backed_up')
    t.match(closed, { browser: 'closed' })
    const names = readdirSync(join(rig.backups, 'main')).sort()
    t.ok(names.length >= 2 && names.length <= 3, 'the last few are kept')
    for (const name of names)
      t.notMatch(
        await readFile(join(rig.backups, 'main', name), 'latin1'),
        /whatsapp|leveldb|MANIFEST/
      )
    t.notMatch(JSON.stringify(daemon.lines), key)

    t.test(
      'a newest one that is damaged: the one before is taken, and the log says so',
      async (t) => {
        const newest = join(rig.backups, 'main', names.at(-1) as string)
        const bytes = await readFile(newest)
        await writeFile(newest, bytes.subarray(0, -100))
        const other = await rig.start('two')
        t.match(await other.seen('profile_restore_failed'), {
          level: 'error',
          reason: 'it is damaged or cut off'
        })
        await other.seen('profile_restored')
        await ready(other)
        t.notOk(askedForQr(other))
        await other.end()
      }
    )
  }
)

t.test(
  'no QR while there may be a linked device in a backup: with another key, and with a store that is not there',
  async (t) => {
    const rig = await hosts(t)
    const first = await linked(rig, 'one')
    await backedUp(first)
    await first.end()

    const wrong = await rig.start('two', { PROFILE_BACKUP_KEY: `${key}-another` })
    const refused = await wrong.seen('session', ({ status }) => status === 'ERROR')
    t.match(refused, {
      reason:
        /^the backup of .* cannot be used: it was made with another PROFILE_BACKUP_KEY; mend that, or give the device up by POST \/disconnect\?logout=true/
    })
    // It is tried again at intervals, and shown as such while that lasts.
    let shown = await statusOf(wrong)
    while (shown.status !== 'ERROR') shown = await statusOf(wrong)
    t.match(shown, { reason: /another PROFILE_BACKUP_KEY/, linked: false })
    t.notOk(askedForQr(wrong))
    await wrong.end()

    await rename(rig.backups, `${rig.backups}-away`)
    const unmounted = await rig.start('two')
    await unmounted.seen(
      'session',
      ({ status, reason }) =>
        status === 'ERROR' &&
        /backups of PROFILE_BACKUP is not there: make it, or mount it/.test(String(reason))
    )
    t.notOk(askedForQr(unmounted))
    await rename(`${rig.backups}-away`, rig.backups)
    await ready(unmounted)
    t.notOk(askedForQr(unmounted))

    t.test('unlinked, its backups go: another host asks for a scan', async (t) => {
      await ask(`${unmounted.url}/disconnect?logout=true`, token, { method: 'POST' })
      t.same(readdirSync(join(rig.backups, 'main')), [])
      await unmounted.end()
      const fresh = await rig.start('three')
      await fresh.seen('session', ({ status }) => status === 'QR_REQUIRED')
      await fresh.end()
    })
  }
)

t.test(
  'unlinked by the phone while nobody was there to see it: the restored device is given up for a QR, once',
  async (t) => {
    const rig = await hosts(t)
    const first = await linked(rig, 'one')
    await backedUp(first)
    await die(first, rig)
    rig.web.logout()
    const second = await rig.start('two')
    await second.seen('profile_restored')
    await second.seen('session', ({ status }) => status === 'QR_REQUIRED', 60_000)
    t.match(await statusOf(second), { linked: false })
    await second.end()
    const again = await rig.start('two')
    await again.seen('session', ({ status }) => status === 'QR_REQUIRED', 60_000)
    t.notOk(again.lines.some(({ event }) => event === 'profile_restored'))
    await rig.web.scan()
    await ready(again)
    await backedUp(again)
    await again.end()
  }
)
