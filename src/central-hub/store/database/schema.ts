import type { ColumnType, Generated, Kysely } from 'kysely'
import type { Role } from '../../../contract/access.ts'
import type { AlarmRule } from '../../../contract/alarm.ts'
import type { Deletion, LeadChange, LeadState } from '../../../contract/lead.ts'
import type { InboundRecord } from '../../../contract/record.ts'
import type { Delivery, WebhookType } from '../../../contract/webhook.ts'

/**
 * The hub's tables. Times of WhatsApp are UNIX seconds, as it gives them; our own are ms. Truth
 * values are 0 and 1.
 */
export interface Database {
  /**
   * One row. `scrub_due`: not 0 when something was deleted of which bytes may be left in the file.
   * `catch_up_due`: messages of a release before are to be looked through, see catch-up.ts.
   * `certain_until`: ms, see platform/certain-time.ts. `delivering_ms`: for how long hubs have
   * delivered to webhooks, see webhooks/delivering-time.ts. `updated_until`: ms, see updated.ts.
   * `media_secret`: what URLs of media are signed with, see api/media-urls.ts.
   */
  store: {
    id: string
    works_from: string
    scrub_due: number
    catch_up_due: number
    certain_until: ColumnType<number, number | undefined>
    delivering_ms: ColumnType<number, number | undefined>
    updated_until: ColumnType<number, number | undefined>
    media_secret: ColumnType<string, string | undefined>
    /** JSON of contract/alarm.ts; null: they were not set. */
    business_hours: ColumnType<string | null, string | null | undefined>
  }
  /** `epoch`: drawn with each deletion, see cursors.ts. `erasures`: see erase-passed-on.ts. */
  cursors: {
    account: string
    journal_id: string
    seq: number
    epoch: ColumnType<number, number | undefined>
    erasures: ColumnType<string, string | undefined>
  }
  leads: LeadTable
  /** Leads that turned out to be one person with another: the old id goes on leading to it. */
  merged_leads: { old_id: number; lead_id: number }
  /**
   * Further numbers and LIDs of a lead, which a person merged into it: see identities.ts.
   * `phone_at` in UNIX seconds.
   */
  merged_identities: {
    id: Generated<number>
    account: string
    lead_id: number
    phone: string | null
    lid: string | null
    phone_at: number
    /** Worked out by the database: phoneKey in phone.ts. */
    phone_key: ColumnType<string | null, never, never>
  }
  /**
   * Numbers that somebody was seen with until `at` (UNIX seconds), and is not any more; `lid` is ''
   * where none was known.
   */
  former_phones: { account: string; phone: string; lid: string; lead_id: number; at: number }
  messages: MessageTable
  /**
   * `message_id` is as it was captured: the message may be kept under the other address of its
   * chat, see message-id.ts.
   */
  reactions: {
    account: string
    message_id: string
    sender: string
    emoji: string
    timestamp: number
    from_me: ColumnType<number, number | undefined>
    stanza: ColumnType<string, never, never>
  }
  votes: {
    account: string
    message_id: string
    voter: string
    options: string
    timestamp: number
    from_me: ColumnType<number, number | undefined>
    stanza: ColumnType<string, never, never>
  }
  /**
   * `ref` is messages.pk or leads.id; that of `lead_removed` is the id that is there no more.
   * `created` is 1 when the message or lead was new then.
   */
  events: {
    id: Generated<number>
    type: 'message' | 'lead' | 'lead_removed'
    ref: number
    created: ColumnType<number, number | undefined>
  }
  lead_tags: { lead_id: number; tag: string }
  /** `at` in ms. */
  lead_changes: {
    id: Generated<number>
    lead_id: number
    at: number
    field: LeadChange['field']
    from_value: string | null
    to_value: string | null
  }
  /** Imported names by number, for leads with that number that come later. */
  names: { phone_key: string; name: string }
  /** `at` in ms. */
  deletions: {
    id: Generated<number>
    at: number
    reason: Deletion['reason']
    request_id: string | null
    leads: number
    messages: number
    media_files: number
  }
  /** Answers to requests with an Idempotency-Key; `created_at` in ms. */
  idempotency: {
    key: string
    fingerprint: string
    status: number
    body: string
    created_at: number
  }
  /**
   * Messages of persons to and from leads, kept by triggers; `quarter` is the UNIX time in quarters
   * of an hour.
   */
  message_counts: { account: string; quarter: number; inbound: number; outbound: number }
  /** Each reply that ended a wait: when (UNIX seconds), and how long it had lasted. */
  answers: { reply_pk: number; account: string; answered_at: number; seconds: number }
  webhooks: WebhookTable
  /**
   * What webhooks are told, as it was when it happened; `message_id` is its `webhook-id`,
   * `created_at` in ms.
   */
  outbox: {
    id: Generated<number>
    message_id: string
    type: WebhookType
    lead_id: number | null
    message_pk: number | null
    body: string
    created_at: number
  }
  deliveries: DeliveryTable
  delivery_queues: DeliveryQueueTable
  /**
   * The status of each account's session that webhooks were notified of last. `down_since`: since
   * when it is not READY, ms; null: it is. `name`: what session-manager calls the account.
   */
  session_states: {
    account: string
    status: string
    down_since: ColumnType<number | null, number | null | undefined>
    name: ColumnType<string, string | undefined>
  }
  alarm_rules: AlarmRuleTable
  alarms: AlarmTable
  operators: OperatorTable
  operator_sessions: OperatorSessionTable
  api_keys: ApiKeyTable
  /** `at` in ms; `fields` is JSON; see contract/audit.ts. */
  audit: {
    id: Generated<number>
    at: number
    actor_kind: string
    actor_id: number | null
    actor_name: string | null
    operation: string
    refused: number
    subject_kind: string | null
    subject_id: string | null
    fields: string
    address: string
    request_id: string
  }
}

