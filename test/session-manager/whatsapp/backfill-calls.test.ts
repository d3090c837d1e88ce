import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { ReadGroup, Wanted } from '../../../src/session-manager/journal/backfill.ts'
import type { Page } from '../../../src/session-manager/whatsapp/browser.ts'
import { readBack } from '../../../src/session-manager/whatsapp/backfill.ts'
import { logLines } from '../../platform/log-lines.ts'
import { mapping } from './only-draft.ts'
import { rawText } from './raw-models.ts'

/** What reading back asks of the page, call by call. The page is a list of answers. */

type Answer = () => unknown
const pageOf = (...answers: Answer[]) => {
  const asked: string[] = []
  const evaluate = async (text: string): Promise<unknown> => {
    asked.push(text)
    const answer = answers[asked.length - 1]
    if (answer === undefined) throw new Error('nothing more was to be asked')
    return answer()
  }
  return { page: { evaluate } as unknown as Page, asked }
}
const chats =
  (...found: [id: string, newest: number][]): Answer =>
  () => ({ chats: found, nameless: 0 })
const result =
  (facts: object): Answer =>
  () =>
    JSON.stringify({
      messages: [],
      read: [],
      unread: [],
      plain: 0,
      lost: 0,
      truncated: 0,
      failed: 0,
      ...facts
    })

const wanted = (facts: Partial<Wanted> = {}): Wanted => ({
  since: 200,
  reached: new Map(),
  ids: [],
  ...facts
})
const collect = async (groups: AsyncIterable<ReadGroup>): Promise<ReadGroup[]> => {
  const all: ReadGroup[] = []
  for await (const group of groups) all.push(group)
  return all
}

t.test('when nothing was missed the page is asked for its list of chats alone', async (t) => {
  const { page, asked } = pageOf(chats(['old@c.us', 199], ['read@c.us', 300]))
  const reached = new Map([['read@c.us', 301]])
  t.same(await collect(readBack(page, wanted({ reached }), mapping, logLines().log)), [])
  t.equal(asked.length, 1)
})

t.test(
  'chats are asked for in order: those not read yet, the quietest first, then those that were',
  async (t) => {
    const { page, asked } = pageOf(
      chats(
        ['read-late@c.us', 500],
        ['late@c.us', 400],
        ['read@c.us', 250],
        ['unread@c.us', 450],
        ['early@c.us', 200]
      ),
      result({ read: [0, 1, 2, 3, 4].map((index) => [index, 500]) })
    )
    const reached = new Map([
      ['read-late@c.us', 300],
      ['read@c.us', 250]
    ])
    const unread = new Map([['unread@c.us', 100]])
    const groups = await collect(
      readBack(page, wanted({ reached, unread }), mapping, logLines().log)
    )
    t.same(
      groups.flatMap(({ read }) => read.map(({ chat }) => chat)),
      ['early@c.us', 'late@c.us', 'unread@c.us', 'read@c.us', 'read-late@c.us']
    )
    const chatsAsked = JSON.stringify([
      ['early@c.us', 200, true],
      ['late@c.us', 200, true],
      ['unread@c.us', 100, false],
      ['read@c.us', 250, true],
      ['read-late@c.us', 300, true]
    ])
    t.ok(
      asked[1]?.includes(chatsAsked),
      'each since its own time, and what could not be read before without loading more'
    )
    const bounds =
      '{"messages":2000,"ms":2000,"perChat":20000,"batchSize":20,"loadMs":10000,"busyMs":500}'
    t.ok(asked[1]?.endsWith(`, ${bounds})`), 'and no call takes long')
  }
)

t.test(
  'a page that is lost while the caller has a group ends the reading when the next one is asked for, and not before',
  async (t) => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    t.teardown(() => process.off('unhandledRejection', note))
    const lost: Answer = () => {
      throw new Error('the page is closed')
    }
    const groups = readBack(
      pageOf(chats(['a@c.us', 300], ['b@c.us', 301]), result({ read: [[0, 300]] }), lost).page,
      wanted(),
      mapping,
      logLines().log
    )
    t.match(await groups.next(), { value: { read: [{ chat: 'a@c.us', newest: 300 }] } })
    for (let turns = 0; turns < 5; turns += 1) await turn()
    t.same(unhandled, [])
    await t.rejects(groups.next(), { message: 'the page is closed' })
  }
)

t.test(
  'messages asked for by their ids come alone, and nothing is said when all are found',
  async (t) => {
    const logged = logLines()
    const { page, asked } = pageOf(chats(), result({ messages: [rawText('A')], plain: 1, lost: 2 }))
    const groups = await collect(readBack(page, wanted({ ids: ['A', 'B'] }), mapping, logged.log))
    t.equal(groups.length, 1)
    const [{ newRecords, ...facts }] = groups as [ReadGroup]
    t.equal(newRecords.length, 1)
    t.same(facts, { read: [], unread: [], plainMessages: 1, lostMessages: 2 })
    t.ok(asked[1]?.includes('["A","B"]'))
    t.same(logged.lines, [])
  }
)

t.test(
  'a chat that the page has not answered for is asked for again, with those that follow',
  async (t) => {
    const ids = ['a@c.us', 'b@c.us', 'c@c.us'] as const
    const { page, asked } = pageOf(
      chats(['a@c.us', 300], ['b@c.us', 301], ['c@c.us', 302]),
      result({ read: [[1, 301]] }),
      result({ read: [[0, 300]], unread: [[1, 'busy', '']] })
    )
    const groups = await collect(readBack(page, wanted(), mapping, logLines().log))
    t.same(
      groups.map(({ read }) => read.map(({ chat }) => chat)),
      [['b@c.us'], ['a@c.us']]
    )
    t.match(groups[1]?.unread, [{ chat: 'c@c.us', isBusy: true }])
    t.same(
      ids.map((id) => asked.slice(1).map((text) => text.includes(id))),
      [
        [true, true],
        [true, false],
        [true, true]
      ]
    )
  }
)
