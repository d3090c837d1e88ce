import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import {
  ReadTooEarly,
  readCursor,
  type Cursor
} from '../../../src/central-hub/store/write/cursors.ts'
import {
  PassedOnErasure,
  type AskErased
} from '../../../src/central-hub/store/write/erase-passed-on.ts'
import type { JournalRecord } from '../../../src/contract/record.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { inScope, type Scope } from '../../platform/scope.ts'
import { propertyRuns } from '../../property-runs.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { testStore, type TestStore } from './open-store.ts'
import { isOnPostgres } from './place.ts'

const group = '120363041234567890@g.us'
const start = Math.floor(Date.now() / 1_000)
const phoneOf = (person: number): string => `52155${10_000_000 + person}`
const lidOf = (person: number): string => `7000000000${person}@lid`

const places = ['number', 'LID', 'group', 'reaction', 'own reply'] as const

/** The n-th thing that is written, by a person or to them. */
const written = (n: number, person: number, place: (typeof places)[number]): NewRecord => {
  const [phone, lid, timestamp] = [phoneOf(person), lidOf(person), start + n * 10]
  const [chat, id, body] = [`${phone}@c.us`, `3EB0${n}`, `words ${n} of ${person}`]
  if (place === 'number')
    return newRecord(id, {
      id: `false_${chat}_${id}`,
      chat_id: chat,
      from: chat,
      phone: `+${phone}`,
      body,
      timestamp
    })
  if (place === 'LID')
    return newRecord(id, {
      id: `false_${lid}_${id}`,
      chat_id: lid,
      from: lid,
      phone: `+${phone}`,
      lid,
      body,
      timestamp
    })
  if (place === 'own reply')
    return newRecord(id, {
      id: `true_${chat}_${id}`,
      chat_id: chat,
      from: 'me@c.us',
      to: chat,
      from_me: true,
      phone: `+${phone}`,
      body,
      timestamp
    })
  const inGroup = {
    id: `false_${group}_${id}_${chat}`,
    chat_id: group,
    from: group,
    author: chat,
    phone: `+${phone}`,
    body,
    timestamp
  }
  if (place === 'group') return newRecord(id, inGroup)
  const reaction = { message_id: `true_${group}_ours`, emoji: `🙂${n}`, sender: lid }
  return {
    ...newRecord(
      id,
      { ...inGroup, id: `false_${group}_${id}_${lid}`, from: lid, lid, reaction },
      'reaction'
    )
  }
}

const asks =
  (journal: Journal): AskErased =>
  async ({ chat_ids, messages }) => ({
    chat_ids: chat_ids.filter((id) => journal.hasErasedChat(id)),
    message_ids: messages.filter((message) => journal.hasErasedMessage(message)).map(({ id }) => id)
  })

/** @param step how many things have happened: the clock goes on with them, as `written` does */
const journalFor = (scope: Scope, step = (): number => 0): Journal => {
  const journal = openJournal(
    join(ownDirectory(scope), 'journal.db'),
    'main',
    () => (start + step() * 10) * 1_000
  )
  scope.teardown(() => journal.close())
  return journal
}

/** Texts of messages, and reactions, in a store. */
const wordsIn = async ({ db }: TestStore): Promise<string[]> => {
  const messages = await db.selectFrom('messages').select('body').execute()
  const reactions = await db.selectFrom('reactions').select('emoji').execute()
  return [...messages.map(({ body }) => body), ...reactions.map(({ emoji }) => emoji)].sort()
}

const takeAll = async ({ db, ingest }: TestStore, journal: Journal): Promise<void> => {
  const after = (await readCursor(db, 'main'))?.seq ?? 0
  await ingest.take('main', journal.id, journal.read(after, 1_000))
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(fc.constant('write' as const), fc.nat(2), fc.constantFrom(...places))
    },
    { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), fc.nat(2)) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.constant('take' as const), fc.integer({ min: 1, max: 6 }))
    },
    // Deleted and followed between reading some records and taking them.
    { weight: 2, arbitrary: fc.tuple(fc.constant('take late' as const), fc.nat(2)) },
    { weight: 1, arbitrary: fc.tuple(fc.constant('follow' as const)) }
  ),
  { maxLength: 30 }
)

