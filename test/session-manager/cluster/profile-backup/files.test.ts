import { appendFile, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  copyDevice,
  hasDevice
} from '../../../../src/session-manager/cluster/profile-backup/files.ts'
import { ownDirectory } from '../../../platform/own-directory.ts'
import { edit, logFile, table, writeLevelDb } from './fake-leveldb.ts'

const database = 'Default/IndexedDB/https_web.whatsapp.com_0.indexeddb.leveldb'

const profile = async (t: Test): Promise<string> => {
  const directory = ownDirectory(t)
  await writeLevelDb(join(directory, database))
  await writeLevelDb(join(directory, 'Default/Local Storage/leveldb'))
  for (const other of ['Default/Cache', 'Crashpad']) {
    await mkdir(join(directory, other), { recursive: true })
    await writeFile(join(directory, other, 'data'), 'x')
  }
  await writeFile(join(directory, 'Local State'), '{}')
  return directory
}
t.test(
  'only what carries the linked device is copied: no caches, no locks, no notes',
  async (t) => {
    const [from, to] = [await profile(t), ownDirectory(t)]
    const files = ['000005.ldb', '000006.log', '000007.ldb', 'CURRENT', 'MANIFEST-000004']
    t.same(
      await copyDevice(from, to),
      [database, 'Default/Local Storage/leveldb'].flatMap((directory) =>
        files.map((file) => `${directory}/${file}`)
      )
    )
    t.equal(await readFile(join(to, database, '000006.log'), 'utf8'), 'what was written last')
    t.equal(await hasDevice(from), true)
    t.equal(await hasDevice(ownDirectory(t)), false)
    await rm(join(from, 'Default/Local Storage'), { recursive: true })
    t.equal(
      (await copyDevice(from, ownDirectory(t))).length,
      files.length,
      'a page may have used no local storage'
    )
  }
)

t.test('a database that changes while it is copied is copied anew', async (t) => {
  const [from, to] = [await profile(t), ownDirectory(t)]
  let copied = 0
  const files = await copyDevice(from, to, async (file, target) => {
    copied += 1
    await copyFile(file, target)
    if (copied > 1) return
    // Chromium writes a table, and lists it
    await writeFile(join(from, database, '000008.ldb'), table(5_000))
    await appendFile(join(from, database, 'MANIFEST-000004'), logFile([edit.added(8, 5_000)]))
  })
  t.equal(copied, 5 + 6 + 5)
  t.ok(files.includes(`${database}/000008.ldb`), 'as it is after the change')
})

t.test('a table deleted while it is copied is a change, too', async (t) => {
  const [from, to] = [await profile(t), ownDirectory(t)]
  await writeFile(join(from, database, '000002.ldb'), table(10))
  const files = await copyDevice(from, to, async (file, target) => {
    await rm(join(from, database, '000002.ldb'), { force: true })
    await copyFile(file, target)
  })
  t.notOk(files.includes(`${database}/000002.ldb`))
})

t.test('a log that grows meanwhile is copied as far as it was', async (t) => {
  const [from, to] = [await profile(t), ownDirectory(t)]
  let copied = 0
  await copyDevice(from, to, async (file, target) => {
    copied += 1
    await copyFile(file, target)
    await appendFile(join(from, database, '000006.log'), 'more')
  })
  t.equal(copied, 10, 'each file once')
  t.match(
    await readFile(join(to, database, '000006.log'), 'utf8'),
    /^what was written last(more)*$/
  )
})

t.test('one that never stops changing is given up', async (t) => {
  const [from, to] = [await profile(t), ownDirectory(t)]
  await t.rejects(
    copyDevice(from, to, async (file, target) => {
      await copyFile(file, target)
      await appendFile(join(from, database, 'MANIFEST-000004'), logFile([edit.next(10)]))
    }),
    { message: 'Default/IndexedDB of the profile is not there, or changes too fast to be copied' }
  )
})

t.test(
  'a database that is not whole is not backed up, and neither is a profile without one',
  async (t) => {
    const [from, to] = [await profile(t), ownDirectory(t)]
    await rm(join(from, database, '000005.ldb'))
    await t.rejects(copyDevice(from, to), { message: /not whole: table 5/ })
    await rm(join(from, 'Default/IndexedDB'), { recursive: true })
    await t.rejects(copyDevice(from, to), {
      message: 'Default/IndexedDB of the profile is not there, or changes too fast to be copied'
    })
  }
)
