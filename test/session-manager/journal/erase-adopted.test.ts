import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import type { ErasedPerson } from '../../../src/session-manager/journal/adopted-erasures.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { captured, newRecord } from './new-records.ts'

/**
 * Two hosts of one account, each with its journal: what one was asked to erase, the other one
 * erases and keeps out.
 */

const ana = '5215512345678@c.us'
const bea = '5215500000000@c.us'
const lid = '118999881199@lid'
const otherLid = '777777777@lid'
const group = '120363041234567890@g.us'
const [phone, phoneOfBea] = ['+5215512345678', '+5215500000000']
const now = 1_700_000_500

interface Host {
  journal: Journal
  file: string
  /** How often the file was rewritten. */
  rewritten: number
  reopen(): Journal
}

const host = (t: Test, name: string, clock = { now }): Host => {
  const file = join(t.testdirName, `${name}.db`)
  const open = (): Journal =>
    openJournal(
      file,
      'main',
      () => clock.now * 1_000,
      () => {
        made.rewritten += 1
        return () => undefined
      }
    )
  const reopen = (): Journal => {
    made.journal.close()
    return (made.journal = open())
  }
  const made: Host = { journal: undefined as unknown as Journal, file, rewritten: 0, reopen }
  made.journal = open()
  t.teardown(() => made.journal.close())
  return made
}

/** @param clock of both, in seconds */
const hosts = (t: Test, clock = { now }): { asked: Host; other: Host } => {
  t.testdir({})
  return { asked: host(t, 'asked', clock), other: host(t, 'other', clock) }
}

/** A message in a chat; it has only the addresses that are given. */
const inChat = (chat: string, id: string, facts: Partial<CapturedMessage> = {}): NewRecord => {
  const made = newRecord(id, {
    id: `false_${chat}_${id}`,
    chat_id: chat,
    from: chat,
    body: `text ${id}`,
    timestamp: now - 100,
    ...facts
  })
  if (facts.phone === undefined) delete made.message.phone
  return made
}
const inGroup = (id: string, author: string, facts: Partial<CapturedMessage> = {}): NewRecord =>
  inChat(group, id, { id: `false_${group}_${id}_${author}`, author, ...facts })
const recordOf = ({ message, kind }: NewRecord): InboundRecord => ({
  seq: 1,
  kind,
  captured_at: '2026-01-01T00:00:00Z',
  source: 'live',
  account: 'main',
  message
})
const kinds = (journal: Journal): string[] => journal.read(0, 2_000).map(({ kind }) => kind)
const comes = (journal: Journal, one: NewRecord): boolean =>
  journal.append([one], 'backfill').length > 0

/** What one host tells the other of, and what that does with it. */
const adopt = (from: Journal, to: Journal): { groups: number[]; isNew: boolean } =>
  adoptPeople(to, from.erasuresToShare())
const adoptPeople = (
  journal: Journal,
  people: readonly ErasedPerson[]
): { groups: number[]; isNew: boolean } => {
  const groups: number[] = []
  const running = journal.eraseAdopted(people)
  for (let next = running.next(); ; next = running.next()) {
    if (next.done === true) return { groups, isNew: next.value }
    groups.push(next.value)
  }
}
const eraseChats = (journal: Journal, ...chatIds: string[]): number =>
  journal.erase({ chatIds, messageIds: [] })

t.test(
  'a host erases a person that another host was asked to erase, by each address that this one knows',
  (t) => {
    const { asked, other } = hosts(t)
    asked.journal.append([inChat(ana, '0', { phone, lid })], 'live')
    eraseChats(asked.journal, ana)
    const quoted = `false_${group}_3_${ana}`
    other.journal.append(
      [
        inChat(ana, '1', { phone }),
        inChat(lid, '2', { lid }),
        inGroup('3', ana, { phone }),
        {
          ...inGroup('4', bea, { phone: phoneOfBea, quoted_id: quoted }),
          raw: { version: 1, text: quoted }
        },
        inChat(bea, '5', { phone: phoneOfBea }),
        inGroup('6', bea, { phone: phoneOfBea, quoted_id: `false_${group}_7_${bea}` })
      ],
      'live'
    )

    t.same(adopt(asked.journal, other.journal), { groups: [3, 0], isNew: true })

    t.same(kinds(other.journal), ['erased', 'erased', 'erased', 'message', 'message', 'message'])
    t.same(
      captured(other.journal.read(0, 9)).map(({ message }) => message.quoted_id),
      [undefined, undefined, `false_${group}_7_${bea}`]
    )
    t.same(
      other.journal.remappable(0, 9).filter(({ raw }) => raw !== undefined),
      [],
      'nor is the number in what the answer was mapped from'
    )
    other.journal.finishErasing()
    t.equal(other.rewritten, 1)
    t.notOk(readFileSync(other.file).includes('5215512345678'), 'no byte of the number')
    t.end()
  }
)

