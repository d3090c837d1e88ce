import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { ErasedRecord, JournalRecord } from '../../../src/contract/record.ts'
import { keepMediaInUse, ofMessages } from '../../../src/session-manager/journal/erasure.ts'
import { openJournal, type NewRecord } from '../../../src/session-manager/journal/journal.ts'
import { conforms } from '../../platform/conforms.ts'
import { captured, newRecord, withMedia } from './new-records.ts'
import { ana, bea, erase, kinds, ofBea, onDisk, open } from './erasing-rig.ts'

/** Erasing from the journal: what goes, and what stays. */

t.test(
  'a chat: its records become tombstones that tell of nobody, in their places; the others stay as they are',
  async (t) => {
    const { journal } = open(t)
    journal.append(
      [newRecord('A'), ofBea('B'), newRecord('A', {}, 'edit'), newRecord('C', { chat_id: bea })],
      'live'
    )
    const kept = journal.read(1, 1)
    t.equal(erase(journal, [ana]), 2)
    const records = journal.read(0, 10)
    t.same(
      records.map(({ seq }) => seq),
      [1, 2, 3, 4],
      'no gap'
    )
    t.same(
      records.map(({ kind }) => kind),
      ['erased', 'message', 'erased', 'message']
    )
    t.same(records.slice(1, 2), kept)
    for (const record of records) conforms(t, JournalRecord, record, 'as the contract has it')
    const [tombstone] = records
    conforms(t, ErasedRecord, tombstone, 'a tombstone')
    t.same(Object.keys(tombstone ?? {}).sort(), ['account', 'erased_at', 'kind', 'seq'])
  }
)

t.test(
  'an erased message does not come back, by whatever way; a new one of that chat is captured',
  async (t) => {
    const { journal, reopen } = open(t)
    journal.append([newRecord('A'), newRecord('B', {}, 'ciphertext')], 'live')
    erase(journal, [ana])
    const again = [
      newRecord('A'),
      newRecord('B', {}, 'ciphertext'),
      { ...newRecord('A', { edited: { at: 'now' } }, 'edit'), key: 'edit:another-key' },
      newRecord('B'),
      {
        ...newRecord(
          'R',
          {
            id: 'reaction-id',
            reaction: { message_id: newRecord('A').message.id, emoji: '👍', sender: ana }
          },
          'reaction'
        )
      },
      {
        ...newRecord(
          'V',
          { id: 'vote-id', vote: { message_id: newRecord('A').message.id, options: [] } },
          'vote'
        )
      },
      withMedia('A')
    ]
    t.same(journal.append(again, 'backfill'), [])
    t.same(reopen().append(again, 'backfill'), [], 'nor after a restart')
  }
)

t.test(
  'what is new of that chat is captured, and erased only when that is asked for again',
  async (t) => {
    const { journal } = open(t)
    journal.append([newRecord('A')], 'live')
    t.equal(erase(journal, [ana]), 1)
    t.equal(erase(journal, [ana]), 0, 'asking again is harmless')
    t.match(journal.append([newRecord('A'), newRecord('C')], 'live'), [
      { seq: 2, message: { body: 'message C' } }
    ])
    t.same(kinds(journal), ['erased', 'message'])
    t.equal(erase(journal, [ana]), 1)
    t.same(kinds(journal), ['erased', 'erased'])
  }
)

t.test(
  'single messages, with what refers to them in any chat; one that is not there yet is kept out',
  async (t) => {
    const { journal } = open(t)
    const { id } = newRecord('A').message
    journal.append(
      [
        newRecord('A'),
        newRecord('B'),
        newRecord('A', {}, 'edit'),
        ofBea('r', { reaction: { message_id: id, emoji: '👍', sender: bea } }, 'reaction'),
        ofBea('v', { vote: { message_id: id, options: ['x'] } }, 'vote')
      ],
      'live'
    )
    t.equal(erase(journal, [], [id, 'false_1@c.us_LATER']), 4)
    t.same(kinds(journal), ['erased', 'message', 'erased', 'erased', 'erased'])
    t.same(journal.append([newRecord('x', { id: 'false_1@c.us_LATER' })], 'backfill'), [])
  }
)

t.test(
  'reactions to the messages of an erased chat go too, though WhatsApp gave them another chat id',
  async (t) => {
    const { journal } = open(t)
    journal.append(
      [
        newRecord('A'),
        newRecord(
          'r',
          {
            chat_id: '99@lid',
            id: 'r',
            reaction: { message_id: newRecord('A').message.id, emoji: '👍', sender: '99@lid' }
          },
          'reaction'
        )
      ],
      'live'
    )
    t.equal(erase(journal, [ana]), 2)
  }
)

