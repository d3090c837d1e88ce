import { createHash } from 'node:crypto'
import { once, EventEmitter } from 'node:events'
import { mkdir, readFile, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { Media } from '../../../src/contract/record.ts'
import { openJournal, type NewRecord } from '../../../src/session-manager/journal/journal.ts'
import {
  MediaFetcher,
  type MediaSource
} from '../../../src/session-manager/journal/media-fetcher.ts'
import {
  deleteErasedMedia,
  mediaPath,
  storeMedia
} from '../../../src/session-manager/journal/media.ts'
import type { MediaResult } from '../../../src/session-manager/journal/media-fetcher.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord, withMedia } from './new-records.ts'

const sum = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const photo = Buffer.from('the bytes of a photo')
const fetched = (
  bytes: Buffer,
  facts: { mimetype?: string; filename?: string } = {}
): MediaResult => ({
  outcome: 'fetched',
  size: bytes.length,
  pieces: [bytes],
  ...facts
})
const gone = { outcome: 'gone', reason: 'WhatsApp has no such media' } as const

/** A fetcher over a real journal; `outcome` awaits what becomes of a message's media. */
const rig = (
  t: Test,
  source: MediaSource | undefined,
  options: { maxBytes?: number; retryMs?: number; root?: string } = {}
) => {
  const root = options.root ?? t.testdir()
  const directory = join(root, 'media')
  const journal = openJournal(join(root, 'journal.db'), 'main')
  const logged = logLines()
  const state = { source }
  const news = new EventEmitter()
  const outcomes = new Map<string, Media>()
  const add = async (newRecords: readonly NewRecord[]): Promise<void> => {
    journal.append(newRecords, 'live')
    for (const { message } of newRecords) outcomes.set(message.id, message.media as Media)
    news.emit('outcome')
  }
  const fetcher = new MediaFetcher({
    journal,
    add,
    source: () => state.source,
    directory,
    limits: { maxBytes: options.maxBytes ?? 1_000, types: ['*/*'] },
    retryMs: options.retryMs ?? 1,
    log: logged.log
  })
  const close = (): void => {
    fetcher.stop()
    journal.close()
  }
  let closed = false
  const closeOnce = (): void => {
    if (!closed) close()
    closed = true
  }
  t.teardown(closeOnce)
  const outcome = async ({ message }: NewRecord): Promise<Media> => {
    for (;;) {
      const found = outcomes.get(message.id)
      if (found) return found
      await once(news, 'outcome')
    }
  }
  return { root, directory, journal, logged, state, outcomes, fetcher, outcome, close: closeOnce }
}

t.test('media is kept under its SHA-256, whole, for its owner alone', async (t) => {
  const directory = join(t.testdir(), 'media')
  const sha256 = await storeMedia(directory, photo)
  t.equal(sha256, sum(photo))
  const path = mediaPath(directory, sha256)
  t.equal(path, join(directory, sha256.slice(0, 2), sha256))
  t.same(await readFile(path), photo)
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.equal((await stat(dirname(path))).mode & 0o777, 0o700)
  t.same(await readdir(dirname(path)), [sha256], 'no part of it is left beside')

  const before = await stat(path)
  t.equal(await storeMedia(directory, photo), sha256)
  t.equal((await stat(path)).mtimeMs, before.mtimeMs, 'what is there is not written again')
})

t.test('a file that a crash cut short is written anew', async (t) => {
  const directory = join(t.testdir(), 'media')
  const path = mediaPath(directory, sum(photo))
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, photo.subarray(0, 5))
  await writeFile(`${path}.partial`, 'left by a crash, and longer than the photo itself')
  await storeMedia(directory, photo)
  t.same(await readFile(path), photo)
})

t.test('bytes that are not those announced are not kept', async (t) => {
  const directory = join(t.testdir(), 'media')
  await t.rejects(storeMedia(directory, photo, sum(Buffer.from('another photo'))), {
    message: /does not have the SHA-256 that was announced/
  })
  t.same(await readdir(directory), [])
  t.equal(await storeMedia(directory, photo, sum(photo)), sum(photo))
})

