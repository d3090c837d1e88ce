/**
 * What is wrong with a text of metrics: its form
 * (https://prometheus.io/docs/instrumenting/exposition_formats/), and what `promtool check metrics`
 * says of names and units.
 */

interface Family {
  help?: string
  type?: string
  samples: { name: string; labels: string }[]
}

const types = ['counter', 'gauge', 'histogram', 'summary', 'untyped']
/** What a sample's name may add to that of its metric. */
const suffixes: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count']
}
const otherUnits =
  /_(ms|milliseconds|minutes|hours|days|us|ns|kb|mb|kilobytes|megabytes|percent)(_|$)/

const sampleName = (line: string): { name: string; labels: string; value: string } | undefined => {
  const [, name, labels = '', value] =
    /^([a-zA-Z_][a-zA-Z0-9_]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$/.exec(
      line
    ) ?? []
  return name === undefined || value === undefined ? undefined : { name, labels, value }
}

const readFamilies = (text: string, problems: string[]): Map<string, Family> => {
  const families = new Map<string, Family>()
  let current: [string, Family] | undefined
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind !== undefined) {
      if (current?.[0] !== name) {
        if (families.has(name)) problems.push(`${name}: told of in two places`)
        current = [name, { samples: [] }]
        families.set(...current)
      }
      const key = kind === 'HELP' ? 'help' : 'type'
      if (current[1][key] !== undefined) problems.push(`${name}: two lines of ${kind}`)
      current[1][key] = rest
      continue
    }
    const sample = sampleName(line)
    if (sample === undefined) problems.push(`no sample: ${line}`)
    else if (current === undefined) problems.push(`${sample.name}: neither HELP nor TYPE before it`)
    else {
      const [name, { type = '' }] = current
      if (!(suffixes[type] ?? ['']).some((suffix) => sample.name === name + suffix))
        problems.push(`${sample.name}: among the samples of ${name}`)
      if (!/^([-+]?(\d|Inf)|NaN)/.test(sample.value))
        problems.push(`${sample.name}: the value ${sample.value}`)
      current[1].samples.push(sample)
    }
  }
  return families
}

const lintFamily = (name: string, { help, type = '', samples }: Family): string[] => {
  const problems: string[] = []
  const wrong = (isWrong: boolean, what: string): void =>
    void (isWrong && problems.push(`${name}: ${what}`))
  wrong(help === undefined || help.trim() === '', 'no HELP')
  wrong(!types.includes(type), `the type ${type || 'is missing'}`)
  wrong(
    type === 'counter' && !name.endsWith('_total'),
    'a counter whose name does not end with _total'
  )
  wrong(
    type !== 'counter' && name.endsWith('_total'),
    'a name that ends with _total, and no counter'
  )
  wrong(/[A-Z:]/.test(name), 'capitals or a colon in the name')
  wrong(otherUnits.test(name), 'a unit that is not a base unit')
  wrong(
    /_(count|sum|bucket)$/.test(name) && type !== 'histogram',
    'a name that ends as a sample of a histogram does'
  )
  wrong(/_(gauge|counter|histogram|summary)(_|$)/.test(name), 'its type in the name')
  wrong(
    /[{,]le=/.test(samples.map(({ labels }) => labels).join()) && type !== 'histogram',
    'the label le'
  )
  const keys = samples.map((sample) => sample.name + sample.labels)
  wrong(new Set(keys).size < keys.length, 'the same sample twice')
  return problems
}

/** prom-client's own, which keep the names that dashboards know them by. */
const legacy: ReadonlySet<string> = new Set([
  'nodejs_active_resources_total',
  'nodejs_active_handles_total',
  'nodejs_active_requests_total'
])

export const lintMetrics = (text: string): string[] => {
  const problems: string[] = []
  if (!text.endsWith('\n') || text.endsWith('\n\n'))
    problems.push('the text does not end with one line feed')
  for (const [name, family] of readFamilies(text, problems))
    if (!legacy.has(name)) problems.push(...lintFamily(name, family))
  return problems
}

/** Names of metrics in a text, with their types. */
export const metricTypes = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type])
  )

/** The value of a sample; NaN when there is none. */
export const sample = (text: string, name: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? NaN
  )