t.test('a host keeps out what another host was asked to erase, also after a restart', (t) => {
  const { asked, other } = hosts(t)
  asked.journal.append([inChat(ana, '0', { phone, lid })], 'live')
  eraseChats(asked.journal, ana)
  t.same(
    [ana, lid, bea].map((chat) => other.journal.hasErasedChat(chat)),
    [false, false, false]
  )

  t.same(adopt(asked.journal, other.journal), { groups: [0], isNew: true })

  for (const again of [false, true]) {
    const journal = again ? other.reopen() : other.journal
    t.same(
      [ana, lid, bea].map((chat) => journal.hasErasedChat(chat)),
      [true, true, false]
    )
    const [before, after] = [{ timestamp: now }, { timestamp: now + 1 }]
    const known: [NewRecord, boolean][] = [
      [inChat(ana, '1', { phone, ...before }), true],
      [inChat(ana, '2', { phone, ...after }), false],
      [inChat(lid, '3', { lid, ...before }), true],
      [inGroup('4', ana, { phone, ...before }), true],
      [inGroup('5', otherLid, { phone, ...before }), true],
      [inGroup('6', otherLid, { phone, lid: otherLid, ...before }), false],
      [inChat(bea, '7', { phone: phoneOfBea, ...before }), false]
    ]
    t.same(
      known.map(([one]) => journal.wasErasedOnRequest(recordOf(one))),
      known.map(([, isErased]) => isErased)
    )
    t.same(
      known.map(([one]) => journal.hasErasedMessage(one.message)),
      known.map(([, isErased]) => isErased)
    )
  }
  t.notOk(comes(other.journal, inChat(ana, '1', { phone, timestamp: now })))
  t.ok(comes(other.journal, inChat(ana, '1', { phone, timestamp: now + 1 })))
  t.end()
})

t.test('an adopted person without a LID takes along what has one', (t) => {
  const { asked, other } = hosts(t)
  eraseChats(asked.journal, ana)
  t.match(asked.journal.erasuresToShare(), [{ hasLid: false }])
  adopt(asked.journal, other.journal)
  t.notOk(comes(other.journal, inChat(ana, '1', { phone, lid: otherLid })))

  const { asked: sure, other: later } = hosts(t)
  sure.journal.append([inChat(ana, '0', { phone, lid })], 'live')
  eraseChats(sure.journal, ana)
  t.match(sure.journal.erasuresToShare(), [{ hasLid: true }, { hasLid: true }])
  adopt(sure.journal, later.journal)
  t.ok(
    comes(later.journal, inChat(ana, '1', { phone, lid: otherLid })),
    'of who has the number now'
  )
  t.notOk(comes(later.journal, inChat(ana, '2', { phone, lid })))
  t.end()
})

t.test('a large journal is gone through in groups', (t) => {
  const { asked, other } = hosts(t)
  other.journal.append(
    Array.from({ length: 450 }, (_, n) => inChat(n % 150 === 149 ? ana : bea, String(n))),
    'live'
  )
  eraseChats(asked.journal, ana)
  t.same(adopt(asked.journal, other.journal), { groups: [1, 1, 1, 0], isNew: true })
  t.same(
    kinds(other.journal).flatMap((kind, at) => (kind === 'erased' ? [at] : [])),
    [149, 299, 449]
  )
  t.end()
})

t.test('what is known already, or was erased here, starts nothing', (t) => {
  const { asked, other } = hosts(t)
  const none = { groups: [], isNew: false }
  t.same(asked.journal.erasuresToShare(), [])
  t.same(adopt(asked.journal, other.journal), none)
  eraseChats(asked.journal, ana)
  const people = asked.journal.erasuresToShare()
  asked.journal.append([inChat(ana, 'later', { phone, timestamp: now + 1 })], 'live')
  t.same(adoptPeople(asked.journal, people), none, 'its own comes back to it')
  t.same(kinds(asked.journal), ['message'])
  t.ok(adoptPeople(other.journal, people).isNew)
  t.same(adoptPeople(other.journal, people), none)
  t.same(
    adoptPeople(
      other.journal,
      people.map((person) => ({ ...person, until: person.until - 1 }))
    ),
    none,
    'one of before'
  )
  t.notOk(comes(other.journal, inChat(ana, '1', { timestamp: now })), 'which changes nothing')
  t.end()
})