export interface LeadTable {
  id: ColumnType<number, number | undefined, never>
  account: string
  phone: string | null
  lid: string | null
  chat_id: string
  /** The one of WhatsApp. */
  name: string | null
  given_name: ColumnType<string | null, string | null | undefined>
  imported_name: ColumnType<string | null, string | null | undefined>
  state: LeadState
  note: string
  assignee: ColumnType<string | null, string | null | undefined>
  /** UNIX seconds. */
  first_seen: number
  last_seen: number
  waiting_since: number | null
  /** Of inbound messages since the latest reply; how many of these came after `read_until`. */
  unanswered_count: ColumnType<number, number | undefined>
  unread_count: ColumnType<number, number | undefined>
  /** While the latest thing that ended its wait is a mark of a person: when it was made, ms. */
  handled_at: ColumnType<number | null, number | null | undefined>
  /** The reminder that a person set, ms; null: none, or over. */
  remind_at: ColumnType<number | null, number | null | undefined>
  /** What asks and was written after it (UNIX seconds) ends the reminder. */
  remind_from: ColumnType<number, number | undefined>
  /** 1: the time of the reminder has come, and it is not over. */
  reminded: ColumnType<number, number | undefined>
  /** messages.pk of the latest that was read; below 0: a person marked the lead as unread. */
  read_until: ColumnType<number, number | undefined>
  /** messages.pk of the latest message of a person. */
  last_pk: ColumnType<number | null, number | null | undefined>
  /** ms; set by updated.ts, so that it never falls behind that of a lead that changed before. */
  updated_at: number
  /** When a person entered it, ms; null: it began with a message. */
  entered_at: ColumnType<number | null, number | null | undefined>
  /**
   * The latest events.id at the time when the texts by which the search finds it changed last, see
   * search.ts.
   */
  text_event: ColumnType<number, never, never>
  /** When a message told phone and LID together last, UNIX seconds; 0: no message did. */
  phone_at: ColumnType<number, number | undefined>
  /** Worked out by the database: what numbers are compared by, phoneKey in phone.ts. */
  phone_key: ColumnType<string | null, never, never>
  /**
   * The ad that the lead came from first, as JSON of source.ts; its id; when the message was
   * written, UNIX seconds.
   */
  ad: ColumnType<string | null, string | null | undefined>
  ad_id: ColumnType<string | null, string | null | undefined>
  ad_at: ColumnType<number | null, number | null | undefined>
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
  /** What the search finds it by, beside its text: see terms.ts. */
  terms: ColumnType<string, string | undefined>
  /**
   * What ended a wait at this message, see contract/waiting.ts: marked as handled, won or lost
   * (ms), a reaction of ours (1).
   */
  handled_at: ColumnType<number | null, number | null | undefined>
  closed_at: ColumnType<number | null, number | null | undefined>
  acknowledged: ColumnType<number, number | undefined>
  /** events.id of the last one there was when its text changed last, see search.ts. */
  text_event: ColumnType<number, never, never>
  /** Worked out by the database: stanzaOf of message-id.ts, and turnOf of contract/waiting.ts. */
  stanza: ColumnType<string, never, never>
  turn: ColumnType<number, never, never>
}

