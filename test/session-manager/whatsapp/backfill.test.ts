import t from 'tap'
import type { ReadGroup, Wanted } from '../../../src/session-manager/journal/backfill.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import { readBack, readBounds } from '../../../src/session-manager/whatsapp/backfill.ts'
import { logLines } from '../../platform/log-lines.ts'
import { createDice } from '../../dice.ts'
import { inPage } from './in-page.ts'
import { me, rawText } from './raw-models.ts'

const mapping = { media: { maxBytes: 0, types: [] }, me: [me] }

/** A Wid: its text is what `toString` gives, whatever its private field is called. */
const idOf = (text: string) => ({ $1: text, toString: () => text })

/**
 * Chats as WhatsApp Web holds them: the latest messages in memory, the earlier ones loaded a few at
 * a time.
 */
type Fault = 'throws' | 'hangs' | 'busy' | 'empty list' | 'no id' | 'no time'

interface ChatFacts {
  held: number[]
  earlier?: number[]
  perLoad?: number
  fault?: Fault
  /** Times of messages whose model cannot be made, and of those that cannot be read at all. */
  odd?: number[]
  broken?: number[]
}

const pageOf = (chats: Record<string, ChatFacts>) => {
  const loads: string[] = []
  const loading = { now: 0, most: 0 }
  /** How long each load takes by the page's clock, ms. */
  const clock = { now: 0, perLoad: 0 }
  let fault: string | undefined
  const byId = new Map<string, unknown>()
  const model = (chat: string, t: number): { t: number } => {
    const { odd = [], broken = [] } = chats[chat] ?? {}
    const id = {
      fromMe: false,
      remote: idOf(chat),
      id: `${chat}-${t}`,
      toString: () => `false_${chat}_${t}`
    }
    const whole = {
      t,
      id,
      from: chat,
      to: me,
      type: 'chat',
      body: 'Hola',
      isOdd: odd.includes(t) || broken.includes(t)
    }
    if (broken.includes(t))
      Object.defineProperty(whole, 'id', {
        get: () => {
          throw new Error('this message has no id')
        }
      })
    return whole
  }
  const collection = new Map(
    Object.entries(chats).map(([id, { held, earlier = [], perLoad = 2, fault: chatFault }]) => {
      const msgs = held.map((t) => model(id, t))
      const rest = [...earlier].sort((a, b) => a - b)
      return [
        id,
        {
          get id() {
            if (chatFault === 'no id') throw new Error('this chat has no id')
            return idOf(id)
          },
          t: held.length > 0 && chatFault !== 'no time' ? Math.max(...held) : undefined,
          msgs: {
            getModelsArray: () => (chatFault === 'empty list' ? (undefined as never) : msgs)
          },
          fault: chatFault,
          waitForChatLoading: () =>
            chatFault === 'busy' ? new Promise(() => undefined) : Promise.resolve(),
          load: () => {
            loads.push(id)
            clock.now += clock.perLoad
            const more = rest.splice(-perLoad).map((t) => model(id, t))
            msgs.unshift(...more)
            return more
          }
        }
      ]
    })
  )
  type Chat = NonNullable<ReturnType<typeof collection.get>>
  const loadEarlier = async ({ chat }: { chat: Chat }): Promise<unknown[]> => {
    loading.most = Math.max(loading.most, (loading.now += 1))
    await new Promise((turn) => setImmediate(turn))
    loading.now -= 1
    if (chat.fault === 'throws') throw new TypeError('invalid wid 5215512345678@c.us')
    if (chat.fault === 'hangs') return new Promise(() => undefined)
    return chat.load()
  }
  const modules: Record<string, unknown> = {
    WAWebCollections: {
      // of what it does not find it gives less, or nothing in its place
      Msg: {
        getMessagesById: async (ids: string[]) => {
          if (fault !== undefined) throw new Error(fault)
          return { messages: ids.map((id) => byId.get(id)) }
        }
      },
      Chat: {
        getModelsArray: () => [...collection.values()],
        get: (wid: unknown) => collection.get(String(wid))
      }
    },
    WAWebWidFactory: { createWid: idOf },
    WAWebChatLoadMessages: { loadEarlierMsgs: loadEarlier }
  }
  const { page } = inPage({
    performance: { now: () => (clock.perLoad > 0 ? clock.now : performance.now()) },
    require: (name: string) => modules[name],
    WWebJS: {
      getMessageModel: ({
        t,
        id: key,
        isOdd
      }: {
        t: number
        id: string | { id: string }
        isOdd?: boolean
      }) => {
        const id = typeof key === 'string' ? key : key.id
        if (isOdd) throw new TypeError("Cannot read properties of undefined (reading 'serialize')")
        return {
          ...rawText(id),
          t,
          id: { fromMe: false, remote: id.split('-')[0], id, _serialized: `false_${id}` }
        }
      }
    }
  })
  return {
    page,
    modules,
    loads,
    loading,
    clock,
    collection,
    byId,
    fail: (message: string) => void (fault = message)
  }
}
const since = (time: number, ids: string[] = [], reached: [string, number][] = []): Wanted => ({
  since: time,
  reached: new Map(reached),
  ids
})
const collect = async (groups: AsyncIterable<ReadGroup>): Promise<NewRecord[][]> => {
  const all: NewRecord[][] = []
  for await (const { newRecords } of groups) all.push(newRecords)
  return all
}
const times = (newRecords: NewRecord[]): number[] =>
  newRecords.map(({ message }) => message.timestamp)

