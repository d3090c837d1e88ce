import { pageContract, type Part } from '../../src/session-manager/whatsapp/page-contract.ts'
import { notCaptured } from '../end-to-end/all-works.ts'
import type { Session } from '../end-to-end/session.ts'
import type { Scenario } from './api.ts'

/**
 * What becomes of LeadMaster when WhatsApp Web renames something that it, or whatsapp-web.js,
 * reads: one name at a time, each on a page of its own. Either all works, or /status names what is
 * missing; anything else is a silent failure.
 */

export interface Rename {
  /** `WAWebCollections`, or `WAWebCollections.Msg.on`. */
  name: string
  part: Part | 'model'
  /**
   * `outside`: it is not to be had from window.require, as for a module that cannot be required;
   * the page's own code has it. `renamed`: the page's own code calls it otherwise, everywhere.
   */
  way: 'outside' | 'renamed'
}

export type Outcome = 'works' | 'named' | 'silent'
export interface Result extends Rename {
  outcome: Outcome
  /** What was not captured; what /status says. */
  detail: string
  seconds: number
}

/**
 * Words that JavaScript or the browser has, too: renamed everywhere, they break the page itself.
 */
const tooCommon = new Set(['on', 'off', 'get', 'state', 'ref', 'serialize'])

/** Members of models and collections that are read in the page, beside those of modules. */
const ofModels = ['getModelsArray', 'isNewMsg', 'mediaStage', 'downloadMedia', 'hasSynced']

export const renames = (): Rename[] => {
  const places = pageContract.flatMap(({ module, members, or = [], part }) => [
    { name: module, part },
    ...members.map((member) => ({ name: `${module}.${member}`, part })),
    ...or.map((name) => ({ name, part }))
  ])
  const unique = [...new Map(places.map((place) => [place.name, place])).values()]
  const last = (name: string): string => name.split('.').at(-1) as string
  return [
    ...unique.map((place): Rename => ({ ...place, way: 'outside' })),
    ...unique
      .filter(({ name }) => !tooCommon.has(last(name)))
      .map((place): Rename => ({ ...place, way: 'renamed' })),
    ...ofModels.map((name): Rename => ({ name, part: 'model', way: 'renamed' }))
  ]
}

const change = (scenario: Scenario, { name, way }: Rename): void => {
  const word = name.split('.').at(-1) as string
  if (way === 'outside') scenario.missing = [name]
  else scenario.renamed = { [word]: `${word}Moved` }
}
const restore = (scenario: Scenario): void => {
  scenario.missing = []
  scenario.renamed = {}
}

const pause = (ms: number): Promise<void> => new Promise((later) => setTimeout(later, ms))
/** Texts in which /status says what is wrong. */
const said = async (session: Session): Promise<string> => {
  const { status, reason = '', limited = '' } = await session.status()
  return status === 'READY' ? limited : `${status} ${reason}`
}
/** It names the module or the member, or what does not work by it. */
const isNamed = (text: string, { name }: Rename): boolean => {
  const [module = '', ...path] = name.split('.')
  return (
    text.includes(module) ||
    (path.length > 0 && text.includes(path.at(-1) as string)) ||
    /has changed: /.test(text)
  )
}

/**
 * Connects anew and says what became of it, within `ms`. What was missed meanwhile has to be read
 * back, too.
 */
