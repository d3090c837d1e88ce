import t from 'tap'
import type { Wanted } from '../../../src/session-manager/backfill.ts'
import type { Draft } from '../../../src/session-manager/journal.ts'
import { readBack } from '../../../src/session-manager/whatsapp/backfill.ts'
import { logLines } from '../../platform/log-lines.ts'
import { inPage } from './in-page.ts'
import { me, rawText } from './raw-models.ts'

const mapping = { media: { maxBytes: 0, types: [] }, me: [me] }

/** A Wid: its text is what `toString` gives, whatever its private field is called. */
const idOf = (text: string) => ({ $1: text, toString: () => text })

/** Chats as WhatsApp Web holds them: the latest messages in memory, the earlier ones loaded a few at a time. */
const pageOf = (chats: Record<string, { held: number[]; earlier?: number[]; perLoad?: number }>) => {
  const loads: string[] = []
  const loading = { now: 0, most: 0 }
  /** How long each load takes by the page's clock, ms. */
  const clock = { now: 0, perLoad: 0 }
  let fault: string | undefined
  const byId = new Map<string, unknown>()
  const model = (chat: string, t: number) => ({ t, id: `${chat}-${t}` })
  const collection = new Map(
    Object.entries(chats).map(([id, { held, earlier = [], perLoad = 2 }]) => {
      const msgs = held.map((t) => model(id, t))
      const rest = [...earlier].sort((a, b) => a - b)
      return [
        id,
        {
          id: idOf(id),
          t: held.length > 0 ? Math.max(...held) : undefined,
          msgs: { getModelsArray: () => msgs },
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
    if (fault !== undefined) throw new Error(fault)
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
      Chat: { getModelsArray: () => [...collection.values()], get: (wid: unknown) => collection.get(String(wid)) }
    },
    WAWebWidFactory: { createWid: idOf },
    WAWebChatLoadMessages: { loadEarlierMsgs: loadEarlier }
  }
  const { page } = inPage({
    Date: { now: () => clock.now },
    require: (name: string) => modules[name],
    WWebJS: {
      getMessageModel: ({ t, id }: { t: number; id: string }) => ({ ...rawText(id), t, id: { fromMe: false, remote: id.split('-')[0], id, _serialized: `false_${id}` } })
    }
  })
  return { page, loads, loading, clock, collection, byId, fail: (message: string) => void (fault = message) }
}
const since = (time: number, ids: string[] = [], reached: [string, number][] = []): Wanted => ({ since: time, reached: new Map(reached), ids })
const collect = async (groups: AsyncIterable<Draft[]>): Promise<Draft[][]> => {
  const all: Draft[][] = []
  for await (const group of groups) all.push(group)
  return all
}
const times = (drafts: Draft[]): number[] => drafts.map(({ message }) => message.timestamp)

t.test('messages since a time, chat by chat, the quietest first, oldest first within a chat', async (t) => {
  const { page, loads } = pageOf({ 'busy@c.us': { held: [300, 250, 100] }, 'quiet@c.us': { held: [220, 90] }, 'old@c.us': { held: [50, 60] }, 'empty@c.us': { held: [] } })
  const groups = await collect(readBack(page, since(200), mapping, logLines().log))
  t.equal(groups.length, 1)
  t.same(groups.flat().map(({ message }) => `${message.chat_id} ${message.timestamp}`), ['quiet@c.us 220', 'busy@c.us 250', 'busy@c.us 300'])
  t.same(loads, [], 'what the page holds reaches far enough back')
})

t.test('earlier messages are loaded until they reach far enough back', async (t) => {
  const { page, loads } = pageOf({ 'a@c.us': { held: [300], earlier: [290, 280, 270, 260, 250, 240, 100, 90, 80, 70] } })
  t.same(times((await collect(readBack(page, since(245), mapping, logLines().log))).flat()), [250, 260, 270, 280, 290, 300])
  t.equal(loads.length, 3, 'and no further')
})

t.test('a chat that begins after that time is read from its beginning', async (t) => {
  const { page } = pageOf({ 'a@c.us': { held: [300], earlier: [290, 280] } })
  t.same(times((await collect(readBack(page, since(1), mapping, logLines().log))).flat()), [280, 290, 300])
})

t.test('a chat with very many missed messages is read back in part, and that is said', async (t) => {
  const { page } = pageOf({ 'a@c.us': { held: [200_000], earlier: Array.from({ length: 22_000 }, (_, index) => 100_000 + index), perLoad: 1_000 }, 'b@c.us': { held: [199_999] } })
  const logged = logLines()
  const drafts = (await collect(readBack(page, since(10), mapping, logged.log))).flat()
  t.equal(drafts.length, 1 + 20_001)
  t.match(logged.of('backfill_truncated'), [{ level: 'warn', chats: 1, limit: 20_000 }])
})

t.test('many chats come a group at a time', async (t) => {
  const chats = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`${index}@c.us`, { held: [1_000 + index, 1] }]))
  const groups = await collect(readBack(pageOf(chats).page, since(500), mapping, logLines().log))
  t.same(groups.map(({ length }) => length), [100, 100, 50])
  t.same(times(groups.flat()), Array.from({ length: 250 }, (_, index) => 1_000 + index))
})