t.test(
  'messages since a time, chat by chat, the quietest first, oldest first within a chat',
  async (t) => {
    const { page, loads } = pageOf({
      'busy@c.us': { held: [300, 250, 100] },
      'quiet@c.us': { held: [220, 90] },
      'old@c.us': { held: [50, 60] },
      'empty@c.us': { held: [] }
    })
    const groups = await collect(readBack(page, since(200), mapping, logLines().log))
    t.equal(groups.length, 1)
    t.same(
      groups.flat().map(({ message }) => `${message.chat_id} ${message.timestamp}`),
      ['quiet@c.us 220', 'busy@c.us 250', 'busy@c.us 300']
    )
    t.same(loads, [], 'what the page holds reaches far enough back')
  }
)

t.test('earlier messages are loaded until they reach far enough back', async (t) => {
  const { page, loads } = pageOf({
    'a@c.us': { held: [300], earlier: [290, 280, 270, 260, 250, 240, 100, 90, 80, 70] }
  })
  t.same(
    times((await collect(readBack(page, since(245), mapping, logLines().log))).flat()),
    [250, 260, 270, 280, 290, 300]
  )
  t.equal(loads.length, 3, 'and no further')
})

t.test('a chat that begins after that time is read from its beginning', async (t) => {
  const { page } = pageOf({ 'a@c.us': { held: [300], earlier: [290, 280] } })
  t.same(
    times((await collect(readBack(page, since(1), mapping, logLines().log))).flat()),
    [280, 290, 300]
  )
})

t.test(
  'a chat with very many missed messages is read back in part, and that is said',
  async (t) => {
    const { page } = pageOf({
      'a@c.us': {
        held: [200_000],
        earlier: Array.from({ length: 22_000 }, (_, index) => 100_000 + index),
        perLoad: 1_000
      },
      'b@c.us': { held: [199_999] }
    })
    const logged = logLines()
    const newRecords = (await collect(readBack(page, since(10), mapping, logged.log))).flat()
    t.equal(newRecords.length, 1 + 20_001)
    t.match(logged.of('backfill_truncated'), [{ level: 'warn', chats: 1, limit: 20_000 }])
  }
)

t.test('many chats come a group at a time', async (t) => {
  const chats = Object.fromEntries(
    Array.from({ length: 250 }, (_, index) => [`${index}@c.us`, { held: [1_000 + index, 1] }])
  )
  const groups = await collect(readBack(pageOf(chats).page, since(500), mapping, logLines().log))
  t.same(
    groups.map(({ length }) => length),
    [100, 100, 50]
  )
  t.same(
    times(groups.flat()),
    Array.from({ length: 250 }, (_, index) => 1_000 + index)
  )
})