t.test(
  'a store of its own ends with what a store that reads the journal only now has',
  { timeout: 900_000 },
  async (t) => {
    await fc.assert(
      fc.asyncProperty(steps, (history) =>
        inScope(async (scope) => {
          let step = 0
          const journal = journalFor(scope, () => step)
          const [store, ask] = [await testStore(scope), asks(journal)]
          let isDue = false
          // A hub follows once for what was deleted, not again because there are records.
          const follow = async (): Promise<void> => {
            if (isDue) await new PassedOnErasure(store.db, 'main', ask).run()
            isDue = false
          }
          const erase = (person: number): void => {
            journal.erase({ chatIds: [`${phoneOf(person)}@c.us`], messageIds: [] })
            isDue = true
          }
          const take = async (
            records: JournalRecord[],
            stands: Cursor | undefined
          ): Promise<void> => {
            await store.ingest
              .take('main', journal.id, records, stands ?? null)
              .catch((error: unknown) => {
                if (!(error instanceof ReadTooEarly)) throw error
              })
          }
          for (const [n, [what, which, place]] of history.entries()) {
            step = n
            const stands = await readCursor(store.db, 'main')
            if (what === 'write') journal.append([written(n, which, place)], 'live')
            else if (what === 'delete') erase(which)
            else if (what === 'follow') await follow()
            else if (what === 'take') await take(journal.read(stands?.seq ?? 0, which), stands)
            else if (stands !== undefined) {
              const records = journal.read(stands.seq, 10)
              erase(which)
              await follow()
              await take(records, stands)
            }
          }
          await takeAll(store, journal)
          await follow()

          const fresh = await testStore(scope)
          await takeAll(fresh, journal)
          t.same(await wordsIn(store), await wordsIn(fresh), JSON.stringify(history))
          const of = await store.db.selectFrom('messages').select('lead_id').distinct().execute()
          const leads = await store.db.selectFrom('leads').select('id').execute()
          const empty = leads.filter(({ id }) => of.every(({ lead_id }) => lead_id !== id))
          t.same(empty, [], 'no lead of whom nothing is left')
          return t.passing()
        })
      ),
      propertyRuns(t, isOnPostgres() ? 10 : 40)
    )
  }
)

t.test(
  'who wrote again after the deletion is there as a new lead would be: without notes, tags and names',
  async (t) => {
    const [journal, store] = [journalFor(t), await testStore(t)]
    journal.append([written(1, 1, 'number')], 'live')
    await takeAll(store, journal)
    const { id } = await store.db.selectFrom('leads').select('id').executeTakeFirstOrThrow()
    await store.db
      .updateTable('leads')
      .set({ note: 'likes blue', given_name: 'Ana', assignee: 'Luz', state: 'won' })
      .execute()
    await store.db.insertInto('lead_tags').values({ lead_id: id, tag: 'vip' }).execute()
    journal.erase({ chatIds: [`${phoneOf(1)}@c.us`], messageIds: [] })
    journal.append([written(1_000, 1, 'number')], 'live')
    await takeAll(store, journal)

    const erased = await new PassedOnErasure(store.db, 'main', asks(journal)).run()

    t.same(erased, { leads: 0, messages: 1 })
    t.match(await store.db.selectFrom('leads').selectAll().execute(), [
      { id, note: '', given_name: null, assignee: null, state: 'new', first_seen: start + 10_000 }
    ])
    t.same(await store.db.selectFrom('lead_tags').selectAll().execute(), [])
    t.match(await store.db.selectFrom('deletions').selectAll().execute(), [
      { reason: 'passed_on', request_id: null, leads: 0, messages: 1 }
    ])
    await store.db.updateTable('leads').set({ note: 'asked for red' }).execute()
    t.same(
      await new PassedOnErasure(store.db, 'main', asks(journal)).run(),
      { leads: 0, messages: 0 },
      'once more changes nothing'
    )
    t.match(await store.db.selectFrom('leads').select('note').execute(), [
      { note: 'asked for red' }
    ])
  }
)

t.test(
  'a lead that a person entered before the deletion goes, and one that was entered since stays',
  async (t) => {
    const [journal, store] = [journalFor(t), await testStore(t)]
    journal.append([written(1, 1, 'number')], 'live')
    await takeAll(store, journal)
    journal.erase({ chatIds: [`${phoneOf(1)}@c.us`, `${phoneOf(2)}@c.us`], messageIds: [] })
    await new PassedOnErasure(store.db, 'main', asks(journal)).run()
    const entered = {
      account: 'main',
      lid: null,
      name: null,
      state: 'new' as const,
      note: '',
      first_seen: 0,
      last_seen: 0,
      waiting_since: null,
      updated_at: 0
    }
    for (const [person, at] of [
      [1, start + 1_000],
      [2, start - 1_000]
    ] as const) {
      await store.db
        .insertInto('leads')
        .values({
          ...entered,
          phone: `+${phoneOf(person)}`,
          chat_id: `${phoneOf(person)}@c.us`,
          entered_at: at * 1_000
        })
        .execute()
    }

    t.same(await new PassedOnErasure(store.db, 'main', asks(journal)).run(), {
      leads: 1,
      messages: 0
    })

    t.match(await store.db.selectFrom('leads').select('phone').execute(), [
      { phone: `+${phoneOf(1)}` }
    ])
  }
)
