import { sql } from 'kysely'
import t from 'tap'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { listLeads, leadOrder, type LeadFilter } from '../../../src/central-hub/store/read/leads.ts'
import {
  listMessages,
  messageOrders,
  type MessageFilter
} from '../../../src/central-hub/store/read/messages.ts'
import { fromCursor, toCursor, type Position } from '../../../src/central-hub/store/read/page.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { record, testStore } from './open-store.ts'
import { isOnPostgres } from './place.ts'

/** A message of lead number `n`. */
const from = (n: number, id: string, facts: Partial<CapturedMessage> = {}): InboundRecord => {
  const digits = `52155${String(n).padStart(8, '0')}`
  return record(id, {
    id: `false_${digits}_${id}`,
    chat_id: `${digits}@c.us`,
    from: `${digits}@c.us`,
    phone: `+${digits}`,
    ...facts
  })
}

/** Ids of all leads that match, page by page. */
const search = async (db: Db, filter: LeadFilter, limit = 100): Promise<number[]> => {
  const ids: number[] = []
  for (let after: Position | undefined; ; ) {
    const { items, next } = await listLeads(db, filter, limit, after)
    ids.push(...items.map(({ id }) => id))
    if (next === undefined) return ids
    after = fromCursor(toCursor(next) ?? undefined, leadOrder(filter))
  }
}

t.test(
  'leads by name first, then by the latest of their messages that has the words',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      from(1, 'a', { name: 'Roja', body: 'nada' }),
      from(2, 'b', { body: 'la casa roja' }),
      from(3, 'c', { body: 'roja' }),
      from(2, 'd', { body: 'ROJA otra vez' }),
      from(1, 'e', { body: 'roja' }),
      from(4, 'f', { body: 'azul' })
    )
    t.same(await search(db, { q: 'roja' }), [1, 2, 3], 'each of them once')
    t.same(await search(db, { q: 'roja' }, 1), [1, 2, 3], 'page by page, too')
    t.same(await search(db, { q: 'roja casa' }), [2])
    t.same(await search(db, { q: 'roj' }), [1, 2, 3], 'the last word perhaps not to its end')
  }
)

t.test(
  'who gets a name between two pages is on one of them, and who got it before the first is on one only',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(...[1, 2, 3].map((n) => from(n, `${n}`, { body: 'roja' })))
    await patchLead(db, 1, { name: 'Roja' })
    await take(from(4, 'later', { body: '-' }))
    t.same(await search(db, { q: 'roja' }, 1), [1, 3, 2])
    const { items, next } = await listLeads(db, { q: 'roja' }, 1)
    t.same(
      items.map(({ id }) => id),
      [1]
    )
    await patchLead(db, 2, { name: 'Roja' })
    t.same(
      (await listLeads(db, { q: 'roja' }, 10, next)).items.map(({ id }) => id),
      [3, 2]
    )
  }
)

t.test('of those that pages before have given, those alone are left out', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(1, 'a', { name: 'Roja', body: 'roja' }),
    from(2, 'b', { body: 'roja' }),
    from(3, 'c', { body: 'roja' })
  )
  const { next } = await listLeads(db, { q: 'roja' }, 1)
  const after = async (...seen: number[]): Promise<number[]> =>
    (await listLeads(db, { q: 'roja', seen: new Set(seen) }, 10, next)).items.map(({ id }) => id)
  t.same([await after(1), await after(1, 3), await after()], [[3, 2], [2], [3, 2, 1]])
})

t.test('what only a name can have, and what nothing can', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(1, 'a', { name: 'Ana $$$', body: '$$$' }),
    from(2, 'b', { name: 'Luz $$$', body: '-' })
  )
  t.same(await search(db, { q: '$$$' }), [2, 1])
  t.same(await search(db, { q: '$$$' }, 1), [2, 1])
  t.equal(
    (await listLeads(db, { q: 'luz' }, 1)).next,
    undefined,
    'a page that is full, and the last one'
  )
  t.same(await search(db, { q: '!' }), [])
})

t.test('a page ends after very many matches, though it is not full', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(1, 'a', { body: 'hola' }),
    ...Array.from({ length: 4_550 }, (_, n) => from(2, `${n}`, { body: 'hola' }))
  )
  const { items, next } = await listLeads(db, { q: 'hola' }, 10)
  t.same(
    items.map(({ id }) => id),
    [2]
  )
  t.same(
    (await listLeads(db, { q: 'hola' }, 10, next)).items.map(({ id }) => id),
    [1]
  )
})

