import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openJournal, type Journal } from '../../../src/session-manager/journal/journal.ts'
import {
  deleteErasedMedia,
  mediaPath,
  removeIncoming,
  storeMedia
} from '../../../src/session-manager/journal/media.ts'
import { MediaTrouble } from '../../../src/session-manager/journal/media-trouble.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord, withMedia } from './new-records.ts'

/** The directory of the media, without a fetcher. */

const sum = (text: string): string => createHash('sha256').update(text).digest('hex')
const files = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort()
const openFiles = (): number => readdirSync('/proc/self/fd').length

const journalOf = (t: Test): Journal => {
  const journal = openJournal(join(ownDirectory(t), 'journal.db'), 'main')
  t.teardown(() => journal.close())
  return journal
}
/** Erases messages with media of these sums. */
const eraseMedia = (journal: Journal, sums: readonly string[]): void => {
  journal.append(
    sums.map((sha256, n) => withMedia(String(n), { sha256 })),
    'live'
  )
  journal.erase({ chatIds: [newRecord('').message.chat_id], messageIds: [] })
}

t.test('what a crash left half written is removed, and nothing else', async (t) => {
  const directory = ownDirectory(t)
  const [left, kept] = [
    ['incoming-1.partial', 'incoming-.partial', 'incoming-a.b.partial'],
    ['not-incoming-1.partial', 'incoming-1.partial.jpg', 'incoming-1xpartial', 'photo']
  ]
  for (const name of [...left, ...kept]) await writeFile(join(directory, name), 'x')
  await removeIncoming(directory)
  t.same(await files(directory), kept.sort())
  await t.resolves(removeIncoming(join(directory, 'not there')))
})

t.test(
  'while media are written they are under another name, which a later start removes',
  async (t) => {
    const directory = ownDirectory(t)
    let seen: string[] = []
    const pieces = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('the ')
      seen = await files(directory)
      yield Buffer.from('bytes')
    }
    t.equal(await storeMedia(directory, pieces()), sum('the bytes'))
    t.match(seen, [/^incoming-[\w-]{36}\.partial$/])
    t.same(await files(directory), [sum('the bytes')])
    t.equal(await readFile(mediaPath(directory, sum('the bytes')), 'utf8'), 'the bytes')
  }
)

t.test(
  'media that were announced with another sum are the trouble of this file alone',
  async (t) => {
    const stored = storeMedia(ownDirectory(t), Buffer.from('x'), sum('y'))
    const error = await stored.then(
      () => undefined,
      (reason: unknown) => reason
    )
    t.ok(error instanceof MediaTrouble && !error.isOfAll)
  }
)

t.test('the directories of media are for their owner alone, however deep they are', async (t) => {
  const directory = join(ownDirectory(t), 'deep', 'media')
  await storeMedia(directory, Buffer.from('x'))
  const paths = [dirname(directory), directory, dirname(mediaPath(directory, sum('x')))]
  t.same(
    await Promise.all(paths.map(async (path) => (await stat(path)).mode & 0o777)),
    [0o700, 0o700, 0o700]
  )
})

t.test(
  'media whose sums begin alike are kept side by side, and what is there is not written again',
  async (t) => {
    const directory = ownDirectory(t)
    const texts = Array.from({ length: 1_000 }, (_, n) => `photo ${n}`)
      .filter((text) => sum(text).startsWith('ab'))
      .slice(0, 2)
    t.equal(texts.length, 2)
    for (const text of texts) await storeMedia(directory, Buffer.from(text))
    const paths = texts.map((text) => join(directory, 'ab', sum(text)))
    t.same(await Promise.all(paths.map((path) => readFile(path, 'utf8'))), texts)
    const { ino } = await stat(paths[0] as string)
    await storeMedia(directory, Buffer.from(texts[0] as string))
    t.equal((await files(directory)).length, 2)
    t.equal((await stat(paths[0] as string)).ino, ino)
  }
)

t.test('storing leaves no file open, whether it goes well or not', async (t) => {
  const directory = ownDirectory(t)
  await storeMedia(directory, Buffer.from('first'))
  const before = openFiles()
  for (let n = 0; n < 5; n += 1) {
    await storeMedia(directory, Buffer.from(`photo ${n}`))
    t.equal(openFiles(), before)
    await t.rejects(
      storeMedia(
        directory,
        (function* () {
          throw new Error('cut off')
        })()
      ),
      { message: 'cut off' }
    )
    t.equal(openFiles(), before)
  }
})

t.test(
  'the files of more media than go together are deleted, those that are not there are done with, too',
  async (t) => {
    const [journal, directory] = [journalOf(t), ownDirectory(t)]
    const sums = Array.from({ length: 1_003 }, (_, n) => sum(String(n)))
    const there = [0, 499, 500, 999, 1_000, 1_002].map((n) => sums[n] as string)
    for (const sha256 of [...there, sum('of another message')]) {
      await mkdir(dirname(mediaPath(directory, sha256)), { recursive: true })
      await writeFile(mediaPath(directory, sha256), 'a photo')
    }
    eraseMedia(journal, sums)
    t.equal(await deleteErasedMedia(journal, directory), there.length)
    t.same(await files(directory), [sum('of another message')])
    t.same(journal.mediaToDelete(), [])
    t.equal(await deleteErasedMedia(journal, directory), 0)
  }
)

t.test(
  'why a file cannot be deleted is said; the others of all groups go, and that one is tried again',
  async (t) => {
    const [journal, directory] = [journalOf(t), ownDirectory(t)]
    const sums = Array.from({ length: 502 }, (_, n) => sum(String(n)))
    const stuck = mediaPath(directory, sums[1] as string)
    await mkdir(stuck, { recursive: true })
    for (const sha256 of [sums[0], sums[501]].map(String)) {
      await mkdir(dirname(mediaPath(directory, sha256)), { recursive: true })
      await writeFile(mediaPath(directory, sha256), 'a photo')
    }
    eraseMedia(journal, sums)
    await t.rejects(deleteErasedMedia(journal, directory), { code: /EISDIR|EPERM/ })
    t.same(await files(directory), [])
    t.same(journal.mediaToDelete(), [sums[1]])
  }
)