t.test('a group is smaller when its chats have much, and each chat is read once', async (t) => {
  const chats = Object.fromEntries(
    Array.from({ length: 60 }, (_, chat) => [
      `${chat}@c.us`,
      { held: Array.from({ length: 400 }, (_, index) => 1_000 + chat * 400 + index) }
    ])
  )
  const groups = await collect(readBack(pageOf(chats).page, since(500), mapping, logLines().log))
  t.ok(groups.length > 1, `${groups.length} groups`)
  t.same(
    times(groups.flat()),
    Array.from({ length: 60 * 400 }, (_, index) => 1_000 + index)
  )
})

t.test(
  'a chat that takes long comes after the others, and what was loaded of it is not loaded again',
  async (t) => {
    const { page, loads, clock } = pageOf({
      'busy@c.us': {
        held: [3_000],
        earlier: Array.from({ length: 20 }, (_, index) => 2_000 + index),
        perLoad: 2
      },
      'other@c.us': { held: [3_001], earlier: [1] }
    })
    clock.perLoad = 900
    const groups = await collect(readBack(page, since(1_000), mapping, logLines().log))
    t.ok(groups.length > 3, `${groups.length} calls, of which the page is lost with one at most`)
    t.same(groups.filter(({ length }) => length > 0).map(times), [
      [3_001],
      [...Array.from({ length: 20 }, (_, index) => 2_000 + index), 3_000]
    ])
    t.equal(
      loads.filter((id) => id === 'busy@c.us').length,
      11,
      'ten of two messages, and one that finds no more'
    )
  }
)

t.test('earlier messages are loaded for many chats at once, but not for all', async (t) => {
  const { page, loading } = pageOf(
    Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [
        `${index}@c.us`,
        { held: [1_000 + index], earlier: [900], perLoad: 1 }
      ])
    )
  )
  const newRecords = (await collect(readBack(page, since(800), mapping, logLines().log))).flat()
  t.equal(newRecords.length, 100)
  t.equal(loading.most, 20)
})

t.test(
  'the next group is read while the caller has the last, and nobody minds when it is wanted no more',
  async (t) => {
    const { page, loads } = pageOf(
      Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`${index}@c.us`, { held: [1_000 + index] }])
      )
    )
    const groups = readBack(page, since(800), mapping, logLines().log)
    await groups.next()
    t.equal(loads.length, 100)
    await groups.next()
    t.equal(loads.length, 200)
    page.evaluate = () => Promise.reject(new Error('the page is closed'))
    await groups.return(undefined)
    const again = readBack(page, since(800), mapping, logLines().log)
    await t.rejects(again.next(), { message: 'the page is closed' })
  }
)

t.test('a chat that is deleted meanwhile is passed over', async (t) => {
  const { page, collection } = pageOf({
    'a@c.us': { held: [300, 1] },
    'b@c.us': { held: [310, 1] }
  })
  const chats = [...collection.values()]
  collection.get = ((id: string) =>
    id === 'a@c.us'
      ? undefined
      : chats.find((chat) => String(chat.id) === id)) as typeof collection.get
  t.same(times((await collect(readBack(page, since(200), mapping, logLines().log))).flat()), [310])
})

t.test('messages asked for by their ids come last, whenever they were written', async (t) => {
  const { page, byId } = pageOf({ 'a@c.us': { held: [300, 100] } })
  byId.set('false_b-7', { t: 7, id: 'b-7' })
  const groups = await collect(
    readBack(page, since(200, ['false_gone-1', 'false_b-7']), mapping, logLines().log)
  )
  t.same(groups.map(times), [[300], [7]])
})