t.test('messages by words of which the last is not to its end, whatever it is', async (t) => {
  const { db, take } = await testStore(t)
  const many = Array.from({ length: 40 }, (_, n) => from(n, `m${n}`, { body: `folio${n} pagado` }))
  await take(
    ...many,
    from(1, 'a', { body: 'Precio y FACTURA' }),
    from(2, 'b', { body: 'facturación: precio' }),
    from(3, 'c', { body: 'precio, fáctico' }),
    from(4, 'd', { body: 'factura' }),
    from(5, 'e', { body: 'precio Ærø' })
  )
  const ids = async (q: string): Promise<string[]> =>
    (await listMessages(db, { q }, 100)).items
      .map(({ id }) => id.split('_').at(-1) as string)
      .sort()
  t.same(await ids('precio factu'), ['a', 'b'])
  t.same(await ids('precio FÁCT'), ['a', 'b', 'c'], 'accents and capitals do not count')
  t.same(await ids('factura precio'), ['a'], 'only the last one may go on')
  t.same(await ids('precio ær'), ['e'], 'a letter that is no letter of ours with an accent')
  t.equal((await ids('pagado folio')).length, 40, 'very many words that begin so')
  t.same(await ids('precio nada'), [])
  t.same(await ids('and precio'), [], 'no word is an operator')
})

t.test('leads by one or two letters of a name', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(1, 'a', { name: 'José Núñez', body: '-' }),
    from(2, 'b', { name: 'Ana Jo', body: '-' }),
    from(3, 'c', { name: 'Banjo', body: '-' })
  )
  t.same(await search(db, { q: 'jo' }), [2, 1], 'the beginning of a word')
  t.same(await search(db, { q: 'ñu' }), [1], 'accents do not count')
  t.same(await search(db, { q: 'j n' }), [1])
  t.same(await search(db, { q: 'njo' }), [3], 'three letters are found anywhere')
})

t.test(
  'leads by a number as it is dialled, though WhatsApp keeps an older prefix in it',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      from(12_345_678, 'a', { body: '-' }),
      from(2, 'b', { body: '-' }),
      record('c', {
        id: 'c',
        phone: '+5491187654321',
        chat_id: '5491187654321@c.us',
        from: '5491187654321@c.us',
        body: '-'
      })
    )
    for (const q of [
      '+52 55 1234 5678',
      '+52 1 55 1234 5678',
      '5512345678',
      '525512',
      '345678',
      '(55) 1234-5678'
    ])
      t.same(await search(db, { q }), [1], q)
    t.same(
      await search(db, { q: '011 15-8765-4321', country: 'AR' }),
      [3],
      'in the way of its country'
    )
    t.same(await search(db, { q: '12' }), [], 'two digits are too few')
  }
)

t.test('a name that was given or imported is found, and so is the one of WhatsApp', async (t) => {
  const { db, take } = await testStore(t)
  await take(from(1, 'a', { name: 'Anita', body: '-' }))
  await db.updateTable('leads').set({ given_name: 'Señora García' }).execute()
  for (const q of ['anita', 'garcia', 'anita garcia']) t.same(await search(db, { q }), [1], q)
  await db.updateTable('leads').set({ given_name: null }).execute()
  t.same(await search(db, { q: 'garcia' }), [])
})

t.test('with the other filters', async (t) => {
  const { db, take } = await testStore(t)
  await take(
    from(1, 'a', { name: 'Ana', body: 'hola' }),
    from(2, 'b', { name: 'Ana', body: 'hola' })
  )
  await db.updateTable('leads').set({ state: 'won' }).where('id', '=', 1).execute()
  for (const q of ['ana', 'hola']) t.same(await search(db, { q, states: ['won'] }), [1], q)
  t.same(await search(db, { q: 'hola', account: 'other' }), [])
})

t.test(
  'a word that very many messages have: every lead once, page by page, though new messages come in between',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      ...Array.from({ length: 3_000 }, (_, n) =>
        from(n % 700, `${n}`, { body: n % 3 === 0 ? 'hola' : 'hola, buenas' })
      )
    )
    const page = await listLeads(db, { q: 'hola' }, 200)
    await take(from(5, 'new', { body: 'hola' }), from(699, 'newer', { body: 'hola' }))
    const rest: number[] = []
    for (let { next } = page; next !== undefined; ) {
      const more = await listLeads(db, { q: 'hola' }, 200, next)
      rest.push(...more.items.map(({ id }) => id))
      next = more.next
    }
    const ids = [...page.items.map(({ id }) => id), ...rest]
    t.equal(ids.length, 700)
    t.equal(new Set(ids).size, 700)
  }
)