t.test('a group is smaller when its chats have much, and each chat is read once', async (t) => {
  const chats = Object.fromEntries(Array.from({ length: 60 }, (_, chat) => [`${chat}@c.us`, { held: Array.from({ length: 400 }, (_, index) => 1_000 + chat * 400 + index) }]))
  const groups = await collect(readBack(pageOf(chats).page, since(500), mapping, logLines().log))
  t.ok(groups.length > 1, `${groups.length} groups`)
  t.same(times(groups.flat()), Array.from({ length: 60 * 400 }, (_, index) => 1_000 + index))
})

t.test('a chat that takes long comes after the others, and what was loaded of it is not loaded again', async (t) => {
  const { page, loads, clock } = pageOf({ 'busy@c.us': { held: [3_000], earlier: Array.from({ length: 20 }, (_, index) => 2_000 + index), perLoad: 2 }, 'other@c.us': { held: [3_001], earlier: [1] } })
  clock.perLoad = 900
  const groups = await collect(readBack(page, since(1_000), mapping, logLines().log))
  t.ok(groups.length > 3, `${groups.length} calls, of which the page is lost with one at most`)
  t.same(groups.filter(({ length }) => length > 0).map(times), [[3_001], [...Array.from({ length: 20 }, (_, index) => 2_000 + index), 3_000]])
  t.equal(loads.filter((id) => id === 'busy@c.us').length, 11, 'ten of two messages, and one that finds no more')
})

t.test('earlier messages are loaded for many chats at once, but not for all', async (t) => {
  const { page, loading } = pageOf(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`${index}@c.us`, { held: [1_000 + index], earlier: [900], perLoad: 1 }])))
  const drafts = (await collect(readBack(page, since(800), mapping, logLines().log))).flat()
  t.equal(drafts.length, 100)
  t.equal(loading.most, 20)
})

t.test('the next group is read while the caller has the last, and nobody minds when it is wanted no more', async (t) => {
  const { page, loads, fail } = pageOf(Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`${index}@c.us`, { held: [1_000 + index] }])))
  const groups = readBack(page, since(800), mapping, logLines().log)
  await groups.next()
  t.equal(loads.length, 100)
  await groups.next()
  t.equal(loads.length, 200)
  fail('the page is closed')
  await groups.return(undefined)
  const again = readBack(page, since(800), mapping, logLines().log)
  await t.rejects(again.next(), { message: 'the page is closed' })
})

t.test('a chat that is deleted meanwhile is passed over', async (t) => {
  const { page, collection } = pageOf({ 'a@c.us': { held: [300, 1] }, 'b@c.us': { held: [310, 1] } })
  const chats = [...collection.values()]
  collection.get = ((id: string) => (id === 'a@c.us' ? undefined : chats.find((chat) => String(chat.id) === id))) as typeof collection.get
  t.same(times((await collect(readBack(page, since(200), mapping, logLines().log))).flat()), [310])
})

t.test('messages asked for by their ids come last, whenever they were written', async (t) => {
  const { page, byId } = pageOf({ 'a@c.us': { held: [300, 100] } })
  byId.set('false_b-7', { t: 7, id: 'b-7' })
  const groups = await collect(readBack(page, since(200, ['false_gone-1', 'false_b-7']), mapping, logLines().log))
  t.same(groups.map(times), [[300], [7]])
})

t.test('when they cannot be asked for, that is told, and what is read back is complete all the same', async (t) => {
  const { page, fail } = pageOf({ 'a@c.us': { held: [300, 100] } })
  fail('getMessagesById is not a function')
  const logged = logLines()
  t.same(times((await collect(readBack(page, since(200, ['false_b-7']), mapping, logged.log))).flat()), [300])
  t.match(logged.of('undecrypted_unread'), [{ level: 'warn', messages: 1 }])
})

t.test('of a chat that was read already only what came since, after the chats that were not', async (t) => {
  const { page, loads } = pageOf({
    'read@c.us': { held: [300, 250], earlier: [240, 230] },
    'quiet@c.us': { held: [210], earlier: [205, 100] },
    'still@c.us': { held: [220], earlier: [100] },
    'busy@c.us': { held: [400, 100] }
  })
  const drafts = (await collect(readBack(page, since(200, [], [['read@c.us', 250], ['still@c.us', 221]]), mapping, logLines().log))).flat()
  t.same(drafts.map(({ message }) => `${message.chat_id} ${message.timestamp}`), ['quiet@c.us 205', 'quiet@c.us 210', 'busy@c.us 400', 'read@c.us 250', 'read@c.us 300'])
  t.notOk(loads.includes('still@c.us'), 'nothing came since in this one')
})
