import { setImmediate as turn } from 'node:timers/promises'
import { StallWatch } from '../../../src/session-manager/session/stall-watch.ts'
import type { Arrival, Step } from '../../../src/session-manager/session/stall.ts'
import type { Shown } from '../../../src/session-manager/whatsapp/page.ts'
import { createDice } from '../../dice.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord } from '../journal/new-records.ts'

/**
 * An account, its page and its journal for as long as a test likes, on a clock that the test turns.
 */
export interface World {
  random: () => number
  /** ms since the beginning, by the clock that nobody sets. */
  now: () => number
  /** Sets the other clock forward or back, s. */
  setClock: (byS: number) => void
  /** Something happens later, ms. */
  after: (ms: number, happening: () => void) => void
  /** Somebody writes; told of after so long, unless the page is silent. @returns its id */
  write: (options?: {
    chat?: number
    toldAfterMs?: number
    journalAfterMs?: number
    isNotice?: boolean
    isHistory?: boolean
  }) => string
  /** What a ciphertext is before it is decrypted. */
  writeCiphertext: (decryptAfterMs: number) => void
  remove: (chat: number) => void
  erase: () => void
  reconnect: () => void
  /** session-manager was down for a while, and messages came before it listened again. */
  restart: (messages: number) => void
  /** The page goes silent until a step is taken; undefined: none helps. */
  stall: (cure: Step | undefined) => void
  /** Lets time go by, looking at the page every 5 s. */
  run: (ms: number) => Promise<void>
  steps: { step: Step | 'read-back'; at: number }[]
  lines: ReturnType<typeof logLines>
  /**
   * How long each message took to be in the journal, ms; those that are not there yet count from
   * when they came.
   */
  delays: () => number[]
  /** When the first message came that was not told of. */
  firstSilentAt: () => number | undefined
  /** What /status says is wrong. */
  wrong: () => string | undefined
}

interface Message extends Shown {
  at: number
}

const lookMs = 5_000
const backfillMs = 300_000
const attachMs: Record<Step, number> = { 're-inject': 300, reload: 8_000, restart: 15_000 }