t.test('the media of a message is fetched, kept, and its outcome captured', async (t) => {
  const { journal, fetcher, outcome, directory } = rig(t, async () =>
    fetched(photo, { mimetype: 'image/png', filename: 'photo.png' })
  )
  const image = withMedia('A', { sha256: sum(photo), duration: 3 })
  journal.append([image], 'live')
  fetcher.wake()
  t.same(
    await outcome(image),
    {
      state: 'stored',
      size: photo.length,
      sha256: sum(photo),
      mimetype: 'image/png',
      filename: 'photo.png',
      duration: 3
    },
    'what was known of it is kept'
  )
  t.same(await readFile(mediaPath(directory, sum(photo))), photo)
  t.equal(journal.pendingMediaCount(), 0)
  t.match(journal.read(1, 10), [
    { kind: 'media', message: { id: image.message.id, has_media: true } }
  ])
})

t.test('one after the other, and a wake while busy is not lost', async (t) => {
  let under = 0
  let most = 0
  const { journal, fetcher, outcome } = rig(t, async () => {
    most = Math.max(most, (under += 1))
    await new Promise((done) => setImmediate(done))
    under -= 1
    return fetched(photo)
  })
  const images = Array.from({ length: 20 }, (_, index) => withMedia(String(index)))
  for (const image of images) {
    journal.append([image], 'live')
    fetcher.wake()
    if (image.message.id.endsWith('5')) await new Promise((done) => setImmediate(done))
  }
  for (const image of images) t.match(await outcome(image), { state: 'stored' })
  t.equal(most, 1)
})

t.test('what turns out larger than the limit is not kept', async (t) => {
  const { journal, fetcher, outcome, directory } = rig(t, async () => fetched(photo), {
    maxBytes: photo.length - 1
  })
  const image = withMedia('A')
  journal.append([image], 'live')
  fetcher.wake()
  t.same(await outcome(image), {
    state: 'skipped',
    mimetype: 'image/jpeg',
    size: photo.length,
    reason: 'larger than MEDIA_MAX_SIZE'
  })
  await t.rejects(stat(directory), { code: 'ENOENT' })
})

t.test('what WhatsApp has no more is captured as failed after one attempt', async (t) => {
  let tries = 0
  const { journal, fetcher, outcome } = rig(t, async () => ((tries += 1), gone))
  const image = withMedia('A')

  journal.append([image], 'live')
  fetcher.wake()

  t.match(await outcome(image), { state: 'failed', reason: gone.reason })
  t.equal(tries, 1)
  t.equal(journal.pendingMediaCount(), 0)
})

t.test(
  'what failed rests, however often something else wakes the fetcher, and does not keep the others',
  async (t) => {
    const tries: string[] = []
    const { journal, fetcher, outcome } = rig(
      t,
      async (id) => {
        tries.push(id.slice(-1))
        if (id.endsWith('X')) throw new Error('not yet')
        return fetched(photo)
      },
      { retryMs: 60_000 }
    )
    const bad = withMedia('X')
    journal.append([bad], 'live')
    fetcher.wake()
    for (const name of ['1', '2', '3', '4', '5', '6', '7', '8']) {
      const image = withMedia(name)
      journal.append([image], 'live')
      fetcher.wake()
      t.match(await outcome(image), { state: 'stored' })
    }
    t.equal(
      tries.filter((name) => name === 'X').length,
      1,
      'a busy hour does not use up its five attempts'
    )
    t.match(journal.pendingMedia(9), [{ attempts: 1 }])
  }
)

