import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { lookIntoHub, lookIntoJournal } from '../../../src/admin/backup/databases.ts'
import type { Manifest } from '../../../src/admin/backup/manifest.ts'
import { readEnvFile } from '../../../src/platform/env-file.ts'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { mediaPath } from '../../../src/session-manager/journal/media.ts'
import { apiToken, ask, startDaemon } from '../../end-to-end/daemon.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { backup, makeHome, restore, type Home } from './running.ts'

/** A backup of both services at work, and what becomes of it. */

t.setTimeout(900_000)

const made = ({ to }: Pick<Home, 'to'>): string[] => readdirSync(to).sort()
const newest = (home: Pick<Home, 'to'>): string =>
  join(
    home.to,
    made(home)
      .filter((name) => name.startsWith('leadmaster-'))
      .at(-1) as string
  )
const manifestOf = (path: string): Manifest =>
  JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8')) as Manifest
const partOf = (path: string, name: string) =>
  manifestOf(path).services.find((part) => part.name === name)
const envOf = (directory: string, service: string): Record<string, string> => ({
  ...readEnvFile(readFileSync(join(directory, `${service}.env`), 'utf8')).variables
})

t.test(
  'made while records are written at full speed, restored elsewhere, and gone on with',
  async (t) => {
    const home = await makeHome(t)
    const { journal } = home
    await home.write(2_000)
    const sha256 = await home.keepMedia('M1', 'a picture')
    const before = journal.lastSeq()
    const running = backup(home.directory, '--to', home.to)
    const [taken] = await Promise.all([
      running,
      (async () => {
        for (let over = false; !over; await turn()) {
          void running.then(() => (over = true))
          await home.write(20)
        }
      })()
    ])
    t.equal(taken.code, 0, taken.stderr)
    const path = newest(home)
    t.match(taken.stderr, new RegExp(`made ${path} in`))
    t.equal(made(home).length, 1, 'nothing is left beside it')
    for (const each of [
      path,
      join(path, 'session-manager/journal.db'),
      join(path, 'env/central-hub.env')
    ])
      t.equal(statSync(each).mode & 0o077, 0, each)
    const copy = lookIntoJournal(join(path, 'session-manager/journal.db'))
    const {
      messages,
      cursors: [cursor]
    } = lookIntoHub(join(path, 'central-hub/hub.db'))
    t.ok(
      copy.lastSeq >= before && copy.records === copy.lastSeq,
      `${copy.lastSeq} records, ${before} were there before`
    )
    t.ok(journal.lastSeq() > copy.lastSeq, 'and more came meanwhile')
    t.ok(
      cursor !== undefined && cursor.seq >= before && cursor.seq <= copy.lastSeq,
      `the hub's copy is at record ${cursor?.seq}`
    )
    t.ok(messages >= before - 1)
    t.match(partOf(path, 'session-manager'), {
      holds: { records: copy.records, last_seq: copy.lastSeq, device_files: 5, media: 1 },
      lacks: []
    })
    await home.close()

    const there = join(ownDirectory(t), 'restored')
    const restored = await restore(there, path)
    t.equal(restored.code, 0, restored.stderr)
    t.match(restored.stderr, /next: LEADMASTER_HOME=.*scripts\/up/)
    const state = join(there, 'real/session-manager')
    t.equal(readFileSync(mediaPath(join(state, 'media'), sha256), 'utf8'), 'a picture')
    t.equal(
      readFileSync(
        join(
          state,
          'profile/Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb/000006.log'
        ),
        'utf8'
      ),
      'what was written last'
    )
    t.match(envOf(there, 'session-manager'), {
      ...envOf(home.directory, 'session-manager'),
      STATE_DIR: state
    })
    const original = openJournal(join(home.directory, 'real/session-manager/journal.db'), 'main')
    const again = openJournal(join(state, 'journal.db'), 'main')
    t.same(
      again.read(0, copy.lastSeq + 1),
      original.read(0, copy.lastSeq),
      'every record up to then, as it was'
    )
    t.not(again.id, original.id, 'a journal of its own: it goes on otherwise')
    const id = again.id
    t.same(
      lookIntoHub(join(there, 'real/central-hub/hub.db')).cursors,
      [{ ...cursor, journalId: id }],
      'in which the hub goes on where it stood'
    )
    for (const each of [original, again]) each.close()

    const manager = startDaemon('session-manager', envOf(there, 'session-manager'))
    t.teardown(() => manager.end('SIGKILL'))
    await manager.seen('listening')
    const hub = startDaemon('central-hub', envOf(there, 'central-hub'))
    t.teardown(() => hub.end('SIGKILL'))
    await hub.seen('following')
    for (let ready = ''; !ready.includes(`record ${copy.lastSeq} of`); await delay(50))
      ready = JSON.stringify((await ask(`${hub.url}/ready`, apiToken)).body)
    t.same(
      hub.lines.filter(({ event }) => event === 'journal_replaced'),
      [],
      'it is not read from its start'
    )
    await hub.end()
    await manager.end()
    t.match(lookIntoHub(join(there, 'real/central-hub/hub.db')), {
      messages: copy.lastSeq - 1,
      cursors: [{ seq: copy.lastSeq }]
    })
  }
)

