import type { Trend } from './flat.ts'
import type { Soaked } from './soak.ts'

/** What a soak gives, in words, and what of it is wrong. */

export type Result = Omit<Soaked, 'samples' | 'last'> & { trends: Trend[]; samples: number }

export const wrong = ({
  verdict,
  ended,
  outages,
  trends,
  integrity,
  readers,
  missed,
  samples
}: Result): string[] => {
  const counted = [
    'lost_in_journal',
    'twice_in_journal',
    'lost_in_events',
    'lost_in_hub',
    'twice_in_hub',
    'strange',
    'came_back'
  ] as const
  return [
    ...counted.flatMap((name) =>
      verdict[name] === 0 ? [] : [`${verdict[name]} ${name.replaceAll('_', ' ')}`]
    ),
    ...ended.early,
    ...ended.outbound.map((name) => `the page was told to ${name}`),
    ...(['hub', 'session_manager'] as const).flatMap((name) =>
      ended[name] === 0 ? [] : [`${name} ended with ${ended[name]} when told to end`]
    ),
    ...outages.flatMap(({ kind, at, failed }) =>
      failed === undefined ? [] : [`${kind} at ${at}: ${failed.split('\n')[0]}`]
    ),
    ...trends.flatMap(({ name, per_day, bound, unit, flat }) =>
      flat ? [] : [`${name} grows by ${per_day} ${unit} a day, more than ${bound}`]
    ),
    ...Object.entries(integrity).flatMap(([name, said]) =>
      said === 'ok' ? [] : [`${name}: ${said}`]
    ),
    ...(readers.journal_gaps === 0
      ? []
      : [`${readers.journal_gaps} places of the journal were left out`]),
    ...(missed.length * 20 > samples ? [`${missed.length} samples could not be taken`] : [])
  ]
}

const counts = (of: Readonly<Record<string, number>>): string =>
  Object.entries(of)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')

export const describe = (result: Result): string => {
  const { minutes, settle_s, verdict, outages, trends, also, churn } = result
  const kinds = Object.entries(Object.groupBy(outages, ({ kind }) => kind)).map(
    ([kind, some = []]) => {
      const seconds = some.map((one) => one.seconds).sort((a, b) => a - b)
      return `${some.length} × ${kind} (median ${seconds[Math.floor(seconds.length / 2)]?.toFixed(1)} s, longest ${seconds.at(-1)?.toFixed(1)} s until READY)`
    }
  )
  const rows = trends.map(
    ({ name, unit, start, end, most, per_day, bound, flat }) =>
      `| ${name} | ${unit} | ${start} | ${end} | ${most} | ${per_day} | ${bound ?? 'by design'} | ${flat ? 'yes' : '**no**'} |`
  )
  return [
    `24 simulated hours in ${minutes} minutes; ${settle_s} s more until all had arrived`,
    `${verdict.written} messages, of these ${counts(also)}`,
    `users: ${counts(churn)}`,
    `session: ${kinds.join('; ')}`,
    `lost: ${verdict.lost_in_journal} in the journal, ${verdict.lost_in_hub} in the hub, ${verdict.lost_in_events} in its events; twice: ${verdict.twice_in_journal} and ${verdict.twice_in_hub}; retired: ${verdict.retired}; erased: ${verdict.erased}, of which came back: ${verdict.came_back}`,
    '',
    '| | | start | end | most | a day, from busy hours to as busy ones | at most | flat |',
    '|---|---|---|---|---|---|---|---|',
    ...rows
  ].join('\n')
}
