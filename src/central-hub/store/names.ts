import { addEvents } from './events.ts'
import { addChanges } from './history.ts'
import { shownName, type LeadRow } from './leads.ts'
import { phoneKey } from './phone.ts'
import type { Db } from './schema.ts'

/** Names imported by number. */

export interface ImportedName {
  /** E.164. */
  phone: string
  name: string
}

export interface Imported {
  named: number
  kept: number
  unchanged: number
}

/** Gives a lead the imported name, below one that a person gave. @returns whether it is shown under another name now */
const nameLead = async (db: Db, lead: LeadRow, name: string, at: number): Promise<boolean> => {
  if (lead.imported_name === name) return false
  const [from, to] = [shownName(lead), shownName({ ...lead, imported_name: name })]
  const renamed = from !== to
  await db.updateTable('leads').set({ imported_name: name, ...(renamed ? { updated_at: at } : {}) }).where('id', '=', lead.id).execute()
  if (renamed) await addChanges(db, lead.id, [{ field: 'name', from, to }], at)
  return renamed
}

/** Takes a batch of names, inside a transaction of the caller's: for the leads of these numbers, and for whoever writes from them first. */
export const importNames = async (db: Db, names: readonly ImportedName[]): Promise<Imported> => {
  const byKey = new Map(names.map(({ phone, name }) => [phoneKey(phone), name]))
  if (byKey.size === 0) return { named: 0, kept: 0, unchanged: 0 }
  const keys = [...byKey.keys()]
  const known = new Map((await db.selectFrom('names').selectAll().where('phone_key', 'in', keys).execute()).map(({ phone_key, name }) => [phone_key, name]))
  const leads = Map.groupBy(await db.selectFrom('leads').selectAll().where('phone_key', 'in', keys).execute(), ({ phone_key }) => phone_key)
  const fresh = [...byKey].filter(([phone_key, name]) => known.get(phone_key) !== name).map(([phone_key, name]) => ({ phone_key, name }))
  if (fresh.length > 0) {
    await db.insertInto('names').values(fresh).onConflict((on) => on.column('phone_key').doUpdateSet(({ ref }) => ({ name: ref('excluded.name') }))).execute()
  }

  const at = Date.now()
  const renamed: number[] = []
  let [kept, unchanged] = [0, names.length - byKey.size]
  for (const [key, name] of byKey) {
    const before = renamed.length
    for (const lead of leads.get(key) ?? []) if (await nameLead(db, lead, name, at)) renamed.push(lead.id)
    if (renamed.length > before) continue
    if (leads.has(key) || known.get(key) === name) unchanged += 1
    else kept += 1
  }
  await addEvents(db, 'lead', renamed)
  return { named: renamed.length, kept, unchanged }
}
