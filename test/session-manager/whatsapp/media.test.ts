import t from 'tap'
import {
  fetchMedia as fetchBounded,
  type MediaBounds
} from '../../../src/session-manager/whatsapp/media.ts'
import { inPage } from './in-page.ts'

/**
 * A page with one message, whose media the server answers in turn: bytes, or an error with a
 * status.
 */
const pageOf = (
  answers: (string | { status: number } | Error)[],
  options: { held?: boolean; stage?: string; after?: string } = {}
) => {
  const calls: string[] = []
  let lastSignal: AbortSignal | undefined
  const message = {
    directPath: '/v/1',
    encFilehash: 'e',
    filehash: 'f',
    mediaKey: 'k',
    type: 'image',
    mimetype: 'image/png',
    filename: '',
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
        getMessagesById: async ([id]: string[]) => (
          calls.push(`getMessagesById ${id}`), { messages: [id === 'stored' ? message : null] }
        )
      }
    },
    WAWebDownloadManager: {
      downloadManager: {
        downloadAndMaybeDecrypt: async ({
          directPath,
          downloadQpl,
          signal
        }: {
          directPath: string
          signal: AbortSignal
          downloadQpl: { addPoint: (name: string) => { end: () => unknown } }
        }) => {
          downloadQpl.addPoint('start').end()
          calls.push(`download ${directPath}`)
          const answer = answers.shift()
          lastSignal = signal
          if (answer === 'hangs') return new Promise(() => undefined)
          if (typeof answer !== 'string') throw answer
          return new TextEncoder().encode(answer).buffer
        }
      }
    }
  }
  const { page, world } = inPage({
    require: (name: string) => modules[name],
    AbortController,
    btoa
  })
  return { page, world, calls, aborted: () => lastSignal?.aborted === true }
}

/** A key of the page, by its text. */
const keyOf = (text: string): object => {
  const [fromMe, remote, id] = text.split('_')
  return { fromMe: fromMe === 'true', remote, id, toString: () => text }
}

/** What is fetched, with all its pieces read. */
const fetchMedia = async (
  page: Parameters<typeof fetchBounded>[0],
  id: string,
  bounds: Partial<MediaBounds> = {}
) => {
  const result = await fetchBounded(page, id, 1_000_000, bounds)
  if (result.outcome === 'gone') return result
  const { pieces, ...facts } = result
  const read: Buffer[] = []
  for await (const piece of pieces) read.push(piece)
  return { ...facts, bytes: Buffer.concat(read), lengths: read.map(({ length }) => length) }
}

t.test('media of a message in memory, or in the database, are fetched by its id', async (t) => {
  const held = pageOf(['photo'])
  t.same(await fetchMedia(held.page, 'held'), {
    outcome: 'fetched',
    size: 5,
    bytes: Buffer.from('photo'),
    lengths: [5],
    mimetype: 'image/png'
  })
  t.same(held.calls, ['download /v/1'])

  const stored = pageOf(['x'.repeat(100_000)])
  t.match(await fetchMedia(stored.page, 'stored'), {
    outcome: 'fetched',
    bytes: Buffer.from('x'.repeat(100_000))
  })
  t.same(stored.calls, ['getMessagesById stored', 'download /v/1'])

  await t.rejects(fetchMedia(pageOf([]).page, 'nowhere'), { message: /does not find the message/ })
})

t.test(
  'media of a message that the page has under the other address of its chat or sender are fetched',
  async (t) => {
    const addresses: Record<string, string> = {
      '7@lid': '5@c.us',
      '5@c.us': '7@lid',
      '8@lid': '6@c.us'
    }
    const other = (wid: unknown): string | undefined => addresses[String(wid)]
    const pageWith = (
      id: string,
      where: 'held' | 'stored' | 'unmapped',
      copies = 1
    ): Parameters<typeof fetchBounded>[0] => {
      const message = { id: keyOf(id), directPath: '/v/1', mediaData: {}, mimetype: 'image/png' }
      const known = { getPhoneNumber: other, getCurrentLid: other }
      const modules: Record<string, unknown> = {
        WAWebWidFactory: { createWid: (text: string) => text },
        WAWebApiContact: where === 'unmapped' ? {} : known,
        WAWebCollections: {
          Msg: {
            get: (one: string) => (where === 'held' && one === id ? message : undefined),
            getMessagesById: async ([one]: string[]) => ({
              messages: [where === 'stored' && one === id ? message : null]
            }),
            getModelsArray: () =>
              where === 'unmapped' ? Array.from({ length: copies }, () => message) : []
          }
        },
        WAWebDownloadManager: {
          downloadManager: {
            downloadAndMaybeDecrypt: async () => new TextEncoder().encode('photo').buffer
          }
        }
      }
      return inPage({ require: (name: string) => modules[name], AbortController, btoa }).page
    }
    const photo = { outcome: 'fetched', bytes: Buffer.from('photo') }
    const group = '120363000000000001@g.us'

    t.match(
      await fetchMedia(pageWith('false_5@c.us_A', 'held'), 'false_7@lid_A'),
      photo,
      'by its number'
    )
    t.match(
      await fetchMedia(pageWith('true_7@lid_A', 'stored'), 'true_5@c.us_A'),
      photo,
      'by its LID, in the database'
    )
    t.match(
      await fetchMedia(pageWith(`false_${group}_A_6@c.us`, 'held'), `false_${group}_A_8@lid`),
      photo,
      'by its sender'
    )
    t.match(
      await fetchMedia(pageWith('false_5@c.us_A', 'unmapped'), 'false_7@lid_A'),
      photo,
      'though the page knows no other address'
    )
    t.match(
      await fetchMedia(pageWith(`false_${group}_A_6@c.us`, 'unmapped'), `false_${group}_A_8@lid`),
      photo
    )

    const notFound = { message: /does not find the message/ }
    await t.rejects(
      fetchMedia(pageWith('true_5@c.us_A', 'unmapped'), 'false_7@lid_A'),
      notFound,
      'of the other direction'
    )
    await t.rejects(
      fetchMedia(pageWith('false_5@c.us_A', 'unmapped'), 'false_6@c.us_A'),
      notFound,
      'in the chat of somebody else'
    )
    await t.rejects(
      fetchMedia(pageWith('false_5@c.us_A', 'unmapped'), `false_${group}_A_8@lid`),
      notFound,
      'in no group'
    )
    await t.rejects(
      fetchMedia(pageWith('false_5@c.us_A', 'unmapped', 2), 'false_7@lid_A'),
      notFound,
      'two of the same stanza id'
    )
  }
)

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
  await t.rejects(fetchMedia(pageOf([new Error('Failed to fetch')]).page, 'held'), {
    message: 'Failed to fetch'
  })
  await t.rejects(fetchMedia(pageOf([{ status: 503 }]).page, 'held'))
  await t.rejects(
    fetchMedia(pageOf([{ status: 404 }], { after: 'NEED_POKE' }).page, 'held'),
    { message: /NEED_POKE/ },
    'the phone is off'
  )
  await t.rejects(fetchMedia(pageOf([{ status: 404 }], { stage: 'REUPLOADING' }).page, 'held'), {
    message: /is uploading/
  })
  await t.rejects(
    fetchMedia(pageOf([{ status: 404 }, { status: 404 }]).page, 'held'),
    'the phone sent it, but it is not there yet'
  )
})