t.test('of its own and of others, only the others are new', (t) => {
  const { asked, other } = hosts(t)
  eraseChats(asked.journal, ana)
  eraseChats(other.journal, bea)
  const all = [...asked.journal.erasuresToShare(), ...other.journal.erasuresToShare()]
  t.ok(adoptPeople(other.journal, all).isNew)
  t.same(
    [ana, bea].map((chat) => other.journal.hasErasedChat(chat)),
    [true, true]
  )
  t.same(
    other.journal.erasuresToShare(),
    all.slice(1),
    'what was adopted is not told to a third one: its host does'
  )
  t.end()
})

t.test(
  'a person that is erased once more is erased up to the later time, with what is known of the LID then',
  (t) => {
    const clock = { now }
    const { asked, other } = hosts(t, clock)
    eraseChats(asked.journal, ana)
    adopt(asked.journal, other.journal)
    clock.now += 50
    asked.journal.append([inChat(ana, '0', { phone, lid, timestamp: now + 50 })], 'live')
    eraseChats(asked.journal, ana)

    t.ok(adopt(asked.journal, other.journal).isNew)

    const came = [
      inChat(ana, '1', { phone, timestamp: now + 50 }),
      inChat(ana, '2', { phone, timestamp: now + 51 }),
      inChat(ana, '3', { phone, lid: otherLid, timestamp: now })
    ]
    t.same(
      came.map((one) => comes(other.journal, one)),
      [false, true, true]
    )
    t.end()
  }
)

t.test('two hosts may have erased one person: either counts', (t) => {
  const clock = { now }
  const { asked, other } = hosts(t, clock)
  const third = host(t, 'third', clock)
  for (const [at, each] of [asked, third].entries()) {
    clock.now = now + 10 * at
    eraseChats(each.journal, ana)
    t.ok(adopt(each.journal, other.journal).isNew)
  }
  t.same(
    [10, 11].map((after) =>
      comes(other.journal, inChat(ana, String(after), { timestamp: now + after }))
    ),
    [false, true]
  )
  t.end()
})

t.test('a person is told of until the others know, and again when more of them was erased', (t) => {
  const clock = { now }
  const { asked } = hosts(t, clock)
  eraseChats(asked.journal, ana, bea)
  const people = asked.journal.erasuresToShare()
  t.equal(people.length, 2)
  t.equal(new Set(people.map(({ hash }) => hash)).size, 2)
  t.match(people, [
    { until: now, hasLid: false, secret: /^[0-9a-f]{64}$/, hash: /^[0-9a-f]{64}$/ },
    { until: now }
  ])
  t.same(asked.journal.erasuresToShare(), people)
  asked.journal.erasuresShared(people.slice(0, 1))
  t.same(asked.reopen().erasuresToShare(), people.slice(1))
  asked.journal.erasuresShared(people.slice(1))
  t.same(asked.journal.erasuresToShare(), [])
  clock.now += 1
  eraseChats(asked.journal, bea)
  const again = asked.journal.erasuresToShare()
  t.match(again, [{ until: now + 1 }])
  t.equal(again.length, 1)
  asked.journal.erasuresShared(again)
  t.same(asked.journal.erasuresToShare(), [])
  t.end()
})

t.test('a chat that waits to be read back is forgotten with its person, to the last byte', (t) => {
  const { asked, other } = hosts(t)
  eraseChats(asked.journal, ana)
  other.journal.setUnreadChat(ana, 5_000)
  other.journal.setUnreadChat(bea, 6_000)
  other.journal.checkpoint()
  t.ok(readFileSync(other.file).includes(ana))

  adopt(asked.journal, other.journal)
  other.journal.finishErasing()

  t.same([...other.journal.unreadChats()], [[bea, 6_000]])
  t.notOk(readFileSync(other.file).includes(ana))
  other.journal.setUnreadChat(ana, 7_000)
  t.same([...other.reopen().unreadChats()], [[bea, 6_000]], 'nor is it written from then on')
  t.end()
})

t.test('the file is not rewritten for a person of whom it has nothing', (t) => {
  const { asked, other } = hosts(t)
  eraseChats(asked.journal, ana)
  other.journal.setUnreadChat(bea, 6_000)
  adopt(asked.journal, other.journal)
  other.journal.finishErasing()
  t.equal(other.rewritten, 0)
  t.end()
})

