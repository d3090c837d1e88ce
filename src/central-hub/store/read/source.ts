import type { LeadSource } from '../../../contract/lead.ts'
import type { CapturedMessage } from '../../../contract/record.ts'

/** Where a lead came from first, as its row keeps it. */

/** The columns of a lead's first ad; `ad_at` in UNIX seconds. */
interface SourceColumns {
  ad: string | null
  ad_id: string | null
  ad_at: number | null
}

type AdFacts = Pick<LeadSource, 'title' | 'url' | 'id' | 'app'>

/**
 * The ad that led to a message; undefined when no ad did, or when the message is our own.
 */
export const sourceOf = ({
  ad,
  from_me,
  timestamp
}: Pick<CapturedMessage, 'ad' | 'from_me' | 'timestamp'>): SourceColumns | undefined => {
  if (ad === undefined || from_me) return undefined
  const { title = null, url = null, id = null, app = null } = ad
  return {
    ad: JSON.stringify({ title, url, id, app } satisfies AdFacts),
    ad_id: id,
    ad_at: timestamp
  }
}

/**
 * Whether the first was before the second. Within one second the texts decide, so that the order of
 * arrival does not.
 */
const isBefore = (a: SourceColumns, b: SourceColumns): boolean => {
  if (a.ad_at === null) return false
  if (b.ad_at === null || a.ad_at < b.ad_at) return true
  return a.ad_at === b.ad_at && (a.ad ?? '') < (b.ad ?? '')
}

/** The earlier of two. */
export const earlierSource = (a: SourceColumns, b: SourceColumns): SourceColumns => {
  const { ad, ad_id, ad_at } = isBefore(b, a) ? b : a
  return { ad, ad_id, ad_at }
}

/** As the API gives it. */
export const toSource = ({ ad, ad_at }: Pick<SourceColumns, 'ad' | 'ad_at'>): LeadSource | null =>
  ad === null || ad_at === null
    ? null
    : { kind: 'ad', ...(JSON.parse(ad) as AdFacts), at: new Date(ad_at * 1_000).toISOString() }
