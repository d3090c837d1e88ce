import { EventEmitter, once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Mark } from '../../../../src/session-manager/journal/journal.ts'
import {
  ProfileBackup,
  type ProfileBackupOptions
} from '../../../../src/session-manager/cluster/profile-backup/backup.ts'
import { ProfileRestore } from '../../../../src/session-manager/cluster/profile-backup/restore.ts'
import {
  directoryStore,
  generations,
  nameOf,
  type Store
} from '../../../../src/session-manager/cluster/profile-backup/store.ts'
import { logLines } from '../../../platform/log-lines.ts'
import { ownDirectory } from '../../../platform/own-directory.ts'
import { writeLevelDb } from './fake-leveldb.ts'

/**
 * When the linked device is backed up, what is kept, and that a restored one brings its times
 * along.
 */

const secret = 'a-key-for-backups-0123456789-abcdefghijkl'
const database = 'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb'

const marksOf = (given: Partial<Record<Mark, number>>) => {
  const marks: Partial<Record<Mark, number>> = { ...given }
  return {
    marks,
    id: randomUUID() as string,
    mark: (name: Mark) => marks[name],
    completeUntil: () => marks['complete_until'],
    setMark: (name: Mark, at: number | undefined) =>
      void (at === undefined ? delete marks[name] : (marks[name] = at))
  }
}

const rig = async (
  t: Test,
  options: Partial<ProfileBackupOptions> & {
    marks?: Partial<Record<Mark, number>>
    root?: string
  } = {}
) => {
  const directory = ownDirectory(t)
  const root = options.root ?? ownDirectory(t)
  const profile = join(directory, 'profile')
  await writeLevelDb(join(profile, database))
  const news = new EventEmitter()
  const logged = logLines()
  const journal = marksOf(options.marks ?? { linked_at: 1_000, complete_until: 5_000 })
  const inner = directoryStore(root, 'main')
  const store: Store = {
    ...inner,
    put: async (name, file) => inner.put(name, file).finally(() => news.emit('put'))
  }
  const shared = { store, secret, account: 'main', journal, profile, log: logged.log }
  const backup = new ProfileBackup({
    ...shared,
    workDirectory: join(directory, 'work'),
    isOurs: () => true,
    forwarded: () => true,
    intervalMs: 60_000,
    settleMs: 0,
    ...options
  })
  t.teardown(() => backup.paused())
  return {
    backup,
    journal,
    logged,
    root,
    profile,
    directory,
    restore: new ProfileRestore(shared),
    put: () => once(news, 'put'),
    stored: async () => generations(await inner.list())
  }
}

t.test(
  'one is made once the session has settled, then at intervals, and when the browser has closed; nothing is left lying about',
  async (t) => {
    const { backup, put, stored, logged, directory, journal } = await rig(t, { intervalMs: 1 })
    const two = (async () => {
      await put()
      await put()
    })()
    backup.ready()
    backup.ready()
    await two
    backup.paused()
    await backup.closed()
    t.match(logged.of('profile_backed_up').at(-1), { browser: 'closed' })
    const made = logged.of('profile_backed_up').length
    await backup.closed()
    t.equal(logged.of('profile_backed_up').length, made, 'nothing has changed since')
    t.ok(
      (await stored()).length <= 3 && (await stored()).every((one) => one.journal === journal.id)
    )
    t.equal(backup.takenAt(), (await stored())[0]?.takenAt)
    t.notOk(existsSync(join(directory, 'work')))
  }
)

t.test(
  'three are kept; those from before the device was linked go, and the newest sorts as the newest even if another host is ahead of time',
  async (t) => {
    const root = ownDirectory(t)
    const other = await rig(t, { root, marks: { linked_at: 1_000 }, now: () => 9_000_000_000_000 })
    other.backup.ready()
    await other.backup.closed()
    const old = await rig(t, { root, marks: { linked_at: 500 }, now: () => 900 })
    old.backup.ready()
    await old.backup.closed()
    const { backup, stored, journal } = await rig(t, { root, now: () => 2_000_000 })
    for (let round = 0; round < 4; round += 1) {
      backup.ready()
      await backup.closed()
    }
    const kept = await stored()
    t.equal(kept.length, 3)
    t.ok(kept.every((one) => one.journal === journal.id && one.takenAt > 9_000_000_000_000))
  }
)

t.test(
  'none is made of a device that is not linked, or by a host that does not have the account',
  async (t) => {
    const unlinked = await rig(t, { marks: {} })
    const waiting = await rig(t, { isOurs: () => false })
    for (const { backup, stored } of [unlinked, waiting]) {
      backup.ready()
      await backup.closed()
      t.same(await stored(), [])
    }
  }
)

t.test('a failure is told, and tried again after a wait that grows', async (t) => {
  const { backup, root, logged, put, stored } = await rig(t, { retryMs: 1 })
  await rm(root, { recursive: true })
  backup.ready()
  while (logged.of('profile_backup_failed').length < 3)
    await new Promise((resolve) => setTimeout(resolve, 5))
  t.match(
    logged.of('profile_backup_failed').slice(0, 3),
    [1, 2, 4].map((retry_ms, index) => ({
      level: 'warn',
      failures: index + 1,
      retry_ms,
      reason: /is not there: make it, or mount it/
    }))
  )
  const made = put()
  await mkdir(root)
  await made
  t.equal((await stored()).length, 1)
})

t.test('unlinked, all go; if they cannot be deleted they are held for void', async (t) => {
  const { backup, stored, journal, root, logged } = await rig(t)
  backup.ready()
  await backup.closed()
  await backup.deleteAll()
  t.same(await stored(), [])
  t.ok(journal.marks.backup_void)
  t.equal(backup.takenAt(), undefined)
  await rm(root, { recursive: true })
  await backup.deleteAll()
  t.equal(logged.of('profile_backups_left').length, 1)
})

t.test(
  'another host goes on from the times of the journal before: from when everything in it was elsewhere, too',
  async (t) => {
    let forwarded = true
    const one = await rig(t, { forwarded: () => forwarded })
    one.backup.ready()
    await one.backup.closed()
    forwarded = false
    one.journal.setMark('complete_until', 8_000)
    one.backup.ready()
    await one.backup.closed()

    const two = await rig(t, { root: one.root, marks: {} })
    await rm(two.profile, { recursive: true })
    const told: string[] = []
    await two.restore.restore((doing) => told.push(doing), new AbortController().signal)
    t.match(told, [/^restoring the linked device from the backup of 2/])
    const [newest] = await one.stored()
    t.same(two.journal.marks, {
      linked_at: 1_000,
      complete_until: 5_000,
      restored_from: newest?.takenAt
    })
    t.ok(existsSync(join(two.profile, database, 'CURRENT')))
    await two.restore.restore((doing) => told.push(doing), new AbortController().signal)
    t.equal(told.length, 1, 'once')
    two.restore.codeShown()
    t.match(two.journal.marks, { backup_void: newest?.takenAt })
  }
)

t.test('a backup of another account, or one that was renamed, is refused', async (t) => {
  const one = await rig(t)
  one.backup.ready()
  await one.backup.closed()
  const [made] = await one.stored()
  await rename(
    join(one.root, 'main', String(made?.name)),
    join(one.root, 'main', nameOf(Number(made?.takenAt) + 1, one.journal.id))
  )
  const two = await rig(t, { root: one.root, marks: {} })
  await t.rejects(
    two.restore.restore(() => undefined, new AbortController().signal),
    {
      message:
        /cannot be used: it has been renamed; mend that, or give the device up by POST \/disconnect\?logout=true, then POST \/connect for a QR$/
    }
  )
})