t.test('what is damaged or missing is refused by its name, and nothing is touched', async (t) => {
  const home = await makeHome(t)
  await home.write(10)
  t.equal((await backup(home.directory, '--to', home.to)).code, 0)
  const path = newest(home)
  const there = join(ownDirectory(t), 'restored')
  t.match(await restore(there, path, '--check'), { code: 0, stderr: /is whole: \d+ files/ })
  const file = join(path, 'session-manager/journal.db')
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000)
  writeFileSync(file, bytes)
  rmSync(join(path, 'env/central-hub.env'))
  const refused = await restore(there, path)
  t.match(refused, {
    code: 1,
    stderr:
      /nothing was restored: .*env\/central-hub\.env is missing, session-manager\/journal\.db is damaged/
  })
  writeFileSync(
    join(path, 'SHA256SUMS'),
    readFileSync(join(path, 'SHA256SUMS'), 'utf8')
      .split('\n')
      .filter((line) => !/journal\.db|central-hub\.env/.test(line))
      .join('\n')
  )
  t.match(await restore(there, path), {
    code: 1,
    stderr: /SHA256SUMS is damaged: it names \d+ files of \d+/
  })
  t.match(await restore(there, home.to), {
    code: 1,
    stderr: /holds backups: name one, such as .*leadmaster-/
  })
  t.throws(() => statSync(there), { code: 'ENOENT' })
})

t.test(
  'not over a service that runs, and over what is there only by --replace, which keeps it',
  async (t) => {
    const home = await makeHome(t)
    await home.write(10)
    t.equal((await backup(home.directory, '--to', home.to)).code, 0)
    const path = newest(home)
    await home.write(10)
    t.match(await restore(home.directory, path, '--replace'), {
      code: 1,
      stderr: /hub\.db is in use: stop the services/
    })
    await home.close()
    t.match(await restore(home.directory, path), {
      code: 1,
      stderr: /session-manager\.env, .* are there already: with --replace/
    })
    const replaced = await restore(home.directory, path, '--replace')
    t.equal(replaced.code, 0, replaced.stderr)
    const [, aside = ''] =
      /what was there is now (.*\/session-manager\.before-restore-\w+)$/m.exec(replaced.stderr) ??
      []
    t.equal(lookIntoJournal(join(aside, 'journal.db')).lastSeq, 20)
    const journal = join(home.directory, 'real/session-manager/journal.db')
    t.equal(lookIntoJournal(journal).lastSeq, 10)
    writeFileSync(journal, 'damaged, which is why it is restored')
    await delay(1_001) // what is kept is named by its second
    t.match(await restore(home.directory, path, '--replace'), { code: 0 })
    t.equal(lookIntoJournal(journal).lastSeq, 10)
  }
)

t.test('what was deleted since the backup is deleted again from what is restored', async (t) => {
  const home = await makeHome(t)
  await home.write(10)
  const other = {
    id: 'false_5215500000000@c.us_B',
    chat_id: '5215500000000@c.us',
    from: '5215500000000@c.us',
    phone: '+5215500000000'
  }
  home.journal.append([newRecord('B', other)], 'live')
  t.equal((await backup(home.directory, '--to', home.to)).code, 0)
  const path = newest(home)
  home.journal.erase({ chatIds: ['5215512345678@c.us'], messageIds: [] })
  await home.close()

  const replaced = await restore(home.directory, path, '--replace')

  t.equal(replaced.code, 0, replaced.stderr)
  t.match(
    replaced.stderr,
    /deletions made since the backup were made again in account main: 1 leads, 10 messages, 10 records/
  )
  const state = join(home.directory, 'real')
  const { leads, messages } = lookIntoHub(join(state, 'central-hub/hub.db'))
  t.same([leads, messages], [0, 0])
  const bytes = ['session-manager/journal.db', 'central-hub/hub.db'].map((file) =>
    readFileSync(join(state, file))
  )
  t.same(
    bytes.map((content) => content.includes('5215512345678')),
    [false, false],
    'no byte is left of it'
  )
  t.ok(bytes[0]?.includes('5215500000000'), 'what is of others is there')
})

