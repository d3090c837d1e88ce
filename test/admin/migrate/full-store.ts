import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { watchOnce } from '../../../src/central-hub/alarms/watch.ts'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import {
  alwaysOpen,
  createRule,
  writeBusinessHours
} from '../../../src/central-hub/store/write/alarm-rules.ts'
import { patchLead, readLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { addDeletion } from '../../../src/central-hub/store/write/deletions.ts'
import {
  nextDelivery,
  settleDelivered,
  settleFailed
} from '../../../src/central-hub/store/outbox/deliveries.ts'
import { eraseLead, erasureOf } from '../../../src/central-hub/store/write/erase.ts'
import { keepAnswer } from '../../../src/central-hub/store/write/idempotency.ts'
import { leadRow } from '../../../src/central-hub/store/read/leads.ts'
import { mergeLeads } from '../../../src/central-hub/store/write/merge-lead.ts'
import { importNames } from '../../../src/central-hub/store/write/names.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { addSessionEvent } from '../../../src/central-hub/store/outbox/outbox.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import {
  createWebhook,
  deleteWebhook,
  rotateSecret
} from '../../../src/central-hub/store/outbox/webhooks.ts'
import { addAuditEntry } from '../../../src/central-hub/store/team/audit.ts'
import { createKey } from '../../../src/central-hub/store/team/keys.ts'
import { createOperator, deleteOperator } from '../../../src/central-hub/store/team/operators.ts'
import { beginSession } from '../../../src/central-hub/store/team/sessions.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { draftOf } from '../../bench/fill.ts'
import { record } from '../../central-hub/store/open-store.ts'

/** A store in a file, made by the hub's own functions, with something in each of its tables. */

/**
 * What is hard to carry: every kind of quote and escape, what is no letter, more than UTF-16 has in
 * one unit, the character NUL.
 */
export const oddText = `a\tb\r\n"c" 'd' \\N \\. {e,"f"} , NULL 😀 e\u0301 \u2028 \ufffd \u0001 \u0000 end`

const changeLeads = async (db: Db): Promise<void> => {
  await db.transaction().execute(async (trx) => {
    await patchLead(trx, 1, {
      state: 'won',
      note: oddText,
      assignee: 'Ana',
      name: 'Añasco "Ñ"',
      tags: ['VIP', 'á', 'a b']
    })
    await patchLead(trx, 2, { tags: ['VIP'] })
    await readLead(trx, 3)
    await importNames(trx, [
      { phone: '+5215500000003', name: 'Imported' },
      { phone: '+12025550100', name: 'Not yet' }
    ])
    const [kept, other] = [await leadRow(trx, 4), await leadRow(trx, 5)]
    if (kept && other) await mergeLeads(trx, kept, other)
    await keepAnswer(trx, 'key-1', {
      fingerprint: 'f',
      status: 200,
      body: JSON.stringify({ text: oddText })
    })
  })
  const erasure = await erasureOf(db, 6)
  if (erasure)
    await eraseLead(db, erasure.lead, (trx, messages) =>
      addDeletion(trx, { reason: 'request', request_id: 'r1', leads: 1, messages, media_files: 0 })
    )
}

const tellAll = async (db: Db): Promise<void> => {
  const [all, gone] = [
    await createWebhook(db, {
      url: 'https://crm.example.com/',
      events: ['message.created', 'lead.updated', 'session.changed']
    }),
    await createWebhook(db, { url: 'https://x.example.com/', events: ['message.created'] })
  ]
  await rotateSecret(db, all?.id ?? 0)
  await deleteWebhook(db, gone?.id ?? 0)
  const { problem } = new ProblemError('session-manager-unreachable')
  await addSessionEvent(db, '', problem)
}

const raiseAlarms = async (db: Db): Promise<void> => {
  await createRule(db, {
    name: oddText,
    event: 'lead.waiting',
    steps: [{ after_minutes: 15 }],
    tags: [oddText]
  })
  await createRule(db, { name: 'all', event: 'lead.waiting', steps: [{ after_minutes: 15 }] })
  await writeBusinessHours(db, { ...alwaysOpen, time_zone: 'America/Bogota' })
  await watchOnce(db, Date.now())
}

const deliverSome = async (db: Db): Promise<void> => {
  const next = async () => nextDelivery(db, 1, Date.now())
  const first = await next()
  if (first) await settleDelivered(db, first, { at: Date.now(), status: 200 })
  const second = await next()
  if (second)
    await settleFailed(
      db,
      second,
      { at: Date.now(), status: 500, error: 'HTTP 500' },
      { retryAt: Date.now() + 60_000 }
    )
}

const addTeam = async (db: Db): Promise<void> => {
  const passwordHash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA'
  const [role, enabled] = ['admin' as const, true]
  for (const username of ['ana', 'gone', 'luisa'])
    await createOperator(db, { username, name: oddText, passwordHash, role, enabled })
  await deleteOperator(db, 2)
  await beginSession(db, { operatorId: 1, passwordHash, userAgent: oddText })
  await createKey(db, { name: oddText, scopes: ['leads.read', 'events'] })
  await addAuditEntry(db, {
    actor: { kind: 'operator', id: 1, name: oddText },
    operation: 'patchLead',
    refused: false,
    subject: { kind: 'lead', id: '1' },
    fields: ['note'],
    address: '::1',
    request_id: 'x'
  })
}

/**
 * Fills a directory that is not there yet with so many messages of so many leads; the hub that did
 * it is closed again.
 */
export const fillEverything = async (
  directory: string,
  messages = 3_000,
  leads = 40
): Promise<void> => {
  const store = await openStore(directory)
  const { db } = store
  try {
    const ingest = createIngest({ db, onTaken: () => undefined })
    const all = Array.from({ length: messages }, (_, at) => ({
      ...record('', {}),
      message: draftOf(at, leads).message
    }))
    for (let at = 0; at < messages; at += 500)
      await ingest.take('main', 'j', all.slice(at, at + 500))
    await tellAll(db)
    const id = all[0]?.message.id ?? ''
    await ingest.take('main', 'j', [
      record('odd', {
        body: oddText,
        phone: '+5215500000001',
        chat_id: '5215500000001@c.us',
        name: oddText
      }),
      record('group', {
        chat_id: '1203@g.us',
        author: '5215500000001@c.us',
        type: 'image',
        has_media: true,
        media: { state: 'pending' }
      }),
      record('r', { reaction: { message_id: id, emoji: '❤', sender: 'x@c.us' } }, 'reaction'),
      record('v', { vote: { message_id: id, options: ['red', oddText] } }, 'vote'),
      record('late', { type: 'ciphertext', body: '' }, 'ciphertext')
    ])
    await ingest.take('sales', 'k', [
      {
        ...record('other', { phone: '+525599999999', lid: '1@lid', timestamp: 1_000 }),
        account: 'sales'
      },
      {
        ...record('recycled', { phone: '+525599999999', lid: '2@lid', timestamp: 2_000 }),
        account: 'sales'
      }
    ])
    await changeLeads(db)
    await deliverSome(db)
    await addTeam(db)
    await raiseAlarms(db)
  } finally {
    await store.close()
  }
}

/** How many rows each table has; what SQLite and Kysely keep for themselves apart. */
export const rowsOf = (directory: string): Record<string, number> => {
  const db = new DatabaseSync(join(directory, 'hub.db'))
  try {
    const tables = db
      .prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT GLOB 'sqlite_*' AND name NOT GLOB 'kysely_*'"
      )
      .all()
    return Object.fromEntries(
      tables.map(({ name }) => [
        name,
        Number(db.prepare(`SELECT count(*) AS n FROM ${name}`).get()?.['n'])
      ])
    )
  } finally {
    db.close()
  }
}