export const createWorld = (seed: number): World => {
  const random = createDice(seed)
  const lines = logLines()
  const chats = new Map<number, Message[]>()
  const journal = new Map<string, { how: Arrival; at: number }>()
  const written = new Map<string, number>()
  const steps: World['steps'] = []
  /** What is to happen, the last first. */
  const queue: { at: number; happening: () => void }[] = []
  let [now, ahead, count, page, nextBackfill] = [0, 0, 0, 0, backfillMs]
  let isAttached = false
  /** What a look shows, until something changes. */
  let shown: Shown[] | undefined
  let isSilent = false
  let cure: Step | undefined
  let wrong: string | undefined
  let silentSince: number | undefined

  const serverTime = (): number => 1_800_000_000 + Math.floor(now / 1_000)
  const after = (ms: number, happening: () => void): void => {
    const at = now + ms
    let place = queue.length
    while (place > 0 && (queue[place - 1] as { at: number }).at <= at) place -= 1
    queue.splice(place, 0, { at, happening })
  }
  const keep = (id: string, how: Arrival): void => {
    if (!journal.has(id)) journal.set(id, { how, at: now })
  }
  const readBack = (): void => {
    for (const list of chats.values()) for (const { id } of list) keep(id, 'read back')
  }
  const attach = (how: Parameters<StallWatch['attached']>[0]): void => {
    isAttached = true
    watch.attached(how)
    after(2_000 * random(), readBack)
  }
  const newPage = (): void => {
    page += 1
    isAttached = false
    for (const list of chats.values()) for (const message of list) message.isNew = false
    shown = undefined
  }
  const take = (step: Step): void => {
    if (step !== 're-inject') newPage()
    const mine = page
    after(attachMs[step], () => {
      if (mine !== page) return
      if (step === cure) isSilent = false
      attach(step === 're-inject' ? 'same again' : 'new')
    })
  }
  const watch = new StallWatch({
    journal: { arrival: (id) => journal.get(id)?.how },
    readBack: () => after(200, readBack),
    takeStep: take,
    onReason: (reason) => (wrong = reason),
    onAction: (step) => steps.push({ step, at: now }),
    grace: { looks: 3, ms: 3 * lookMs },
    log: lines.log,
    now: () => now,
    wall: () => (serverTime() + ahead) * 1_000
  })
  const tellOf = (
    id: string,
    kind: 'message' | 'ciphertext',
    afterMs: number,
    journalAfterMs: number
  ): void => {
    const mine = page
    if (isSilent || !isAttached) return
    after(afterMs, () => {
      if (mine !== page) return
      const drafted = newRecord(id)
      watch.heard([{ ...drafted, kind, message: { ...drafted.message, id } }])
      after(journalAfterMs, () => keep(id, 'told'))
    })
  }
  const put = (chat: number, isNew: boolean, t = serverTime()): Message => {
    count += 1
    const message = { id: `m${count}`, t, isNew, at: now }
    const list = chats.get(chat) ?? []
    list.push(message)
    chats.set(chat, list.slice(-20))
    return message
  }
  const someChat = (): number => Math.floor(random() * 40)
  const newest = (): Shown[] =>
    (shown ??= [...chats.values()]
      .filter((list) => list.length > 0)
      .sort((a, b) => (b.at(-1) as Message).t - (a.at(-1) as Message).t)
      .slice(0, 5)
      .flatMap((list) => list.slice(-3).map(({ id, t, isNew }) => ({ id, t, isNew }))))

  attach('new')
  return {
    random,
    steps,
    lines,
    after,
    now: () => now,
    setClock: (byS) => (ahead += byS),
    write: ({
      chat = someChat(),
      toldAfterMs = 5 + random() * 300,
      journalAfterMs = 5,
      isNotice = false,
      isHistory = false
    } = {}) => {
      const { id } = put(
        chat,
        !isNotice && !isHistory,
        isHistory ? serverTime() - Math.floor(random() * 3_600) : undefined
      )
      if (!isNotice && !isHistory) written.set(id, now)
      if (isSilent && !isNotice && !isHistory) silentSince ??= now
      if (!isHistory) tellOf(id, 'message', toldAfterMs, journalAfterMs)
      return id
    },
    writeCiphertext: (decryptAfterMs) => {
      const message = put(someChat(), false)
      tellOf(message.id, 'ciphertext', 50, 5)
      const mine = page
      after(decryptAfterMs, () => {
        message.isNew = mine === page
        tellOf(message.id, 'message', 50, 5)
      })
    },
    remove: (chat) => void chats.get(chat)?.pop(),
    erase: () => {
      for (const kept of journal.values()) kept.how = 'told'
    },
    reconnect: () => attach('same'),
    restart: (messages) => {
      newPage()
      for (let index = 0; index < messages; index += 1) written.set(put(someChat(), true).id, now)
      after(3_000, () => attach('new'))
    },
    stall: (byStep) => {
      isSilent = true
      cure = byStep
    },
    run: async (ms) => {
      const end = now + ms
      for (let looks = 0; now < end; looks += 1) {
        const next = Math.min(end, now + lookMs)
        for (
          let first = queue.at(-1);
          first !== undefined && first.at <= next;
          first = queue.at(-1)
        ) {
          queue.pop()
          now = Math.max(now, first.at)
          first.happening()
          shown = undefined
        }
        now = next
        if (now >= nextBackfill) {
          nextBackfill += backfillMs
          if (isAttached) readBack()
        }
        if (isAttached) watch.look(newest())
        if (looks % 5_000 === 0) await turn()
      }
    },
    delays: () => [...written].map(([id, at]) => (journal.get(id)?.at ?? now) - at),
    firstSilentAt: () => silentSince,
    wrong: () => wrong
  }
}
