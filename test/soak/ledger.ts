/** Every message that was written, by its id, and what was seen of it since. */

export interface Entry {
  /** What it was: a text, media, … */
  kind: string
  chat: string
  /** When it was written by the simulated clock, UNIX seconds. */
  t: number
  /** When it was written, ms. */
  at: number
  /** How many `message` records the journal gave of it, each with a place of its own. */
  records: number
  /** The journal gave a record that it could not be decrypted yet. */
  undecrypted: boolean
  /** The hub told of it. */
  told: boolean
  /** Its lead was deleted on purpose. */
  erased: boolean
}

export interface Ledger {
  all: ReadonlyMap<string, Entry>
  write(id: string, kind: string, chat: string, t: number): void
  recorded(id: string): void
  undecrypted(id: string): void
  told(id: string): void
  erase(chat: string): void
  /** How many are written, are in the journal, and were told of by the hub. */
  counts(): { written: number; recorded: number; told: number }
  /** Ids seen that nobody wrote. */
  strange: ReadonlySet<string>
  /** Whether all of a chat has come as far as the hub's events. */
  arrived(chat: string): boolean
}

export const createLedger = (): Ledger => {
  const all = new Map<string, Entry>()
  const byChat = new Map<string, Entry[]>()
  const strange = new Set<string>()
  const counts = { recorded: 0, told: 0 }
  return {
    all,
    strange,
    write: (id, kind, chat, t) => {
      const entry: Entry = {
        kind,
        chat,
        t,
        at: Date.now(),
        records: 0,
        undecrypted: false,
        told: false,
        erased: false
      }
      all.set(id, entry)
      // of most chats nobody asks
      if (chat.startsWith(leaver)) byChat.set(chat, [...(byChat.get(chat) ?? []), entry])
    },
    recorded: (id) => {
      const entry = all.get(id)
      if (entry === undefined) return void strange.add(id)
      if (entry.records === 0) counts.recorded += 1
      entry.records += 1
    },
    undecrypted: (id) => {
      const entry = all.get(id)
      if (entry === undefined) strange.add(id)
      else entry.undecrypted = true
    },
    told: (id) => {
      const entry = all.get(id)
      if (entry === undefined) return void strange.add(id)
      if (!entry.told) counts.told += 1
      entry.told = true
    },
    erase: (chat) => {
      for (const entry of byChat.get(chat) ?? []) entry.erased = true
      byChat.delete(chat)
    },
    counts: () => ({ written: all.size, ...counts }),
    arrived: (chat) => (byChat.get(chat) ?? []).every(({ records, told }) => records > 0 && told)
  }
}

/** Numbers of those who write a little, and are deleted. */
export const leaver = '5215570'
/** Each of them writes only while so many messages are written. */
const leaverMessages = 500
/** Who leaves next, by how many messages are written. */
export const leaverAt = (written: number): string =>
  `${leaver}${String(Math.floor(written / leaverMessages)).padStart(6, '0')}`
/** Whether one of them writes no more. */
export const hasLeft = (chat: string, written: number): boolean =>
  chat.startsWith(leaver) && chat < leaverAt(written)

export interface Verdict {
  written: number
  /** That the journal never gave. */
  lost_in_journal: number
  /** That have two places in it. */
  twice_in_journal: number
  /** That the hub never told of. */
  lost_in_events: number
  /** Not older than is kept, not deleted, and not in the hub at the end. */
  lost_in_hub: number
  twice_in_hub: number
  strange: number
  erased: number
  /** Erased, and in the hub nevertheless. */
  came_back: number
  /** Older than is kept, and gone. */
  retired: number
  such_as: string[]
}

/**
 * @param held ids that the hub holds at the end @param keptFrom what is written later must be among
 * them, UNIX seconds
 */
export const judge = (
  { all, strange }: Pick<Ledger, 'all' | 'strange'>,
  held: readonly string[],
  keptFrom: number
): Verdict => {
  const there = new Set(held)
  const verdict: Verdict = {
    written: all.size,
    lost_in_journal: 0,
    twice_in_journal: 0,
    lost_in_events: 0,
    lost_in_hub: 0,
    twice_in_hub: held.length - there.size,
    strange: new Set([...strange, ...held.filter((id) => !all.has(id))]).size,
    erased: 0,
    came_back: 0,
    retired: 0,
    such_as: []
  }
  for (const [id, { kind, t, at, records, undecrypted, told, erased }] of all) {
    const amiss = (
      what: 'lost_in_journal' | 'twice_in_journal' | 'lost_in_events' | 'lost_in_hub' | 'came_back'
    ): void => {
      verdict[what] += 1
      if (verdict[what] <= 20)
        verdict.such_as.push(
          `${what} ${new Date(at).toISOString()} ${kind} ${id}${undecrypted && records === 0 ? ', as one that cannot be decrypted' : ''}`
        )
    }
    if (records === 0) amiss('lost_in_journal')
    if (records > 1) amiss('twice_in_journal')
    if (!told) amiss('lost_in_events')
    if (erased) verdict.erased += 1
    if (erased && there.has(id)) amiss('came_back')
    if (erased || there.has(id)) continue
    if (t >= keptFrom) amiss('lost_in_hub')
    else verdict.retired += 1
  }
  return verdict
}