t.test(
  'a message that the page has under the other address of its chat is found, too',
  async (t) => {
    const { page, byId, modules } = pageOf({ 'a@c.us': { held: [300, 100] } })
    modules['WAWebApiContact'] = {
      getPhoneNumber: (wid: unknown) => (String(wid) === '7@lid' ? '5@c.us' : undefined)
    }
    const under = (id: string, remote: string, time: number): object => ({
      t: time,
      id: { fromMe: false, remote, id, toString: () => `false_${remote}_${id}` }
    })
    byId.set('false_5@c.us_MOVED', under('MOVED', '5@c.us', 7))
    ;(modules['WAWebCollections'] as { Msg: object }).Msg = {
      ...(modules['WAWebCollections'] as { Msg: object }).Msg,
      getModelsArray: () => [
        under('HELD', '9@c.us', 8),
        under('OTHER', '9@c.us', 9),
        { id: undefined }
      ]
    }
    const ids = ['false_7@lid_MOVED', 'false_8@lid_HELD', 'false_8@lid_GONE']
    const groups = await collect(readBack(page, since(200, ids), mapping, logLines().log))
    t.same(groups.map(times), [[300], [7, 8]])
  }
)

t.test(
  'when they cannot be asked for, that is told, and what is read back is complete all the same',
  async (t) => {
    const { page, fail } = pageOf({ 'a@c.us': { held: [300, 100] } })
    fail('getMessagesById is not a function')
    const logged = logLines()
    t.same(
      times((await collect(readBack(page, since(200, ['false_b-7']), mapping, logged.log))).flat()),
      [300]
    )
    t.match(logged.of('undecrypted_unread'), [{ level: 'warn', messages: 1 }])
  }
)

t.test('one id that cannot be looked up costs none of the others', async (t) => {
  const { page, byId } = pageOf({ 'a@c.us': { held: [300, 100] } })
  for (const n of [1, 2, 3, 4]) byId.set(`false_b-${n}`, { t: n, id: `b-${n}` })
  const ask = byId.get.bind(byId)
  byId.get = (id) => {
    if (id === 'false_bad') throw new Error('Data passed to getter must include an id')
    return ask(id)
  }
  const logged = logLines()
  const ids = ['false_b-1', 'false_b-2', 'false_bad', 'false_b-3', 'false_b-4']
  t.same(
    times((await collect(readBack(page, since(200, ids), mapping, logged.log))).flat()),
    [300, 1, 2, 3, 4]
  )
  t.match(logged.of('undecrypted_unread'), [{ messages: 1 }])
})

t.test(
  'of a chat that was read already only what came since, after the chats that were not',
  async (t) => {
    const { page, loads } = pageOf({
      'read@c.us': { held: [300, 250], earlier: [240, 230] },
      'quiet@c.us': { held: [210], earlier: [205, 100] },
      'still@c.us': { held: [220], earlier: [100] },
      'busy@c.us': { held: [400, 100] }
    })
    const newRecords = (
      await collect(
        readBack(
          page,
          since(
            200,
            [],
            [
              ['read@c.us', 250],
              ['still@c.us', 221]
            ]
          ),
          mapping,
          logLines().log
        )
      )
    ).flat()
    t.same(
      newRecords.map(({ message }) => `${message.chat_id} ${message.timestamp}`),
      ['quiet@c.us 205', 'quiet@c.us 210', 'busy@c.us 400', 'read@c.us 250', 'read@c.us 300']
    )
    t.notOk(loads.includes('still@c.us'), 'nothing came since in this one')
  }
)

/** Loads are given up soon, so that a test need not wait. */
const quick = { ...readBounds, ms: 60, loadMs: 150, busyMs: 20 }

const readAll = async (
  page: Parameters<typeof readBack>[0],
  wanted: Wanted,
  log = logLines().log,
  bounds = quick
): Promise<ReadGroup[]> => {
  const groups: ReadGroup[] = []
  for await (const group of readBack(page, wanted, mapping, log, bounds)) groups.push(group)
  return groups
}
const keyOf = ({ message }: NewRecord): string => `${message.chat_id} ${message.timestamp}`

