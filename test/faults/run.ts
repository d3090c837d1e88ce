import { setTimeout as delay } from 'node:timers/promises'
import { thereFor, type Fault } from './faults.ts'
import type { Cell, Phase, Ran } from './result.ts'
import { startRig, type Rig, type RigOptions } from './rig.ts'
import { count } from '../lab/verdict.ts'

/**
 * One cell: a stack of its own, brought to a phase, hit by a fault, and looked at until all is well
 * again.
 */

const readyMs = 120_000
const recoverMs = 120_000
const rate = 50

/** READY, everything that was written in the hub, and the hub content. */
const whole = async (rig: Rig): Promise<boolean> => {
  if (!rig.operator.content()) return false
  // a hub that goes away just now is not whole
  const held = new Set(await rig.stored().catch(() => []))
  return [...rig.sent].every((id) => held.has(id))
}

const must = async (what: string, so: Promise<boolean>): Promise<void> => {
  if (!(await so)) throw new Error(`before the fault: ${what}`)
}

/** Linked and READY, and messages come through. */
const prepare = async (rig: Rig): Promise<void> => {
  await rig.start()
  await must(
    'no code was shown',
    rig.until(() => rig.web.shownQr() !== undefined, readyMs)
  )
  await rig.web.scan()
  await must(
    'not READY',
    rig.until(() => rig.operator.content(), readyMs)
  )
  await must(
    'nothing was read back',
    rig.until(async () => (await rig.status())?.backfill.complete_until !== undefined, readyMs)
  )
  await rig.write(10, 100)
  await must(
    'messages did not come through',
    rig.until(() => whole(rig), readyMs)
  )
}

interface Hit {
  at: number
  did: string
  end: (() => unknown) | undefined
}

const hit = async (fault: Fault, rig: Rig): Promise<Hit> => {
  const at = Date.now()
  const { did, end } = await fault.make(rig)
  return { at, did, end }
}

/** While the fault lasts, some write; then it ends. */
const last = async (fault: Fault, rig: Rig, { end }: Hit): Promise<void> => {
  const some = rig.write(10, 5, fault.silent)
  await delay(fault.holdMs ?? 0)
  await end?.()
  await some
}

/**
 * Brings the stack to the phase and makes the fault. @returns how it hit, and from when on recovery
 * counts
 */
const inPhase: Readonly<
  Record<Phase, (fault: Fault, rig: Rig) => Promise<Hit & { over: number }>>
> = {
  idle: async (fault, rig) => {
    const made = await hit(fault, rig)
    await last(fault, rig, made)
    return { ...made, over: fault.holdMs === undefined ? made.at : Date.now() }
  },
  load: async (fault, rig) => {
    const flow = rig.write(rate * (7 + (fault.holdMs ?? 0) / 1_000), rate)
    await delay(3_000)
    const made = await hit(fault, rig)
    await last(fault, rig, made)
    const over = fault.holdMs === undefined ? made.at : Date.now()
    await flow
    return { ...made, over }
  },
  start: async (fault, rig) => {
    await rig.stop()
    await rig.write(20, 100)
    rig.web.scenario.syncStepMs = 600
    const starting = fault.ofHub
      ? rig.sessionManager.start().then(() => void rig.hub.start())
      : Promise.resolve(void rig.start())
    await starting
    await must('there was nothing to hit', thereFor(fault, rig))
    const made = await hit(fault, rig)
    await last(fault, rig, made)
    return { ...made, over: fault.holdMs === undefined ? made.at : Date.now() }
  },
  stop: async (fault, rig) => {
    let made: Hit
    if (fault.ofHub) {
      const stopping = rig.hub.stop()
      made = await hit(fault, rig)
      await stopping
      await rig.sessionManager.stop()
    } else {
      if (!fault.proxied) await rig.hub.stop()
      const stopping = fault.proxied ? rig.stop() : rig.sessionManager.stop()
      made = await hit(fault, rig)
      await stopping
    }
    await last(fault, rig, made)
    const over = Date.now()
    await rig.start()
    return { ...made, over }
  },
  backfill: async (fault, rig) => {
    await rig.stop()
    rig.web.scenario.loadMs = 300
    // long ago by WhatsApp's time, and within what is read again
    for (const id of rig.web.phone.history({
      chats: 24,
      perChat: 20,
      from: Math.floor(Date.now() / 1_000) - 600
    }))
      rig.sent.add(id)
    void rig.start()
    const reading = rig.until(async () => {
      const now = await rig.status()
      return now?.status === 'READY' && now.backfill.running
    }, readyMs)
    await must('it did not read back', reading)
    const made = await hit(fault, rig)
    await last(fault, rig, made)
    return { ...made, over: fault.holdMs === undefined ? made.at : Date.now() }
  }
}