t.test('what failed is tried again by itself once it has rested', async (t) => {
  let tries = 0
  const { journal, fetcher, outcome } = rig(
    t,
    async () => {
      if ((tries += 1) < 3) throw new Error('not yet')
      return fetched(photo)
    },
    { retryMs: 5 }
  )
  const image = withMedia('A')
  journal.append([image, newRecord('B')], 'live')
  fetcher.wake()
  t.match(await outcome(image), { state: 'stored' })
  t.equal(tries, 3)
})

t.test('nothing is fetched unless the session is READY; then it goes on', async (t) => {
  let tries = 0
  const { journal, fetcher, outcome, state, logged } = rig(t, undefined)
  const image = withMedia('A')
  journal.append([image], 'live')
  fetcher.wake()
  for (const began = performance.now(); fetcher.isBusy && performance.now() - began < 10_000; )
    await new Promise((done) => setImmediate(done))
  t.match(journal.pendingMedia(9), [{ attempts: 0 }])
  t.same(logged.lines, [])
  state.source = async () => ((tries += 1), fetched(photo))
  fetcher.wake()
  t.match(await outcome(image), { state: 'stored' })
  t.equal(tries, 1)
})

t.test(
  'a restart goes on where it was, attempts counted, and waits for as long as it would have',
  async (t) => {
    const root = t.testdir()
    const first = rig(t, async () => Promise.reject(new Error('not yet')), { root, retryMs: 400 })
    const image = withMedia('A')
    first.journal.append([image], 'live')
    first.fetcher.wake()
    await first.logged.count('media_failed', 1)
    first.close()

    const second = rig(t, async () => fetched(photo), { root })
    t.match(second.journal.pendingMedia(1), [{ attempts: 1 }])
    t.ok((second.journal.nextMediaAt() ?? 0) > Date.now())
    second.fetcher.wake()
    t.match(await second.outcome(image), { state: 'stored' })
  }
)

t.test('after stop nothing is fetched', async (t) => {
  let tries = 0
  const { journal, fetcher } = rig(t, async () => ((tries += 1), fetched(photo)))
  journal.append([withMedia('A')], 'live')
  fetcher.stop()
  fetcher.wake()
  await new Promise((done) => setImmediate(done))
  t.equal(tries, 0)
})

t.test('the bytes come in pieces, and none is left when one does not come', async (t) => {
  const { root, journal, fetcher, directory } = rig(
    t,
    async () => ({
      outcome: 'fetched',
      size: 9,
      pieces: (async function* () {
        yield Buffer.from('the ')
        throw new Error('the page was loaded again')
      })()
    }),
    { retryMs: 60_000 }
  )
  const image = withMedia('A')
  journal.append([image], 'live')
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'incoming-1.partial'), 'left by a crash')
  fetcher.wake()
  for (const began = performance.now(); fetcher.isBusy && performance.now() - began < 10_000; )
    await new Promise((done) => setImmediate(done))
  t.same(await readdir(directory), [])
  t.match(journal.pendingMedia(9), [{ attempts: 1 }])
  fetcher.stop()

  const second = rig(
    t,
    async () => ({
      outcome: 'fetched',
      size: 9,
      pieces: [Buffer.from('the '), Buffer.from('bytes')]
    }),
    { root }
  )
  second.journal.postponeMedia(image.message.id, 0, false)
  second.fetcher.wake()
  t.match(await second.outcome(image), {
    state: 'stored',
    size: 9,
    sha256: sum(Buffer.from('the bytes'))
  })
})