t.test('media of it that waits is not fetched any more', async (t) => {
  const { journal } = open(t)
  journal.append(
    [withMedia('A'), ofBea('B', { has_media: true, media: { state: 'pending' } })],
    'live'
  )
  erase(journal, [ana])
  t.same(
    journal.pendingMedia(10).map(({ message }) => message.chat_id),
    [bea]
  )
  t.equal(journal.postponeMedia(withMedia('A').message.id, 0, true), undefined)
})

t.test('media to delete: what no other record refers to, until it was deleted', async (t) => {
  const { journal, reopen } = open(t)
  const [own, shared] = ['a', 'b'].map((digit) => digit.repeat(64)) as [string, string]
  journal.append(
    [
      withMedia('A', { sha256: own }),
      withMedia('B', { sha256: shared }),
      ofBea('C', { has_media: true, media: { state: 'stored', sha256: shared } })
    ],
    'live'
  )
  erase(journal, [ana])
  t.same(journal.mediaToDelete(), [own])
  const later = reopen()
  t.same(later.mediaToDelete(), [own], 'a restart does not forget it')
  later.mediaDeleted([own])
  t.same(later.mediaToDelete(), [])
})

t.test(
  'media that were fetched for a message erased since are to be deleted, unless another one has them',
  async (t) => {
    const { journal } = open(t)
    const [unused, used] = ['c', 'd'].map((digit) => digit.repeat(64)) as [string, string]
    journal.append([withMedia('A', { sha256: used })], 'live')
    for (const sha256 of [unused, unused, used]) journal.dropMedia(sha256)
    t.same(journal.mediaToDelete(), [unused])
  }
)

t.test('accounts do not mix', async (t) => {
  const { journal, directory } = open(t)
  const other = openJournal(join(directory, 'journal.db'), 'other')
  t.teardown(() => other.close())
  journal.append([newRecord('A')], 'live')
  t.equal(erase(other, [ana]), 0)
  t.same(kinds(journal), ['message'])
})

t.test('what was captured before a time', async (t) => {
  let now = Date.UTC(2026, 0, 1)
  const { journal } = open(t, () => now)
  journal.append([newRecord('A')], 'live')
  now += 1_000
  journal.append([newRecord('B')], 'live')
  t.equal(journal.erase({ before: now }), 1)
  t.equal(journal.erase({ before: now }), 0)
  t.same(kinds(journal), ['erased', 'message'])
  t.match(journal.read(0, 1), [{ erased_at: new Date(now).toISOString() }])
  t.same(
    captured(journal.read(0, 10)).map(({ message }) => message.body),
    ['message B']
  )
})

t.test('what was captured before a time, but not what is still needed', async (t) => {
  const { journal } = open(t)
  journal.append([newRecord('A'), newRecord('B'), newRecord('C')], 'live')
  t.equal(journal.erase({ before: Date.now() + 1_000, upTo: 2 }), 2)
  t.same(kinds(journal), ['erased', 'erased', 'message'])
})

t.test(
  'a message that could not be decrypted may still come when that it could not is erased for its age; not when it was asked for',
  async (t) => {
    const { journal } = open(t)
    journal.append([newRecord('A', {}, 'ciphertext'), ofBea('B', {}, 'ciphertext')], 'live')
    t.equal(erase(journal, [bea]), 1)
    t.equal(journal.erase({ before: Date.now() + 1_000 }), 1)
    t.same(
      journal.append([newRecord('A', {}, 'ciphertext'), ofBea('B', {}, 'ciphertext')], 'backfill'),
      [],
      'neither comes back as it was'
    )
    t.match(journal.append([newRecord('A'), ofBea('B')], 'backfill'), [
      { kind: 'message', message: { id: newRecord('A').message.id } }
    ])
    t.equal(journal.erase({ before: Date.now() + 1_000 }), 1)
    t.same(
      journal.append([newRecord('A'), newRecord('A', {}, 'edit')], 'backfill'),
      [],
      'now it is erased'
    )
  }
)

t.test(
  'messages and their media are found by indexes, so that erasing some does not go through a whole journal',
  async (t) => {
    const { directory } = open(t)
    const db = new DatabaseSync(join(directory, 'journal.db'), { readOnly: true })
    t.teardown(() => db.close())
    const plan = (sql: string, ...values: string[]): string[] =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values)
        .map(({ detail }) => String(detail))
        .filter((detail) => / records\b/.test(detail))
    t.same(plan(ofMessages, 'main', '[]'), [
      'SEARCH records USING INDEX records_by_stanza (<expr>=?)',
      'SEARCH records USING INDEX records_by_target_stanza (<expr>=?)'
    ])
    t.match(plan(keepMediaInUse), [
      /^SEARCH records USING (COVERING )?INDEX records_by_media \(<expr>=\?\)$/
    ])
  }
)