t.test(
  'of a common word the latest captured messages come first, all of them, page by page',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(
      ...Array.from({ length: 1_500 }, (_, n) =>
        from(n % 7, `${n}`, { body: 'hola', timestamp: 5_000 - n, from_me: n % 2 === 0 })
      )
    )
    const all = async (filter: MessageFilter): Promise<string[]> => {
      const ids: string[] = []
      for (let after: Position | undefined; ; ) {
        const { items, next } = await listMessages(db, filter, 200, after)
        ids.push(...items.map(({ id }) => id.split('_')[2] ?? ''))
        if (next === undefined) return ids
        after = fromCursor(toCursor(next) ?? undefined, ...messageOrders)
      }
    }
    t.same(
      await all({ q: 'hola' }),
      Array.from({ length: 1_500 }, (_, n) => `${1_499 - n}`)
    )
    t.equal((await all({ q: 'hola', fromMe: true })).length, 750)
    t.same(
      (await all({ q: 'hola', chatId: '5215500000003@c.us' })).slice(0, 2),
      ['3', '10'],
      'of one chat, by time'
    )
    await take(from(1, 'x', { body: 'holas' }))
    t.same(await all({ q: 'holas' }), ['x'])
  }
)

t.test(
  'a word that more than a thousand messages have is looked for as it is, on all pages of a search or on none',
  async (t) => {
    const { db, take } = await testStore(t)
    const many = (body: string, count: number): InboundRecord[] =>
      Array.from({ length: count }, (_, n) => from(n % 7, `${body}${n}`, { body }))
    await take(
      from(1, 'old', { body: 'holas gratis' }),
      ...many('hola', 1_001),
      ...many('gratis', 999),
      from(2, 'new', { body: 'holas' })
    )
    const count = async (
      q: string,
      between: () => Promise<void> = async () => undefined
    ): Promise<number> => {
      const pages = []
      for (let after: Position | undefined; ; await between()) {
        const { items, next } = await listMessages(db, { q }, 400, after)
        pages.push(items.length)
        if (next === undefined) return pages.reduce((sum, each) => sum + each, 0)
        after = fromCursor(toCursor(next) ?? undefined, ...messageOrders)
      }
    }
    t.equal(await count('hola'), 1_001, 'without the longer words that begin so')
    t.equal(await count('holas'), 2)
    await take(
      from(8, 'n8', { name: 'Hola', body: '-' }),
      from(9, 'n9', { name: 'Hola', body: '-' }),
      from(10, 'n10', { body: 'saluda holas' })
    )
    const leads = await search(db, { q: 'hola' })
    t.equal(leads.length, 9, 'of leads, too')
    t.same(await search(db, { q: 'hola' }, 1), leads, 'also after those found by name')
    await take(from(3, 'more', { body: 'gratisimo' }))
    t.equal(await count('grati'), 1_001, 'half a word is any that begins so')
    t.equal(await count('gratis'), 1_001, 'no more than a thousand')
    let taken = 0
    t.equal(
      await count('gratis', async () => take(from(4, `${(taken += 1)}`, { body: 'gratis' }))),
      1_001,
      'as it began, though there are more by now'
    )
    t.equal(await count('gratis'), 1_000 + taken, 'from now on as it is')
  }
)

// how PostgreSQL plans a statement depends on how much there is
if (!isOnPostgres())
  t.test('no list sorts or scans all there is', async (t) => {
    const { db, take } = await testStore(t)
    await take(...Array.from({ length: 20 }, (_, n) => from(n, `${n}`)))
    const plans = async (filter: string, order: string, table = 'leads'): Promise<string> =>
      (
        await sql<{
          detail: string
        }>`explain query plan select id from ${sql.table(table)} where ${sql.raw(filter)} order by ${sql.raw(order)} limit 50`.execute(
          db
        )
      ).rows
        .map(({ detail }) => detail)
        .join('; ')
    const recent = 'last_seen desc, id desc'
    const waiting = 'waiting_since, id'
    for (const [filter, order] of [
      ['true', recent],
      ["account = 'x'", recent],
      ["state in ('new')", recent],
      ["assignee = 'x'", recent],
      ['waiting_since is null', recent],
      ['waiting_since is not null', waiting],
      ["waiting_since is not null and account = 'x'", waiting],
      ["waiting_since is not null and state in ('new')", waiting],
      ["waiting_since is not null and assignee = 'x'", waiting]
    ] as const) {
      const plan = await plans(filter, order)
      t.match(plan, /USING (COVERING )?INDEX/, filter)
      t.notMatch(plan, /TEMP B-TREE/, filter)
    }
    for (const filter of [
      'true',
      "account = 'x'",
      'lead_id = 1',
      "chat_id = 'x'",
      'from_me = 1',
      "account = 'x' and chat_id = 'y'"
    ]) {
      const plan = await plans(filter, 'timestamp desc, pk desc', 'messages')
      t.match(plan, /USING (COVERING )?INDEX/, filter)
      t.notMatch(plan, /TEMP B-TREE/, filter)
    }
  })