t.test(
  'thirty healthy chats are read though one throws, one hangs, one is busy, and one message has no model',
  async (t) => {
    const healthy = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [
        `${n}@c.us`,
        { held: [1_000 + n], earlier: [900, 901, 1] }
      ])
    )
    const { page } = pageOf({
      'throws@c.us': { held: [999], earlier: [950], fault: 'throws' },
      'hangs@c.us': { held: [998], earlier: [950], fault: 'hangs' },
      'busy@c.us': { held: [997], earlier: [950], fault: 'busy' },
      ...healthy,
      'odd@c.us': { held: [1_500, 1_501, 1_502, 1], odd: [1_501] }
    })
    const logged = logLines()
    // The real clock, so that a load that hangs grows old; on a busy machine later than the others.
    const groups = await readAll(page, since(800), logged.log, { ...quick, loadMs: 2_000 })
    const read = new Set(groups.flatMap(({ newRecords }) => newRecords).map(keyOf))
    for (const id of Object.keys(healthy)) t.ok(read.has(`${id} 900`) && read.has(`${id} 901`), id)
    t.ok(read.has('odd@c.us 1500') && read.has('odd@c.us 1502'))
    t.ok(read.has('odd@c.us 1501'), 'the odd one by its plain fields')
    t.equal(
      groups.reduce((sum, { plainMessages }) => sum + plainMessages, 0),
      1
    )
    for (const name of ['throws 999', 'hangs 998', 'busy 997'])
      t.ok(read.has(name.replace(' ', '@c.us ')), `what the page holds of ${name}`)
    t.strictSame(
      new Map(
        groups
          .flatMap(({ unread }) => unread)
          .map(({ chat, why, isBusy }) => [chat, `${why} ${isBusy}`])
      ),
      new Map([
        ['busy@c.us', 'WhatsApp Web is still loading it true'],
        ['throws@c.us', 'WhatsApp Web raised an error (TypeError) false'],
        ['hangs@c.us', 'WhatsApp Web did not load its messages within 2 s false']
      ])
    )
    const healthyAt = groups.findIndex(({ read }) => read.some(({ chat }) => chat === '29@c.us'))
    const hangsAt = groups.findIndex(({ unread }) =>
      unread.some(({ chat }) => chat === 'hangs@c.us')
    )
    t.ok(healthyAt < hangsAt, 'the others do not wait for the chat that hangs')
    t.notMatch(JSON.stringify(logged.lines), /5215512345678/)
  }
)

t.test(
  'a chat without a time or without a list of messages, and one without an id, cost none of the others',
  async (t) => {
    const { page } = pageOf({
      'timeless@c.us': { held: [1_010, 1], fault: 'no time' },
      'nameless@c.us': { held: [1_011], fault: 'no id' },
      'listless@c.us': { held: [1_012], fault: 'empty list' },
      'well@c.us': { held: [1_013, 1] },
      'broken@c.us': { held: [1_014, 1_015, 1], broken: [1_015] }
    })
    const logged = logLines()
    const groups = await readAll(page, since(800), logged.log)
    t.same(
      groups
        .flatMap(({ newRecords }) => newRecords)
        .map(keyOf)
        .sort(),
      ['broken@c.us 1014', 'timeless@c.us 1010', 'well@c.us 1013']
    )
    t.equal(groups[0]?.lostMessages, 1)
    t.same(
      groups.flatMap(({ unread }) => unread.map(({ chat }) => chat)),
      ['listless@c.us']
    )
    t.match(logged.of('backfill_nameless'), [{ chats: 1 }])
  }
)

t.test(
  'a chat whose load was given up is looked at again from its beginning, whatever the page believes of it',
  async (t) => {
    const { page, collection } = pageOf({
      'a@c.us': { held: [1_000], earlier: [900, 1], fault: 'hangs' }
    })
    const chat = collection.get('a@c.us') as {
      fault?: Fault
      load: () => unknown[]
      msgs: { msgLoadState?: { noEarlierMsgs: boolean } }
    }
    await readAll(page, since(800))
    // This is how WhatsApp Web leaves a chat whose load it gave up.
    chat.msgs.msgLoadState = { noEarlierMsgs: true }
    delete chat.fault
    const load = chat.load
    chat.load = () => (chat.msgs.msgLoadState?.noEarlierMsgs === true ? [] : load())
    const groups = await readAll(page, { ...since(0), only: new Map([['a@c.us', 800]]) })
    t.same(times(groups.flatMap(({ newRecords }) => newRecords)), [900, 1_000])
    t.same(
      groups.flatMap(({ read }) => read),
      [{ chat: 'a@c.us', newest: 1_000 }]
    )
  }
)

