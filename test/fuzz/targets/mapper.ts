import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { contentDisposition, contentType } from '../../../src/central-hub/api/media-headers.ts'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { Lead, Message } from '../../../src/contract/lead.ts'
import { JournalRecord } from '../../../src/contract/record.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import {
  ciphertextFailedRecords,
  editRecords,
  groupRecords,
  messageRecords,
  reactionRecords,
  revokeRecords,
  voteRecords
} from '../../../src/session-manager/whatsapp/new-records.ts'
import type { Mapping } from '../../../src/session-manager/whatsapp/message.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { bounded, must, same } from '../property.ts'
import { rawOf } from '../raw-of.ts'
import { ownDirectory, ownStore } from '../store.ts'

/**
 * From a raw model of WhatsApp Web's to what a frontend reads: drafts, the journal, the contract's
 * schema, the store. A record that one of them makes and the next refuses would stop the follower
 * for good.
 */

const mapping: Mapping = {
  media: { maxBytes: 1_000_000, types: ['image/*', 'audio/*'] },
  me: ['5215587654321@c.us'],
  keepRaw: true
}
const ways: ((raw: Raw, previous: string) => NewRecord[])[] = [
  (raw) => messageRecords(raw, mapping),
  (raw) => messageRecords(raw, mapping),
  (raw) => ciphertextFailedRecords(raw, mapping),
  (raw, previous) => editRecords(raw, previous, mapping),
  (raw) => revokeRecords(raw, 'sender', mapping),
  (raw) => revokeRecords(raw, 'me', mapping),
  (raw) => reactionRecords(raw, mapping),
  (raw) => voteRecords(raw, mapping),
  (raw) => groupRecords(raw, mapping)
]
/** After so many records all begins anew, so that an input's outcome depends on few others. */
const maxRecords = 400

interface Rig {
  journal: Journal
  db: Db
  take: (records: JournalRecord[]) => Promise<void>
  close: () => Promise<void>
}
let rig: Promise<Rig> | undefined

const makeRig = async (): Promise<Rig> => {
  const { directory, remove } = ownDirectory()
  const journal = openJournal(join(directory, 'journal.db'), 'main')
  const store = await ownStore()
  const { take } = createIngest({ db: store.db, onTaken: () => undefined })
  return {
    journal,
    db: store.db,
    take: (records) => take('main', 'j', records),
    close: async () => {
      journal.close()
      remove()
      await store.close()
    }
  }
}

const [isRecord, isMessage, isLead] = [Compile(JournalRecord), Compile(Message), Compile(Lead)]
const header = /^[\t\x20-\x7e\x80-\xff]*$/

/** What a frontend reads is as the contract says, and stays so when records are taken again. */
const look = async (db: Db, again: () => Promise<void>): Promise<void> => {
  const { items } = await listMessages(db, {}, 20)
  for (const message of items) {
    if (!isMessage.Check(message))
      throw new Error(`no message: ${JSON.stringify([isMessage.Errors(message), message])}`)
    if (message.media)
      must(
        header.test(contentType(message.media)) &&
          header.test(contentDisposition(message.media, false)),
        'no header',
        message.media
      )
  }
  const leads = (await listLeads(db, {}, 20)).items
  for (const lead of leads)
    if (!isLead.Check(lead))
      throw new Error(`no lead: ${JSON.stringify([isLead.Errors(lead), lead])}`)
  await again()
  must(
    isDeepStrictEqual((await listMessages(db, {}, 20)).items, items),
    'taken again, it is another',
    items
  )
  must(
    isDeepStrictEqual((await listLeads(db, {}, 20)).items, leads),
    'taken again, the leads are others',
    leads
  )
}

export const fuzz = (bytes: Buffer): Promise<void> =>
  bounded(async () => {
    const newRecords: NewRecord[] = []
    // several models of one input may tell of one message
    for (let at = 0; at < bytes.length && newRecords.length < 20; ) {
      const way = ways[(bytes[at] ?? 0) % ways.length]
      const { raw, read } = rawOf(bytes.subarray(at + 1))
      at += 1 + read
      const told = way?.(raw, 'before') ?? []
      same(Object.getPrototypeOf(raw), Object.prototype, 'a prototype')
      newRecords.push(...told)
    }
    const { journal, db, take, close } = await (rig ??= makeRig())
    const before = journal.lastSeq()
    journal.append(newRecords, 'live')
    const records = journal.read(before, 100)
    records.forEach((record, index) => {
      must(record.seq === before + 1 + index, 'a gap', record.seq)
      if (!isRecord.Check(record))
        throw new Error(`no record: ${JSON.stringify([isRecord.Errors(record), record])}`)
    })
    await take(records)
    // reading and taking again cost more than all else: every fourth input has it
    if (records.length > 0 && (bytes.at(-1) ?? 0) % 4 === 0) await look(db, () => take(records))
    if (journal.lastSeq() < maxRecords) return
    rig = undefined
    await close()
  })

/** For a test, which is to end. */
export const close = async (): Promise<void> => {
  await (await rig)?.close()
  rig = undefined
}
