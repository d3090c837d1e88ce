import { readFileSync, readdirSync } from 'node:fs'
import type { MessageKey, MessageModel } from './models.ts'

/**
 * The raw messages in fixtures/ as the phone sends them: keys and ids as they cross the wire, in no
 * era's form.
 */

const directory = new URL('fixtures/', import.meta.url)

export const fixtureNames = (): string[] =>
  readdirSync(directory)
    .flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []))
    .sort()

/** Rows of the page's tables; all others are messages. */
const rows: Record<string, 'reaction' | 'vote'> = {
  'reaction-table': 'reaction',
  'poll-vote-legacy': 'vote'
}

type Plain = Record<string, unknown>

const isKey = (value: Plain): boolean =>
  typeof value['id'] === 'string' && 'remote' in value && 'fromMe' in value
const isWid = (value: Plain): boolean =>
  typeof value['server'] === 'string' && typeof value['user'] === 'string'

/** Leaves out what belongs to one era: `$1` and `_serialized` of keys, and the form of ids. */
const neutral = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(neutral)
  if (typeof value !== 'object' || value === null) return value
  const plain = value as Plain
  if (isWid(plain))
    return `${String(plain['user'])}${plain['device'] ? `:${String(plain['device'])}` : ''}@${String(plain['server'])}`
  const names = isKey(plain)
    ? ['fromMe', 'remote', 'id', 'self', 'participant']
    : Object.keys(plain)
  return Object.fromEntries(
    names.flatMap((name) => (plain[name] === undefined ? [] : [[name, neutral(plain[name])]]))
  )
}

export interface Fixture {
  kind: 'message' | 'reaction' | 'vote'
  row: Plain & { id: MessageKey } & Partial<MessageModel>
}

/** @param name the file's, without its ending @throws when there is none */
export const readFixture = (name: string): Fixture => {
  const { raw } = JSON.parse(readFileSync(new URL(`${name}.json`, directory), 'utf8')) as {
    raw: Plain
  }
  const row = neutral(raw) as Plain
  const kind = rows[name] ?? 'message'
  if (name === 'poll-vote-legacy') {
    // What upsertVotesDb is given; the phone sends the message that it is made of.
    const { msgKey, parentMsgKey, sender, ...others } = row
    return {
      kind,
      row: {
        ...others,
        id: msgKey,
        pollUpdateParentKey: parentMsgKey,
        author: sender,
        from: sender,
        kind: 'pollVoteDecrypted'
      } as unknown as Fixture['row']
    }
  }
  return { kind, row: row as Fixture['row'] }
}