t.test(
  'of a chat that could not be read before, only what the page holds is read, until it is asked for alone',
  async (t) => {
    const { page, loads } = pageOf({
      'a@c.us': { held: [1_000, 900], earlier: [700, 1] },
      'b@c.us': { held: [1_001], earlier: [1] }
    })
    const groups = await readAll(page, { ...since(950), unread: new Map([['a@c.us', 600]]) })
    t.same(
      groups
        .flatMap(({ newRecords }) => newRecords)
        .map(keyOf)
        .sort(),
      ['a@c.us 1000', 'a@c.us 900', 'b@c.us 1001']
    )
    t.same(loads, ['b@c.us'])
    const alone = await readAll(page, { ...since(0), only: new Map([['a@c.us', 600]]) })
    t.same(times(alone.flatMap(({ newRecords }) => newRecords)), [700, 900, 1_000])
  }
)

t.test(
  'whatever mix of chats and messages cannot be read, each other message is read in the first run',
  async (t) => {
    const faults: (Fault | undefined)[] = [
      undefined,
      undefined,
      undefined,
      'throws',
      'hangs',
      'busy',
      'no time',
      'empty list',
      'no id'
    ]
    for (let seed = 1; seed <= 25; seed += 1) {
      const random = createDice(seed)
      const pick = (count: number): number => Math.floor(random() * count)
      const chats: Record<string, ChatFacts> = {}
      const wanted = new Set<string>()
      for (let n = 0; n < 5 + pick(40); n += 1) {
        const fault = faults[pick(faults.length)]
        const all = Array.from({ length: 1 + pick(8) }, (_, index) => 1_000 + n * 20 + index * 2)
        const cut = pick(all.length)
        const odd = all.filter(() => random() < 0.1)
        const broken = all.filter((time) => !odd.includes(time) && random() < 0.1)
        chats[`${n}@c.us`] = {
          held: all.slice(cut),
          earlier: [1, ...all.slice(0, cut)],
          ...(fault ? { fault } : {}),
          odd,
          broken
        }
        if (fault === 'no id' || fault === 'empty list') continue
        const readable = fault === undefined || fault === 'no time' ? all : all.slice(cut)
        for (const time of readable) if (!broken.includes(time)) wanted.add(`${n}@c.us ${time}`)
      }
      const groups = await readAll(pageOf(chats).page, since(500))
      const read = groups.flatMap(({ newRecords }) => newRecords).map(keyOf)
      t.same(
        [...wanted].filter((key) => !read.includes(key)),
        [],
        `seed ${seed}`
      )
      const unread = new Set(groups.flatMap((group) => group.unread.map(({ chat }) => chat)))
      const whole = groups.flatMap((group) => group.read.map(({ chat }) => chat))
      const named = Object.entries(chats)
        .filter(([, { fault }]) => fault !== 'no id')
        .map(([id]) => id)
      t.same(
        [...unread, ...whole].sort(),
        named.sort(),
        'each chat is told to be read or not, once'
      )
      for (const id of whole) t.notMatch(chats[id]?.fault ?? '', /throws|hangs|busy|empty/)
    }
  }
)