const tryOut = async (
  session: Session,
  rename: Rename,
  ms: number
): Promise<Pick<Result, 'outcome' | 'detail'>> => {
  const { web } = session
  const end = Date.now() + ms
  const left = (most: number): number => Math.max(0, Math.min(most, end - Date.now()))
  const isReady = async (): Promise<boolean> => (await session.status()).status === 'READY'
  const named = async (): Promise<string | undefined> => {
    const text = await said(session)
    return isNamed(text, rename) ? text : undefined
  }

  await session.post('/disconnect')
  const missed = web.phone.text({ from: '+5215512345678', text: 'while nobody listened' })
  change(web.scenario, rename)
  await session.post('/connect')
  while (!(await isReady()) && left(ms) > 0) {
    const text = await named()
    if (text !== undefined) return { outcome: 'named', detail: text }
    await pause(200)
  }
  if (!(await isReady())) return { outcome: 'silent', detail: `not READY: ${await said(session)}` }
  const lacks = await notCaptured(session, left(12_000))
  const isRead = async (): Promise<boolean> =>
    (await session.records()).some(({ message }) => message.id === missed.id)
  for (const until = Date.now() + left(5_000); !(await isRead()) && Date.now() < until; )
    await pause(200)
  if (!(await isRead())) lacks.push('read-back')
  if (lacks.length === 0) return { outcome: 'works', detail: (await named()) ?? '' }
  for (; left(ms) > 0; await pause(500)) {
    const text = await named()
    if (text !== undefined)
      return { outcome: 'named', detail: `${text} (not captured: ${lacks.join(', ')})` }
  }
  return {
    outcome: 'silent',
    detail: `not captured: ${lacks.join(', ')}; /status: ${await said(session)}`
  }
}

/**
 * How a phone is linked while the name is another: codes are shown again after they ended, and one
 * of them links.
 */
const tryLinking = async (
  session: Session,
  rename: Rename,
  ms: number
): Promise<Pick<Result, 'outcome' | 'detail'>> => {
  const { web } = session
  const end = Date.now() + ms
  await session.post('/disconnect?logout=true')
  change(web.scenario, rename)
  Object.assign(web.scenario, { firstQrMs: 1_000, qrMs: 1_000, qrCodes: 1 })
  try {
    await session.post('/connect')
    let codes = 0
    for (; codes < 2 && Date.now() < end; await pause(100)) {
      const { status, limited = '' } = await session.status()
      const text = status === 'READY' ? '' : await said(session)
      if (isNamed(text, rename)) return { outcome: 'named', detail: text }
      if (isNamed(limited, rename)) return { outcome: 'named', detail: limited }
      const qr = await session.qr()
      // The second code was asked for.
      if (qr.status === 'QR_AVAILABLE') codes = qr.attempt
    }
    if (codes < 2) return { outcome: 'silent', detail: `${codes} codes; ${await said(session)}` }
    Object.assign(web.scenario, { firstQrMs: 60_000, qrMs: 20_000, qrCodes: 6 })
    web.rotate()
    await web.scan()
    while ((await session.status()).status !== 'READY' && Date.now() < end) await pause(200)
    const isReady = (await session.status()).status === 'READY'
    return isReady
      ? { outcome: 'works', detail: '' }
      : { outcome: 'silent', detail: await said(session) }
  } finally {
    Object.assign(web.scenario, { firstQrMs: 60_000, qrMs: 20_000, qrCodes: 6 })
  }
}

/** Makes sure that a device is linked and READY on a page as it is. */
const recover = async (session: Session): Promise<void> => {
  restore(session.web.scenario)
  if ((await session.status()).status === 'READY' && session.web.linkedDevices() > 0) return
  await session.post('/disconnect')
  await session.post('/connect')
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(200)) {
    const { status } = await session.status()
    if (status === 'READY') return
    // A page that is scanned already shows no code, though the session may not have heard of it
    // yet.
    if (status === 'QR_REQUIRED' && session.web.shownQr() !== undefined) await session.web.scan()
  }
  throw new Error('the session does not become READY on a page as it is')
}

/** Tries each on the one session. @param ms how long each may take to be named */
export const tryRenames = async (
  session: Session,
  all: readonly Rename[],
  ms: number,
  onResult: (result: Result) => void
): Promise<Result[]> => {
  const results: Result[] = []
  for (const rename of all) {
    const began = Date.now()
    const isLinking = rename.part === 'qr' || rename.part === 'pairing'
    const found = await (isLinking ? tryLinking : tryOut)(session, rename, ms).catch(
      (error: unknown) => ({
        outcome: 'silent' as const,
        detail: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
      })
    )
    const result: Result = {
      ...rename,
      ...found,
      seconds: Math.round((Date.now() - began) / 1_000)
    }
    results.push(result)
    onResult(result)
    await recover(session)
  }
  return results
}
