import type { Takeover } from './owners.ts'
import type { Count, Delivery, Told } from './verdict.ts'

/** What a run is given, and what it gives. */

export interface Options {
  directory: string
  /** At the least. */
  messages: number
  perSecond: number
  seed: number
  /** How often each fault that is over at once is made; those that last are made once. */
  times: number
  /** Between two faults, on average, ms. */
  pauseMs: number
  /** How long a host is cut off, and a NATS server is lost, ms. */
  cutMs: number
  lostMs: number
  /** How long delivery may take to catch up before the next fault comes all the same, ms. */
  recoverMs: number
  /** How long nothing may arrive at the end before what is missing counts as lost, ms. */
  patienceMs: number
  /** LEASE_TTL of the session-managers. */
  leaseTtl: string
  /** Until a process is started again, ms: RestartSec= of the units. */
  restartMs: number
  /** PROFILE_BACKUP_INTERVAL of the session-managers. */
  backupInterval: string
  /** The kinds of faults that are not made. */
  without: readonly string[]
}

/** A fault that was made, with its times in ms. */
export interface Ran {
  kind: string
  at: string
  from: number
  to: number
}

export interface Result {
  seed: number
  messages: number
  written_per_s: number
  seconds: number
  /** By the export of each hub. */
  held: Count[]
  told: Told[]
  /** By WhatsApp's own log of connections. */
  takeovers: Takeover[]
  /** When more than one browser process had an account's profile open. */
  browsers_at_once: string[]
  /** What any page tried to send. */
  outbound: string[]
  faults: ({ kind: string; at: string; seconds: number } & Delivery)[]
  starts: { name: string; starts: number }[]
}

const asItShould = ({ lost, twice, strange, out_of_order }: Count): boolean =>
  lost + twice + strange + out_of_order === 0

/** What is not as it should be, in words. */
export const wrong = ({ held, told, takeovers, browsers_at_once, outbound }: Result): string[] => [
  ...held
    .filter((count) => !asItShould(count))
    .map((count) => `a hub holds ${JSON.stringify(count)}`),
  ...told
    .filter((count) => !asItShould(count) || count.resets > 0)
    .map((count) => `a frontend was told ${JSON.stringify(count)}`),
  ...takeovers
    .filter(({ gap_s }) => gap_s <= 0)
    .map((takeover) => `two had an account open: ${JSON.stringify(takeover)}`),
  ...browsers_at_once.map((at) => `two browsers had an account open: ${at}`),
  ...outbound.map((name) => `a page tried to send: ${name}`)
]

const row = (cells: readonly (string | number)[], widths: readonly number[]): string =>
  cells
    .map((cell, index) =>
      typeof cell === 'number'
        ? String(cell).padStart(widths[index] ?? 0)
        : cell.padEnd(widths[index] ?? 0)
    )
    .join('  ')
    .trimEnd()

const table = (
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[]
): string => {
  const widths = head.map((title, index) =>
    Math.max(title.length, ...rows.map((cells) => String(cells[index]).length))
  )
  return [row(head, widths), ...rows.map((cells) => row(cells, widths))].join('\n')
}

const round = (seconds: number): number => Math.round(seconds * 10) / 10

/** The result as people read it. */
export const describe = (result: Result): string => {
  const counts = ({ held, lost, twice, strange, out_of_order }: Count): number[] => [
    held,
    lost,
    twice,
    strange,
    out_of_order
  ]
  return [
    `${result.messages} messages, ${result.written_per_s} a second, in ${result.seconds} s; --seed ${result.seed}`,
    table(
      ['', 'there', 'lost', 'twice', 'strange', 'out of order'],
      [
        ...result.held.map((count, index) => [`export of hub ${index + 1}`, ...counts(count)]),
        ...result.told.map((count) => [
          `frontend ${count.frontend} (${count.connections} connections)`,
          ...counts(count)
        ])
      ]
    ),
    table(
      ['fault', 'at', 'lasted s', 'silence s', 'latest s'],
      result.faults.map(({ kind, at, seconds, silence_s, delay_s }) => [
        kind,
        at,
        round(seconds),
        round(silence_s),
        round(delay_s)
      ])
    ),
    table(
      ['account', 'from', 'to', 'nobody had it for s'],
      result.takeovers.map(({ account, from, to, gap_s }) => [account, from, to, round(gap_s)])
    ),
    `started: ${result.starts.map(({ name, starts }) => `${name} ${starts}`).join(', ')}`
  ].join('\n\n')
}