t.test(
  'what could not be read is told in numbers, and why in words without anybody in them',
  async (t) => {
    const logged = logLines()
    const results = {
      chats: {
        chats: [
          ['a@c.us', 500],
          ['b@c.us', 400],
          ['c@c.us', 300],
          ['d@c.us', 250],
          ['late@c.us', 100]
        ],
        nameless: 2
      },
      read: {
        messages: [
          {
            ...rawText('A'),
            id: { fromMe: false, remote: 'd@c.us', id: 'A', _serialized: 'false_d@c.us_A' }
          }
        ],
        read: [[0, 250]],
        unread: [
          [1, 'busy', ''],
          [2, 'timeout', ''],
          [3, 'error', 'TypeError: cannot read 5215512345678']
        ],
        plain: 2,
        lost: 3,
        truncated: 1
      },
      ids: { messages: [rawText('B')], plain: 4, lost: 5, failed: 6 }
    }
    const asked: string[] = []
    const page = {
      evaluate: async (text: string) => {
        asked.push(text)
        if (asked.length === 1) return results.chats
        return JSON.stringify(text.includes('"wanted-id"') ? results.ids : results.read)
      }
    } as unknown as Parameters<typeof readBack>[0]
    const groups: ReadGroup[] = []
    for await (const group of readBack(page, since(200, ['wanted-id']), mapping, logged.log))
      groups.push(group)
    const [first, second] = groups as [ReadGroup, ReadGroup]
    t.equal(groups.length, 2)
    t.match(first, {
      read: [{ chat: 'd@c.us', newest: 250 }],
      unread: [
        { chat: 'c@c.us', why: 'WhatsApp Web is still loading it', isBusy: true },
        {
          chat: 'b@c.us',
          why: 'WhatsApp Web did not load its messages within 10 s',
          isBusy: false
        },
        { chat: 'a@c.us', why: 'WhatsApp Web raised an error (TypeError)', isBusy: false }
      ],
      plainMessages: 2,
      lostMessages: 3
    })
    t.match(second, { read: [], unread: [], plainMessages: 4, lostMessages: 5 })
    t.same(
      second.newRecords.map(({ message }) => message.body),
      ['Hola, ¿sigue disponible?']
    )
    t.match(logged.of('backfill_nameless'), [{ level: 'warn', chats: 2 }])
    t.match(logged.of('backfill_truncated'), [{ level: 'warn', chats: 1, limit: 20_000 }])
    t.match(logged.of('undecrypted_unread'), [{ level: 'warn', messages: 6 }])
  }
)

t.test('an error of the page is told by its name alone', async (t) => {
  for (const [error, name] of [
    ['RangeError: x', 'RangeError'],
    ['DOMException: x', 'DOMException'],
    ['Error: x', 'Error'],
    ['a TypeError: x', 'unknown'],
    ['5215512345678', 'unknown'],
    ['Error', 'unknown'],
    ['', 'unknown']
  ] as const) {
    const page = {
      evaluate: async () =>
        JSON.stringify({
          messages: [],
          read: [],
          unread: [[0, 'error', error]],
          plain: 0,
          lost: 0,
          truncated: 0
        })
    } as unknown as Parameters<typeof readBack>[0]
    for await (const { unread } of readBack(
      page,
      { since: 0, reached: new Map(), ids: [], only: new Map([['a@c.us', 5]]) },
      mapping,
      logLines().log
    )) {
      t.same(unread, [
        { chat: 'a@c.us', why: `WhatsApp Web raised an error (${name})`, isBusy: false }
      ])
    }
  }
})

t.test('a message that cannot be mapped costs none of the others, and is counted', async (t) => {
  const logged = logLines()
  let left = 1
  const odd = {
    media: mapping.media,
    get me(): string[] {
      if ((left -= 1) >= 0) throw new Error('odd')
      return [me]
    }
  }
  const page = {
    evaluate: async () =>
      JSON.stringify({
        messages: [rawText('A'), rawText('B')],
        read: [[0, 5]],
        unread: [],
        plain: 0,
        lost: 2,
        truncated: 0
      })
  } as unknown as Parameters<typeof readBack>[0]
  for await (const { newRecords, lostMessages } of readBack(
    page,
    { since: 0, reached: new Map(), ids: [], only: new Map([['a@c.us', 5]]) },
    odd,
    logged.log
  )) {
    t.equal(newRecords.length, 1)
    t.equal(lostMessages, 3)
  }
  t.match(logged.of('message_unmapped'), [{ level: 'debug', err: { message: 'odd' } }])
  t.same(
    [
      logged.of('backfill_truncated'),
      logged.of('backfill_nameless'),
      logged.of('undecrypted_unread')
    ],
    [[], [], []],
    'and nothing is told that did not happen'
  )
})
