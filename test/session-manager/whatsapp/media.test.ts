import t from 'tap'
import { fetchMedia } from '../../../src/session-manager/whatsapp/media.ts'
import { inPage } from './in-page.ts'

/** A page with one message, whose media the server answers in turn: bytes, or an error with a status. */
const pageOf = (answers: (string | { status: number } | Error)[], options: { held?: boolean; stage?: string; after?: string } = {}) => {
  const calls: string[] = []
  const message = {
    directPath: '/v/1', encFilehash: 'e', filehash: 'f', mediaKey: 'k', type: 'image', mimetype: 'image/png', filename: '',
    mediaData: { mediaStage: options.stage ?? 'INIT' },
    downloadMedia: async () => {
      calls.push('downloadMedia')
      message.mediaData.mediaStage = options.after ?? 'RESOLVED'
    }
  }
  const modules: Record<string, unknown> = {
    WAWebCollections: {
      Msg: {
        get: (id: string) => (options.held !== false && id === 'held' ? message : undefined),
        getMessagesById: async ([id]: string[]) => (calls.push(`getMessagesById ${id}`), { messages: [id === 'stored' ? message : null] })
      }
    },
    WAWebDownloadManager: {
      downloadManager: {
        downloadAndMaybeDecrypt: async ({ directPath, downloadQpl }: { directPath: string; downloadQpl: { addPoint: (name: string) => { end: () => unknown } } }) => {
          downloadQpl.addPoint('start').end()
          calls.push(`download ${directPath}`)
          const answer = answers.shift()
          if (typeof answer !== 'string') throw answer
          return new TextEncoder().encode(answer).buffer
        }
      }
    }
  }
  const { page } = inPage({ require: (name: string) => modules[name], AbortController, btoa })
  return { page, calls }
}

t.test('media of a message in memory, or in the database, are fetched by its id', async (t) => {
  const held = pageOf(['photo'])
  t.same(await fetchMedia(held.page, 'held'), { outcome: 'fetched', bytes: Buffer.from('photo'), mimetype: 'image/png' })
  t.same(held.calls, ['download /v/1'])

  const stored = pageOf(['x'.repeat(100_000)])
  t.match(await fetchMedia(stored.page, 'stored'), { outcome: 'fetched', bytes: Buffer.from('x'.repeat(100_000)) })
  t.same(stored.calls, ['getMessagesById stored', 'download /v/1'])

  await t.rejects(fetchMedia(pageOf([]).page, 'nowhere'), { message: /does not find the message/ })
})

t.test('media that the server has no more are asked of the phone, and then fetched', async (t) => {
  const { page, calls } = pageOf([{ status: 404 }, 'photo'])
  t.match(await fetchMedia(page, 'held'), { outcome: 'fetched', bytes: Buffer.from('photo') })
  t.same(calls, ['download /v/1', 'downloadMedia', 'download /v/1'])
})

t.test('media are gone only if the phone does not have them either', async (t) => {
  for (const status of [404, 410]) {
    const { page } = pageOf([{ status }], { after: 'ERROR_MISSING' })
    t.match(await fetchMedia(page, 'held'), { outcome: 'gone', reason: /no longer have the media/ })
  }
})

t.test('any other trouble is an error', async (t) => {
  await t.rejects(fetchMedia(pageOf([new Error('Failed to fetch')]).page, 'held'), { message: 'Failed to fetch' })
  await t.rejects(fetchMedia(pageOf([{ status: 503 }]).page, 'held'))
  await t.rejects(fetchMedia(pageOf([{ status: 404 }], { after: 'NEED_POKE' }).page, 'held'), { message: /NEED_POKE/ }, 'the phone is off')
  await t.rejects(fetchMedia(pageOf([{ status: 404 }], { stage: 'REUPLOADING' }).page, 'held'), { message: /is uploading/ })
  await t.rejects(fetchMedia(pageOf([{ status: 404 }, { status: 404 }]).page, 'held'), 'the phone sent it, but it is not there yet')
})