t.test(
  'a record that quotes what was erased on request is known by that, under each address; of what was too old it is not',
  (t) => {
    const { asked, other } = hosts(t)
    const quotes = (journal: Journal, quoted_id?: string): boolean =>
      journal.quotesErased(
        recordOf(inGroup('q', bea, quoted_id === undefined ? {} : { quoted_id }))
      )
    const mine = `false_${group}_3_${ana}`
    for (const { journal } of [asked, other])
      journal.append(
        [
          inGroup('3', ana, { phone, lid }),
          inChat(bea, '4', { phone: phoneOfBea }),
          inChat(bea, '5')
        ],
        'live'
      )
    t.notOk(quotes(asked.journal, mine), 'nothing was erased yet')
    eraseChats(asked.journal, ana)
    adopt(asked.journal, other.journal)
    other.journal.erase({ before: (now + 1) * 1_000, upTo: 2 })
    for (const id of [mine, `false_${group}_3_${lid}`]) t.ok(quotes(other.journal, id), id)
    for (const id of [`false_${bea}_4`, `false_${bea}_5`, undefined, 'no message id'])
      t.notOk(quotes(other.journal, id), String(id))
    t.end()
  }
)

t.test('a journal that was restored adopts what was adopted since its copy was made', (t) => {
  for (const isOfEarlierRelease of [false, true]) {
    const { asked, other } = hosts(t)
    eraseChats(asked.journal, ana)
    other.journal.append(
      [inChat(ana, '1', { phone }), inChat(bea, '2', { phone: phoneOfBea })],
      'live'
    )
    other.journal.checkpoint()
    const copy = join(t.testdirName, 'copy.db')
    copyFileSync(other.file, copy)
    adopt(asked.journal, other.journal)
    eraseChats(other.journal, bea)
    other.journal.checkpoint()
    const newer = new DatabaseSync(other.file)
    if (isOfEarlierRelease) newer.exec('DROP TABLE adopted_people')
    const restored = openJournal(copy, 'main', () => now * 1_000)
    t.equal(restored.eraseAsIn(newer), 2, 'the message is known by itself, too')
    t.same(
      [ana, bea].map((chat) => restored.hasErasedChat(chat)),
      [!isOfEarlierRelease, true]
    )
    t.equal(comes(restored, inChat(ana, '3', { phone })), isOfEarlierRelease)
    restored.close()
    newer.close()
  }
  t.end()
})

t.test(
  'a restored journal with nothing erased but what was adopted keeps it out, with what was known of the LID',
  (t) => {
    for (const isLidKnown of [false, true]) {
      const { asked, other } = hosts(t)
      if (isLidKnown) asked.journal.append([inChat(ana, '0', { phone, lid })], 'live')
      other.journal.checkpoint()
      const copy = join(t.testdirName, 'copy.db')
      copyFileSync(other.file, copy)
      eraseChats(asked.journal, ana)
      adopt(asked.journal, other.journal)
      const newer = new DatabaseSync(other.file, { readOnly: true })
      const restored = openJournal(copy, 'main', () => now * 1_000)
      t.equal(restored.eraseAsIn(newer), 0)
      t.ok(restored.hasErasedChat(ana))
      t.notOk(comes(restored, inChat(ana, '1', { phone })))
      t.equal(
        comes(restored, inChat(ana, '2', { phone, lid: otherLid })),
        isLidKnown,
        'of who has the number now'
      )
      restored.close()
      newer.close()
    }
    t.end()
  }
)

t.test('each erasure that is done is known by another id, which outlives a restart', (t) => {
  const { other } = hosts(t)
  t.equal(other.journal.latestErasure(), undefined)
  const ids = Array.from({ length: 3 }, () => {
    other.journal.noteErasure()
    return other.journal.latestErasure()
  })
  for (const id of ids) t.match(id, /^[0-9a-f]{16}$/)
  t.equal(new Set(ids).size, 3)
  t.equal(other.reopen().latestErasure(), ids.at(-1))
  t.end()
})

t.test('of another account the same person stays', (t) => {
  const { asked, other } = hosts(t)
  const second = openJournal(other.file, 'second', () => now * 1_000)
  t.teardown(() => second.close())
  eraseChats(asked.journal, ana)
  t.ok(adopt(asked.journal, second).isNew)
  t.notOk(second.hasErasedChat(ana))
  t.end()
})