t.test('media cross in pieces, of which the page keeps none afterwards', async (t) => {
  const { page, world } = pageOf(['0123456789'])
  t.match(await fetchMedia(page, 'held', { pieceBytes: 4 }), {
    size: 10,
    bytes: Buffer.from('0123456789'),
    lengths: [4, 4, 2]
  })
  t.equal((world as Record<symbol, unknown>)[Symbol.for('leadmaster.media')], undefined)
})

t.test('media of no bytes, and media larger than are wanted, have no pieces', async (t) => {
  t.match(await fetchMedia(pageOf(['']).page, 'held'), { size: 0, lengths: [] })
  t.match(await fetchMedia(pageOf(['0123456789']).page, 'held', { maxBytes: 9 }), {
    size: 10,
    lengths: []
  })
})

t.test('a page that is loaded again while it hands out media is trouble that passes', async (t) => {
  const { page, world } = pageOf(['0123456789'])
  const result = await fetchBounded(page, 'held', 100, { pieceBytes: 4 })
  if (result.outcome !== 'fetched') throw new Error('not fetched')
  const read = async (): Promise<void> => {
    for await (const piece of result.pieces) {
      t.equal(piece.length, 4)
      Object.assign(world, { [Symbol.for('leadmaster.media')]: undefined })
    }
  }
  await t.rejects(read(), { name: 'MediaTrouble', isOfAll: true })
})

t.test('a download is waited for in short calls, and ended when it takes too long', async (t) => {
  const { page, aborted } = pageOf(['hangs'])
  let calls = 0
  const { evaluate } = page
  page.evaluate = ((text: string) => ((calls += 1), evaluate(text))) as typeof page.evaluate
  await t.rejects(fetchMedia(page, 'held', { callMs: 5, downloadMs: 60 }), {
    name: 'MediaTrouble',
    isOfAll: true,
    message: /took too long/
  })
  t.ok(calls > 3, `${calls} calls`)
  t.ok(aborted())
})

t.test('a message that the page never finds keeps nobody waiting', async (t) => {
  const { page, world } = pageOf([])
  const { Msg } = (world['require'] as (name: string) => { Msg: { getMessagesById: unknown } })(
    'WAWebCollections'
  )
  Msg.getMessagesById = () => new Promise(() => undefined)
  await t.rejects(fetchMedia(page, 'lost', { callMs: 5, downloadMs: 60 }), {
    name: 'MediaTrouble',
    isOfAll: false,
    message: /not found in time/
  })
})

t.test('trouble says whether it is of all media', async (t) => {
  const named = (name: string, status?: number): Error =>
    Object.assign(new Error(name), { name, ...(status === undefined ? {} : { status }) })
  for (const [error, isOfAll] of [
    [named('HttpNetworkError'), true],
    [named('HttpTimedOutError'), true],
    [new TypeError('Failed to fetch'), true],
    [named('HttpStatusCodeError', 503), true],
    [named('HttpStatusCodeError', 429), true],
    [named('MMSForbiddenError', 403), false],
    [named('MediaDecryptionError'), false]
  ] as const)
    await t.rejects(
      fetchMedia(pageOf([error]).page, 'held'),
      { name: 'MediaTrouble', isOfAll },
      error.name
    )
  await t.rejects(
    fetchMedia(
      pageOf([new Error('no media for 5215512345678@c.us at https://mmg.whatsapp.net/v/t62?x=1')])
        .page,
      'held'
    ),
    { message: 'no media for (hidden) at https://mmg.whatsapp.net/(hidden)' },
    'nobody is in its reason'
  )
})