t.test('encrypted: one file, opened by its key alone', async (t) => {
  const home = await makeHome(t)
  await home.write(10)
  const key = 'a-key-for-tests-0123456789-abcdefghijkl'
  writeFileSync(join(home.directory, 'backup.env'), `BACKUP_TO=${home.to}\nBACKUP_KEY=${key}\n`)
  const taken = await backup(home.directory)
  t.equal(taken.code, 0, taken.stderr)
  const path = newest(home)
  t.match(path, /leadmaster-\w+\.tar\.sealed$/)
  t.equal(statSync(path).mode & 0o077, 0)
  t.notOk(readFileSync(path).includes('message M1'))
  t.same(
    readdirSync(join(home.directory, 'real')).sort(),
    ['central-hub', 'session-manager'],
    'no plain copy is left'
  )
  const place = ownDirectory(t)
  const [right, wrong] = [join(place, 'right'), join(place, 'wrong')]
  writeFileSync(right, `${key}\n`)
  writeFileSync(wrong, `${key}x\n`)
  const there = join(place, 'restored')
  t.match(await restore(there, path), {
    code: 1,
    stderr: /it is encrypted: give the BACKUP_KEY .* by --key-file/
  })
  t.match(await restore(there, path, '--key-file', wrong), {
    code: 1,
    stderr: /cannot be opened: it was made with another key/
  })
  const restored = await restore(there, path, '--key-file', right)
  t.equal(restored.code, 0, restored.stderr)
  t.equal(lookIntoJournal(join(there, 'real/session-manager/journal.db')).lastSeq, 10)
  writeFileSync(path, readFileSync(path).subarray(0, -100))
  t.match(await restore(join(place, 'other'), path, '--key-file', right), {
    code: 1,
    stderr: /tar\.sealed cannot be opened: it is damaged or cut off/
  })
  t.same(readdirSync(place).sort(), ['restored', 'right', 'wrong'])
})

t.test(
  'old ones go; media of the one before take no room; what is not in it is said',
  async (t) => {
    const home = await makeHome(t, {
      DATABASE_URL: 'postgres://leadmaster:secret@127.0.0.1:5432/leadmaster'
    })
    const kept = await home.keepMedia('M1', 'kept')
    const lost = await home.keepMedia('M2', 'lost')
    const media = (path: string, sha256: string): string =>
      mediaPath(join(path, 'session-manager/media'), sha256)
    for (const name of [
      'leadmaster-20260101T000000Z',
      'leadmaster-20260102T000000Z',
      '.leadmaster-20260103T000000Z.partial-999999999',
      'of somebody else'
    ])
      mkdirSync(join(home.to, name))
    const first = await backup(home.directory, '--to', home.to, '--keep', '2')
    t.equal(first.code, 0, first.stderr)
    t.match(
      first.stderr,
      /not in it: the hub's store, which is in PostgreSQL \(DATABASE_URL\): back that up by pg_dump/
    )
    t.notMatch(first.stderr, 'secret')
    const [, second = '', other] = made(home)
    t.equal(other, 'of somebody else')
    t.equal(made(home).length, 3, 'two of ours')
    t.ok(
      Math.abs(Date.parse(manifestOf(join(home.to, second)).made_at) - Date.now()) < 60_000,
      'its time is the time of day'
    )
    rmSync(mediaPath(join(home.directory, 'real/session-manager/media'), lost))
    rmSync(media(join(home.to, second), lost))
    await delay(1_001) // a backup is named by its second
    const next = await backup(home.directory, '--to', home.to)
    t.equal(next.code, 0, next.stderr)
    t.match(next.stderr, /not in it: 1 media files .* that are not in/)
    t.equal(
      statSync(media(newest(home), kept)).ino,
      statSync(media(join(home.to, second), kept)).ino
    )
  }
)

t.test(
  'a profile that cannot be copied makes the backup incomplete, and that is told',
  async (t) => {
    const home = await makeHome(t)
    await home.write(1)
    writeFileSync(
      join(
        home.directory,
        'real/session-manager/profile/Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb/000005.ldb'
      ),
      'torn'
    )
    t.match(await backup(home.directory, '--to', home.to), {
      code: 1,
      stderr: /not in it: the linked device, which could not be copied[^]*it lacks a linked device/
    })
    t.equal(partOf(newest(home), 'session-manager')?.holds['records'], 1, 'the rest is in it')
  }
)

t.test('called wrongly', async (t) => {
  const home = await makeHome(t)
  t.match(await backup(home.directory), {
    code: 1,
    stderr: /no backup was made: where to\? Give --to DIR, or set BACKUP_TO in .*backup\.env/
  })
  t.match(await backup(home.directory, '--to', join(home.to, 'not-there')), {
    code: 1,
    stderr: /not-there is not there: make it .* or mount it/
  })
  t.match(await backup(home.directory, '--keep', '0'), { code: 2, stderr: /usage/ })
  t.match(await backup(home.directory, '--help'), { code: 0, stdout: /^usage: scripts\/backup/ })
  t.match(await restore(home.directory), { code: 2, stderr: /which backup\? Name one/ })
  writeFileSync(join(home.directory, 'backup.env'), 'BACKUP_TOO=/x\nBACKUP_KEEP=none\n')
  t.match(await backup(home.directory, '--to', home.to), {
    code: 1,
    stderr: /backup\.env: .*BACKUP_TOO is unknown: did you mean BACKUP_TO\?.*BACKUP_KEEP/
  })
})
