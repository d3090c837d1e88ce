import type { ColumnType, Generated, Kysely } from 'kysely'
import type { LeadState } from '../../contract/lead.ts'
import type { InboundRecord } from '../../contract/record.ts'

/** The hub's tables. Times of WhatsApp are UNIX seconds, as it gives them; our own are ms. Truth values are 0 and 1. */
export interface Database {
  /** One row. */
  store: { id: string; works_from: string }
  cursors: { account: string; journal_id: string; seq: number }
  leads: LeadTable
  /** Leads that turned out to be one person with another: the old id goes on leading to it. */
  merged_leads: { old_id: number; lead_id: number }
  messages: MessageTable
  reactions: { account: string; message_id: string; sender: string; emoji: string; timestamp: number }
  votes: { account: string; message_id: string; voter: string; options: string; timestamp: number }
  events: { id: Generated<number>; type: 'message' | 'lead'; ref: number }
}

export interface LeadTable {
  id: ColumnType<number, number | undefined, never>
  account: string
  phone: string | null
  lid: string | null
  chat_id: string
  name: string | null
  state: LeadState
  note: string
  /** UNIX seconds. */
  first_seen: number
  last_seen: number
  waiting_since: number | null
}

export interface MessageTable {
  pk: ColumnType<number, number | undefined, never>
  account: string
  id: string
  lead_id: number | null
  chat_id: string
  seq: number
  /** ms. */
  captured_at: number
  source: InboundRecord['source']
  from_me: number
  /** 1 when a person wrote it, so that it can wait for an answer or be one. */
  personal: number
  type: string
  body: string
  /** UNIX seconds. */
  timestamp: number
  /** ms. */
  edited_at: number | null
  revoked_at: number | null
  revoked_by: 'sender' | 'me' | null
  decryption: 'pending' | 'failed' | null
  /** JSON. */
  media: string | null
  /** JSON: the rest of the captured message. */
  details: string
}

export type Db = Kysely<Database>
