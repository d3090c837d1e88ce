import type { Stats } from '../../../contract/lead.ts'
import type { Db } from '../database/schema.ts'
import { toSource } from './source.ts'

/** How many leads each ad led here. */

const maxAds = 50

/**
 * Those that led most leads here, of the leads that an ad led here first from `since` to before
 * `until`, UNIX seconds.
 */
export const countAds = async (
  db: Db,
  since: number,
  until: number,
  account?: string
): Promise<Stats['ads']> => {
  let query = db.selectFrom('leads').where('ad_at', '>=', since).where('ad_at', '<', until)
  if (account !== undefined) query = query.where('account', '=', account)
  const rows = await query
    .select(({ fn }) => ['ad', fn.countAll<number>().as('leads'), fn.max('ad_at').as('ad_at')])
    .groupBy('ad')
    .execute()
  const counted = new Map<string, Stats['ads'][number] & { at: number }>()
  for (const { ad, ad_at, leads } of rows) {
    const { id = null, title = null, url = null, app = null } = toSource({ ad, ad_at }) ?? {}
    const key = id ?? `${title ?? ''} ${url ?? ''}`
    const known = counted.get(key)
    const at = ad_at ?? 0
    // the words of an ad may have been changed: the latest are shown
    const shown = known === undefined || at >= known.at ? { id, title, app, at } : known
    counted.set(key, { ...shown, leads: leads + (known?.leads ?? 0) })
  }
  return [...counted.values()]
    .sort((a, b) => b.leads - a.leads || b.at - a.at)
    .slice(0, maxAds)
    .map(({ id, title, app, leads }) => ({ id, title, app, leads }))
}
