import { readOtherPhones } from '../../../src/central-hub/store/read/identities.ts'
import { leadRow } from '../../../src/central-hub/store/read/leads.ts'
import { mergeDuplicates } from '../../../src/central-hub/store/write/merge-duplicates.ts'
import { mergeLeads } from '../../../src/central-hub/store/write/merge-lead.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { writeWaiting } from '../../../src/central-hub/store/write/waiting.ts'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import { record } from './open-store.ts'

/** Messages of some people, and the leads that they make. */

export const [ana, bea, carla] = ['10001000@lid', '20002000@lid', '30003000@lid']
export const [one, two, three, four] = [
  '+5215511111111',
  '+5215522222222',
  '+5215533333333',
  '+5215544444444'
]
const own = '5215587654321@c.us'
export const notice: Partial<CapturedMessage> = { type: 'notification_template', body: '' }

export interface Who {
  lid?: string | undefined
  phone?: string | undefined
}

/** A message of somebody, at this second. */
export const from = (
  at: number,
  { lid, phone }: Who,
  facts: Partial<CapturedMessage> = {},
  account = 'main'
): InboundRecord => {
  const chat = lid ?? `${phone?.slice(1)}@c.us`
  const { phone: _phone, ...bare } = record(`${at}`).message
  const message: CapturedMessage = {
    ...bare,
    id: `false_${chat}_${at}`,
    chat_id: chat,
    from: chat,
    timestamp: at
  }
  if (lid !== undefined) message.lid = lid
  if (phone !== undefined) message.phone = phone
  return { ...record(`${at}`), account, message: { ...message, ...facts } }
}
/** A message to somebody. */
export const to = (at: number, who: Who, facts: Partial<CapturedMessage> = {}): InboundRecord => {
  const { message, ...rest } = from(at, who)
  const id = message.id.replace('false', 'true')
  return {
    ...rest,
    message: { ...message, id, from_me: true, from: own, to: message.chat_id, ...facts }
  }
}
export const address = ({ lid, phone }: Who): string => lid ?? `${phone?.slice(1)}@c.us`
/** WhatsApp's notice that somebody has another number, or another LID. */
export const change = (at: number, before: Who, after: Who, chat: Who = before): InboundRecord =>
  from(at, chat, { ...notice, number_change: { from: address(before), to: address(after) } })

export interface Shown {
  lid: string | null
  phone: string | null
  others: string[]
  name: string | null
  messages: number[]
}

/** Leads in the order in which they were made, with the times of their messages. */
export const leads = async (db: Db): Promise<Shown[]> => {
  const rows = await db
    .selectFrom('leads')
    .select(['id', 'lid', 'phone', 'name'])
    .orderBy('id')
    .execute()
  const messages = await db
    .selectFrom('messages')
    .select(['lead_id', 'timestamp'])
    .orderBy('timestamp')
    .execute()
  const others = await readOtherPhones(
    db,
    rows.map(({ id }) => id)
  )
  return rows.map(({ id, ...row }) => ({
    ...row,
    others: others.get(id) ?? [],
    messages: messages.filter(({ lead_id }) => lead_id === id).map(({ timestamp }) => timestamp)
  }))
}

/** What a person does who merges two leads. */
export const merge = async (db: Db, id: number, otherId: number): Promise<void> => {
  const [kept, other] = [await leadRow(db, id), await leadRow(db, otherId)]
  if (kept === undefined || other === undefined) throw new Error('there are two leads')
  await mergeLeads(db, kept, other)
  await mergeDuplicates(db, id)
  await writeWaiting(db, id, { fresh: [], whole: true, albums: false })
}