/** Times in ms. */
export interface WebhookTable {
  id: ColumnType<number, number | undefined, never>
  url: string
  description: string
  /** JSON. */
  events: string
  enabled: number
  secret: string
  /** Signs along until then. */
  old_secret: ColumnType<string | null, string | null | undefined>
  old_secret_until: ColumnType<number | null, number | null | undefined>
  created_at: number
  last_success_at: ColumnType<number | null, number | null | undefined>
  failing_since: ColumnType<number | null, number | null | undefined>
  /** Attempts that failed since the last one that did not. */
  failures: ColumnType<number, number | undefined>
  last_error: ColumnType<string | null, string | null | undefined>
}

/**
 * What of the outbox is on its way to a webhook, in the outbox's order within each queue. Times in
 * ms.
 */
interface DeliveryTable {
  webhook_id: number
  outbox_id: number
  state: Delivery['state']
  /**
   * Of those in one queue the next one goes when the one before it is settled. That of a lead is
   * `lead:` and its id.
   */
  queue: ColumnType<string, string | undefined>
  /** 1: goes before the others, in no queue, and is tried once. */
  ping: number
  attempts: ColumnType<number, number | undefined>
  /** null: as soon as its turn comes. */
  next_attempt_at: ColumnType<number | null, number | null | undefined>
  /** For the release before. */
  expires_at: number
  /**
   * An attempt that fails after this is the last one, by `delivering_ms` of the store; null: no
   * attempt failed since it was queued.
   */
  gives_up_at: ColumnType<number | null, number | null | undefined>
  /** When it was delivered or given up. */
  settled_at: ColumnType<number | null, number | null | undefined>
  last_status: ColumnType<number | null, number | null | undefined>
  last_error: ColumnType<string | null, string | null | undefined>
}

/** Queues in which something waits; triggers add them. */
interface DeliveryQueueTable {
  webhook_id: number
  queue: string
  /** When the first one in it is tried again after a failure, ms; 0: it has not failed. */
  due_at: number
  /** Queues that are due go in this order. */
  turn: number
  /** How often something was put in it. */
  changes: number
}

/** Times in ms. */
export interface OperatorTable {
  id: Generated<number>
  /** In lower case. */
  username: string
  name: string
  /** As passwords.ts writes it. */
  password_hash: string
  role: Role
  enabled: number
  created_at: number
  last_sign_in_at: ColumnType<number | null, number | null | undefined>
}

/** Times in ms. */
interface OperatorSessionTable {
  id: Generated<number>
  operator_id: number
  /** The SHA-256 of what the cookie holds. */
  secret_hash: string
  created_at: number
  last_used_at: number
  expires_at: number
  user_agent: string
}

/** Times in ms. */
export interface ApiKeyTable {
  id: Generated<number>
  name: string
  /** JSON. */
  scopes: string
  /** The SHA-256 of the key. */
  secret_hash: string
  /** What the key begins with. */
  prefix: string
  created_at: number
  last_used_at: ColumnType<number | null, number | null | undefined>
}

/** As contract/alarm.ts has it; lists are JSON, times ms. */
export interface AlarmRuleTable {
  id: Generated<number>
  name: string
  event: AlarmRule['event']
  enabled: number
  steps: string
  during: AlarmRule['during']
  accounts: string
  states: string
  tags: string
  assignees: string
  created_at: number
}

/** As contract/alarm.ts has it; times in ms. Either `lead_id` or `account` is null. */
export interface AlarmTable {
  id: Generated<number>
  rule_id: number
  event: AlarmRule['event']
  step: number
  after_minutes: number
  lead_id: number | null
  account: string | null
  since: number
  raised_at: number
  acknowledged_at: ColumnType<number | null, number | null | undefined>
  acknowledged_by: ColumnType<string | null, string | null | undefined>
  over_at: ColumnType<number | null, number | null | undefined>
}

export type Db = Kysely<Database>