/**
 * What there was to see when messages do not come through: which are missing where, the session,
 * and both logs' last words.
 */
const state = async (rig: Rig): Promise<string> => {
  const [journal, stored] = [
    new Set(await rig.journal().catch(() => [])),
    new Set(await rig.stored().catch(() => []))
  ]
  const missing = [...rig.sent].filter((id) => !stored.has(id))
  const inJournal = missing.filter((id) => journal.has(id)).length
  const words = [rig.sessionManager, rig.hub].flatMap(({ lines, name }) =>
    lines.slice(-12).map(({ at, msg }) => `${new Date(at).toISOString()} ${name}: ${msg}`)
  )
  const of = `${missing.length} of ${rig.sent.size} messages are missing in the hub, ${inJournal} of these are in the journal`
  return [of, JSON.stringify(await rig.status()), ...words].join('\n')
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10

/** Runs a cell. @throws when the stack could not even be brought to the phase */
export const runCell = async (
  fault: Fault,
  phase: Phase,
  options: Omit<RigOptions, 'proxied' | 'env'>
): Promise<Cell> => {
  const why =
    fault.not?.[phase] ?? (fault.isolated && !options.isolated ? 'it needs root' : undefined)
  if (why !== undefined) return { fault: fault.name, phase, left: why }
  const began = Date.now()
  const rig = await startRig({
    ...options,
    proxied: fault.proxied === true,
    ...(fault.env ? { env: fault.env } : {})
  })
  try {
    await prepare(rig)
    const { at, did, over } = await inPhase[phase](fault, rig)
    await fault.person?.(rig)
    const recovered = await rig.until(() => whole(rig), recoverMs)
    const recoveredAt = Date.now()
    // that it is whole is seen by what is written now
    if (recovered) {
      await rig.write(5, 50)
      if (!(await rig.until(() => whole(rig), 60_000))) {
        throw new Error(
          `it had recovered, and then messages did not come through: ${await state(rig)}`
        )
      }
      await rig.until(
        () => new Set(rig.frontend.told.map(({ key }) => key)).size >= rig.sent.size,
        20_000
      )
    }
    const saw = rig.operator
      .sights(at)
      .filter(({ at_s }) => at_s * 1_000 <= recoveredAt - at + 1_000)
    const named = saw.find(({ words, where }) => fault.names.test(`${where} ${words}`))
    const result: Ran = {
      fault: fault.name,
      phase,
      did,
      held_s: seconds(fault.holdMs ?? 0),
      ...(fault.quiet ? { quiet: true } : {}),
      ...(named ? { named_s: named.at_s } : {}),
      ...(recovered ? { recover_s: seconds(recoveredAt - over) } : {}),
      journal: count(rig.sent, await rig.journal().catch(() => [])),
      hub: count(rig.sent, await rig.stored().catch(() => [])),
      sse: count(
        rig.sent,
        rig.frontend.told.map(({ key }) => key.slice(key.indexOf(' ') + 1))
      ),
      resets: rig.frontend.resets(),
      starts: { 'session-manager': rig.sessionManager.starts(), 'central-hub': rig.hub.starts() },
      saw: saw.slice(0, 30),
      outbound: rig.web.outbound().length,
      at: new Date(at).toISOString(),
      seconds: seconds(Date.now() - began)
    }
    return result
  } finally {
    await rig.close()
  }
}
