import type { Test } from 'tap'
import { openLead, see, signIn, type Open } from './page.ts'
import { from, startRig, type Rig } from './rig.ts'
import type { Page } from 'playwright-core'

export const ana = '5215511111111'

/** The page of one who has signed in and opened the conversation with Ana, who said hello. */
export const withAna = async (t: Test, open: Open): Promise<Rig & { page: Page }> => {
  const rig = await startRig(t)
  rig.upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
  const page = await open(rig.url)
  await signIn(page)
  await openLead(page, 'Ana')
  await see(page, 'hello', '.message .body')
  return { ...rig, page }
}
