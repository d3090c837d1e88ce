import { addEvents } from '../outbox/events.ts'
import { addChanges } from '../read/history.ts'
import { shownName, type LeadRow } from '../read/leads.ts'
import { phoneKey } from '../database/phone.ts'
import type { Db } from '../database/schema.ts'

/** Names imported by number. */

export interface ImportedName {
  /** E.164. */
  phone: string
  name: string
  /**
   * The file's encoding has no place for most letters of the world, so that `?` may stand for
   * others.
   */
  isNarrow?: boolean
}

interface Imported {
  /** Leads that have another name now. */
  named: number
  /** Names kept for numbers that have not written yet. */
  kept: number
  /** Names that changed nothing. */
  unchanged: number
}

/** A name as one line: a line break in it becomes a space. */
export const oneLine = (name: string): string =>
  name
    .split(/[\n\r\u2028\u2029]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ')

const narrow = new TextDecoder('windows-1252')
const narrowLetters = new Set(narrow.decode(Uint8Array.from({ length: 256 }, (_, byte) => byte)))

/** What a file in Windows-1252 may have for a letter, as a part of a regular expression. */
const narrowedLetter = (letter: string): string => {
  if (narrowLetters.has(letter)) return letter.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return letter.length > 1 ? '..?' : '.'
}

/**
 * Whether a name is what a file in Windows-1252 makes of the name shown: another character for each
 * that it lacks.
 */
const isNarrowed = (shown: string, name: string): boolean => {
  const shape = [...shown].map(narrowedLetter).join('')
  return new RegExp(`^${shape}$`, 'u').test(name)
}

/** Whether a lead is shown under this name already. */
const isShown = (shown: string | null, { name, isNarrow = false }: ImportedName): boolean => {
  if (shown === null) return false
  const line = oneLine(shown)
  return line === name || (isNarrow && isNarrowed(line, name))
}

/**
 * Gives a lead the imported name, below one that a person gave. @returns whether it is shown under
 * another name now
 */
const nameLead = async (
  db: Db,
  lead: LeadRow,
  imported: ImportedName,
  at: number
): Promise<boolean> => {
  const shown = shownName(lead)
  // Also a name of WhatsApp's own: it must go on following WhatsApp.
  if (lead.given_name !== null || isShown(shown, imported)) return false
  await db
    .updateTable('leads')
    .set({ imported_name: imported.name })
    .where('id', '=', lead.id)
    .execute()
  await addChanges(db, lead.id, [{ field: 'name', from: shown, to: imported.name }], at)
  return true
}

/** Of several names for one number, the last. */
export const lastNames = (names: readonly ImportedName[]): ImportedName[] => [
  ...new Map(names.map((imported) => [phoneKey(imported.phone), imported])).values()
]

/**
 * Takes a batch of names, inside a transaction of the caller: for the leads of these numbers, and
 * for people who write from these numbers later. A name that changes nothing is not kept.
 */
export const importNames = async (db: Db, names: readonly ImportedName[]): Promise<Imported> => {
  const byKey = new Map(names.map((imported) => [phoneKey(imported.phone), imported]))
  const result: Imported = { named: 0, kept: 0, unchanged: names.length - byKey.size }
  if (byKey.size === 0) return result
  const keys = [...byKey.keys()]
  const known = new Map(
    (await db.selectFrom('names').selectAll().where('phone_key', 'in', keys).execute()).map(
      ({ phone_key, name }) => [phone_key, name]
    )
  )
  const leads = Map.groupBy(
    await db.selectFrom('leads').selectAll().where('phone_key', 'in', keys).execute(),
    ({ phone_key }) => phone_key
  )

  const at = Date.now()
  const renamed: number[] = []
  const fresh: { phone_key: string; name: string }[] = []
  for (const [phone_key, imported] of byKey) {
    const before = renamed.length
    for (const lead of leads.get(phone_key) ?? [])
      if (await nameLead(db, lead, imported, at)) renamed.push(lead.id)
    const isNamed = renamed.length > before
    const isKept = !leads.has(phone_key) && !isShown(known.get(phone_key) ?? null, imported)
    if (isNamed || isKept) fresh.push({ phone_key, name: imported.name })
    if (isKept) result.kept += 1
    if (!isNamed && !isKept) result.unchanged += 1
  }
  if (fresh.length > 0) {
    await db
      .insertInto('names')
      .values(fresh)
      .onConflict((on) =>
        on.column('phone_key').doUpdateSet(({ ref }) => ({ name: ref('excluded.name') }))
      )
      .execute()
  }
  await addEvents(db, 'lead', renamed)
  return { ...result, named: renamed.length }
}