t.test(
  'the files of erased media are deleted, and those that another record refers to stay',
  async (t) => {
    const ofC = withMedia('C')
    const other = {
      id: 'false_5215500000009@c.us_C',
      chat_id: '5215500000009@c.us',
      from: '5215500000009@c.us',
      phone: '+5215500000009'
    }
    const elsewhere = { ...ofC, message: { ...ofC.message, ...other } }
    const bytes = new Map(
      [withMedia('A'), withMedia('B'), elsewhere].map(({ message: { id } }, n) => [
        id,
        Buffer.from(n === 0 ? 'of A alone' : 'of B and C')
      ])
    )
    const { journal, fetcher, outcome, directory } = rig(t, async (id) =>
      fetched(bytes.get(id) as Buffer)
    )
    const newRecords = [withMedia('A', {}), withMedia('B'), elsewhere]
    journal.append(newRecords, 'live')
    fetcher.wake()
    for (const one of newRecords) await outcome(one)
    await writeFile(`${mediaPath(directory, sum(Buffer.from('of A alone')))}.partial`, 'cut short')
    journal.erase({ chatIds: [newRecords[0]?.message.chat_id ?? ''], messageIds: [] })
    t.equal(await deleteErasedMedia(journal, directory), 1)
    t.equal(await deleteErasedMedia(journal, directory), 0, 'and once is enough')
    const files = await readdir(directory, { recursive: true })
    t.same(
      files.filter((file) => file.length > 60),
      [join(sum(Buffer.from('of B and C')).slice(0, 2), sum(Buffer.from('of B and C')))]
    )
  }
)

t.test(
  'however many files go, they wait for what else is at work a few times, not once each; one that cannot go is tried again',
  async (t) => {
    const { journal, directory } = rig(t, async () => gone)
    const newRecords = Array.from({ length: 250 }, (_, n) =>
      withMedia(String(n), { sha256: sum(Buffer.from(String(n))) })
    )
    journal.append(newRecords, 'live')
    for (const { message } of newRecords) {
      const path = mediaPath(directory, message.media?.sha256 ?? '')
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, 'a photo')
    }
    const stuck = mediaPath(directory, sum(Buffer.from('7')))
    await rm(stuck)
    await mkdir(stuck)
    journal.erase({ chatIds: [newRecords[0]?.message.chat_id ?? ''], messageIds: [] })
    let turns = 0
    const busy = (): void => {
      turns += 1
      for (const began = performance.now(); performance.now() - began < 10; );
      next = setImmediate(busy)
    }
    let next = setImmediate(busy)
    await t.rejects(deleteErasedMedia(journal, directory), /unlink/)
    clearImmediate(next)
    t.ok(turns < 125, `${turns} turns`)
    await rmdir(stuck)
    await writeFile(stuck, 'a photo')
    t.equal(await deleteErasedMedia(journal, directory), 1, 'that one alone is left')
  }
)

t.test(
  'erased while it is being fetched: neither the record nor the file comes back, and what failed is not tried again',
  async (t) => {
    const [failing, slow, next] = [withMedia('B'), withMedia('A'), withMedia('N')] as const
    next.message.chat_id = 'another'
    const asked = {
      [slow.message.id]: Promise.withResolvers<void>(),
      [next.message.id]: Promise.withResolvers<void>()
    }
    const delivered = Promise.withResolvers<MediaResult>()
    const { journal, fetcher, outcome, directory, logged } = rig(
      t,
      async (id) => {
        asked[id]?.resolve()
        if (id !== slow.message.id) throw new Error('not yet')
        return delivered.promise
      },
      { retryMs: 60_000 }
    )
    journal.append([failing, slow], 'live')
    fetcher.wake()
    await asked[slow.message.id]?.promise
    journal.erase({ chatIds: [slow.message.chat_id], messageIds: [] })
    await deleteErasedMedia(journal, directory)
    delivered.resolve(fetched(photo))
    t.match(await outcome(slow), { state: 'stored' })
    // the next one is asked for only once this one is done with
    journal.append([next], 'live')
    fetcher.wake()
    await asked[next.message.id]?.promise
    t.same(
      (await readdir(directory, { recursive: true })).filter((file) => file.length > 60),
      []
    )
    t.same(
      journal.read(0, 10).map(({ kind }) => kind),
      ['erased', 'erased', 'message']
    )
    t.equal(journal.pendingMediaCount(), 1)
    t.match(logged.of('media_failed')[0], { attempt: 1 })
  }
)
