import { setTimeout as delay } from 'node:timers/promises'
import type { Readiness } from '../../src/contract/lead.ts'
import type { Problem } from '../../src/contract/problem.ts'
import type { Status } from '../../src/contract/session.ts'
import { apiToken } from '../end-to-end/daemon.ts'
import type { Sight } from './result.ts'
import type { Unit } from './units.ts'

/**
 * Somebody who looks at the hub's two pages of state all the time, and reads both logs at warn and
 * above.
 */
export interface Operator {
  /** READY, by the hub, and the hub has nothing to complain of. */
  content(): boolean
  /** The session as the hub tells it, undefined when it cannot. */
  status(): Status | undefined
  /** What was to be seen from a time on (ms), in its order; each thing once. */
  sights(since: number): Sight[]
  stop(): Promise<void>
}

interface Seen {
  at: number
  where: Sight['where']
  words: string
}

const everyMs = 200

const get = async (url: string): Promise<{ body: unknown } | { failed: string }> => {
  try {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${apiToken}` },
      signal: AbortSignal.timeout(8_000)
    })
    return { body: await answer.json() }
  } catch (error) {
    const { cause } = error as Error
    return {
      failed:
        cause instanceof Error
          ? ((cause as NodeJS.ErrnoException).code ?? cause.message)
          : (error as Error).name
    }
  }
}

/** The words change by the second in these places. */
const steady = (words: string): string =>
  words.replace(/record \d+ of \d+ taken/, 'record N of N taken')

const statusInWords = (body: Status | Problem): string =>
  'journal' in body
    ? `${body.status}${body.reason === undefined ? '' : `: ${body.reason}`}${body.limited === undefined ? '' : ` (${body.limited})`}`
    : `${body.status} ${body.detail}`

const readyInWords = ({ ready, checks }: Readiness): string =>
  ready
    ? 'ready'
    : checks
        .filter(({ ok }) => !ok)
        .map(({ name, detail }) => `${name}: ${detail}`)
        .join('; ')

export const startOperator = (hubUrl: string, units: readonly Unit[]): Operator => {
  const seen: Seen[] = []
  const last = { status: '', ready: '' }
  let now: Status | undefined
  let over = false
  const note = (where: 'status' | 'ready', words: string): void => {
    if (words === last[where]) return
    last[where] = words
    seen.push({ at: Date.now(), where, words: steady(words) })
  }
  const watch = async (look: () => Promise<void>): Promise<void> => {
    while (!over) {
      await look()
      await delay(everyMs)
    }
  }
  const running = [
    watch(async () => {
      const answer = await get(`${hubUrl}/api/whatsapp/status`)
      if ('failed' in answer) now = undefined
      else now = 'journal' in (answer.body as object) ? (answer.body as Status) : undefined
      note(
        'status',
        'failed' in answer
          ? `the hub does not answer (${answer.failed})`
          : statusInWords(answer.body as Status)
      )
    }),
    watch(async () => {
      const answer = await get(`${hubUrl}/ready`)
      note(
        'ready',
        'failed' in answer
          ? `the hub does not answer (${answer.failed})`
          : readyInWords(answer.body as Readiness)
      )
    })
  ]
  const logged = (): Seen[] =>
    units.flatMap(({ name, lines, said }) => [
      ...lines
        .filter(({ level }) => ['warn', 'error', 'fatal'].includes(level))
        .map(
          ({ at, level, msg }): Seen => ({ at, where: `log ${name}`, words: `${level}: ${msg}` })
        ),
      ...said.map(({ at, words }): Seen => ({ at, where: 'systemd', words }))
    ])
  return {
    status: () => now,
    content: () => now?.status === 'READY' && last.ready === 'ready',
    sights: (since) => {
      const before = new Set<string>()
      return [...seen, ...logged()]
        .filter(({ at }) => at >= since)
        .sort((a, b) => a.at - b.at)
        .filter(
          ({ where, words }) => !before.has(`${where} ${words}`) && before.add(`${where} ${words}`)
        )
        .map(({ at, where, words }) => ({
          at_s: Math.round((at - since) / 10) / 100,
          where,
          words
        }))
    },
    stop: async () => {
      over = true
      await Promise.all(running)
    }
  }
}