t.test(
  'media of a message that was erased meanwhile wait no longer, whichever record they wait by',
  async (t) => {
    const { journal } = open(t)
    const { media: _media, ...plain } = withMedia('A').message
    journal.append([newRecord('A', { ...plain, has_media: false })], 'live')
    journal.update([{ message: withMedia('A').message, source: 'live' }], false)
    t.equal(journal.pendingMediaCount(), 1)
    journal.erase({ before: Date.now() + 60_000, upTo: 1 })
    const outcome = withMedia('A', { state: 'stored', sha256: 'x' })
    t.equal(
      journal.append(
        [{ ...outcome, kind: 'media', key: `media:${outcome.message.id}:stored` }],
        'live'
      ).length,
      0
    )
    t.equal(journal.pendingMediaCount(), 0)
  }
)

t.test(
  'a message to a broadcast list that is erased in one chat stays in the others',
  async (t) => {
    const { journal } = open(t)
    const copy = (chat: string): NewRecord =>
      newRecord('L', { id: `true_${chat}_L`, chat_id: chat, from_me: true })
    journal.append([copy(ana), copy(bea)], 'live')
    erase(journal, [ana])
    t.same(kinds(journal), ['erased', 'message'])
    const reaction = { message_id: `true_${bea}_L`, emoji: '👍', sender: bea }
    t.equal(
      journal.append(
        [newRecord('R', { id: `false_${bea}_R`, chat_id: bea, from: bea, reaction }, 'reaction')],
        'live'
      ).length,
      1
    )
    t.equal(journal.append([copy(ana)], 'backfill').length, 0, 'the erased one does not come back')
    erase(journal, [bea])
    t.equal(journal.append([copy(ana), copy(bea)], 'backfill').length, 0)
  }
)

t.test(
  'a message that an earlier release has under two addresses is erased under both',
  async (t) => {
    const { journal, directory } = open(t)
    const twice = [ana, '118999881199@lid'].map((chat) =>
      newRecord('D', { id: `false_${chat}_D`, chat_id: chat, body: 'MARKER-twice' })
    )
    journal.append([twice[0] as NewRecord, newRecord('X')], 'live')
    const db = new DatabaseSync(join(directory, 'journal.db'))
    db.prepare('UPDATE records SET message_id = ?, key = ?, record = ? WHERE seq = 2').run(
      twice[1]?.message.id ?? '',
      twice[1]?.key ?? '',
      JSON.stringify({
        kind: 'message',
        captured_at: '2026-01-01T00:00:00.000Z',
        source: 'live',
        account: 'main',
        message: twice[1]?.message
      })
    )
    db.close()
    t.equal(erase(journal, [], [twice[0]?.message.id ?? '']), 2)
    t.notOk(onDisk(directory, 'MARKER-twice'))
    t.equal(journal.arrival('false_5215512345678:3@c.us_D'), 'told', 'and under any other address')
  }
)

t.test(
  'an own message under two addresses is erased under both only when they are known as one person',
  async (t) => {
    const lid = '118999881199@lid'
    const own = (chat: string, facts: Partial<NewRecord['message']> = {}): NewRecord => {
      const made = newRecord('D', { id: `true_${chat}_D`, chat_id: chat, from_me: true, ...facts })
      if (facts.phone === undefined) delete made.message.phone
      // The journal of an earlier release has both. This one takes them for two as it does with
      // copies of a list.
      return { ...made, isListCopy: true }
    }
    const cases = [
      { name: 'its record has the number', facts: { lid, phone: '+5215512345678' }, erased: 2 },
      {
        name: 'its record has the number of another person',
        facts: { lid, phone: '+5215500000000' },
        erased: 1
      },
      { name: 'nothing is known', facts: { lid }, erased: 1 }
    ]
    for (const { name, facts, erased } of cases) {
      for (const [from, to] of [
        [ana, lid],
        [lid, ana]
      ] as const) {
        t.test(`${name}; erased by the id in the chat ${from}`, async (t) => {
          const { journal, directory, reopen } = open(t)
          journal.append([own(ana, { phone: '+5215512345678' }), own(lid, { lid })], 'live')
          const db = new DatabaseSync(join(directory, 'journal.db'))
          const learnt = JSON.stringify({
            ...captured(journal.read(1, 1))[0],
            message: own(lid, facts).message
          })
          db.prepare('UPDATE records SET record = ? WHERE seq = 2').run(learnt)
          db.close()
          const later = reopen()
          t.equal(erase(later, [], [`true_${from}_D`]), erased)
          t.equal(later.append([own(to, to === lid ? facts : {})], 'backfill').length, 0)
          const isGone = (chat: string): boolean =>
            later.wasErasedOnRequest({
              seq: 1,
              kind: 'message',
              captured_at: '',
              source: 'live',
              account: 'main',
              message: own(chat).message
            })
          if (erased === 2) t.same([ana, lid].map(isGone), [true, true])
        })
      }
    }
  }
)
