import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createMetrics } from '../../src/platform/metrics.ts'
import { createCounters } from '../../src/session-manager/metrics.ts'
import { openJournal } from '../../src/session-manager/journal/journal.ts'
import {
  groupingOf,
  readAlertRules,
  readDashboardQueries,
  selectorsOf,
  type Selector
} from '../deploy/prometheus.ts'
import { natsServer } from '../nats/nats-server.ts'
import { logLines } from '../platform/log-lines.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import {
  apiToken,
  ask,
  centralHubEnv,
  freePort,
  sessionManagerEnv,
  startDaemon,
  token,
  type Daemon
} from './daemon.ts'

/** Every metric and label that deploy/prometheus names is one that the real daemons expose. */

type Labels = Map<string, Set<string>>
/** What Prometheus knows: the labels of each metric, with their values. */
type Exposed = Map<string, Labels>

const add = (
  exposed: Exposed,
  metric: string,
  labels: Iterable<readonly [string, string]>
): void => {
  const known = exposed.get(metric) ?? new Map<string, Set<string>>()
  exposed.set(metric, known)
  for (const [label, value] of labels) known.set(label, (known.get(label) ?? new Set()).add(value))
}

/** @param target the labels that prometheus.yml gives what is read there */
const addText = (exposed: Exposed, text: string, target: [string, string][]): void => {
  for (const [, metric = '', braces = ''] of text.matchAll(/^([a-zA-Z_]\w*)(\{.*\})? \S+$/gm)) {
    const own = [...braces.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    add(exposed, metric, [
      ...own.map(([, label = '', value = '']) => [label, value] as const),
      ...target
    ])
  }
}

/** The jobs of prometheus.yml with the labels of their targets. */
const readJobs = (): Map<string, [string, string][]> => {
  const text = readFileSync(
    new URL('../../deploy/prometheus/prometheus.yml', import.meta.url),
    'utf8'
  ).replaceAll(/^ *#.*\n/gm, '')
  return new Map(
    text
      .split(/^ {2}- job_name: /m)
      .slice(1)
      .map((job) => {
        const name = job.slice(0, job.indexOf('\n'))
        const [, target = ''] = /targets: \["(.*)"\]/.exec(job) ?? []
        const labels = [...job.matchAll(/^ {10}(\w+): (\w+)$/gm)]
        return [
          name,
          [
            ['job', name],
            ['instance', target],
            ...labels.map(([, label = '', value = '']): [string, string] => [label, value])
          ]
        ]
      })
  )
}

/** A journal with a message and its answer, both written and captured now. */
const fill = (stateDir: string): void => {
  mkdirSync(stateDir)
  const journal = openJournal(join(stateDir, 'journal.db'), 'main')
  const now = Math.floor(Date.now() / 1_000)
  const answer = {
    id: 'true_5215512345678@c.us_2',
    from: '5215587654321@c.us',
    to: '5215512345678@c.us',
    from_me: true,
    timestamp: now - 60
  }
  journal.append([newRecord('1', { timestamp: now - 120 }), newRecord('2', answer)], 'live')
  journal.close()
}

const read = async ({ url }: Daemon, bearer: string): Promise<string> =>
  (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${bearer}` } })).text()

/** Both daemons with all that adds metrics. @returns their texts, once the hub has the messages */
const readDaemons = async (t: Test): Promise<Record<string, string>> => {
  const directory = ownDirectory(t)
  const [stateDir, backups] = [join(directory, 'session-manager'), join(directory, 'backups')]
  fill(stateDir)
  mkdirSync(backups)
  const port = await freePort()
  const manager = startDaemon('session-manager', {
    ...sessionManagerEnv({ port, stateDir, chromiumPath: '/bin/true' }),
    NATS_URL: (await natsServer(t)).url,
    PROFILE_BACKUP: `file://${backups}`,
    PROFILE_BACKUP_KEY: 'a-key-for-tests-0123456789-abcdefghijk'
  })
  const hub = startDaemon('central-hub', {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: join(directory, 'hub'),
      sessionManager: manager.url
    }),
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8'
  })
  for (const daemon of [manager, hub]) {
    t.teardown(() => daemon.end('SIGKILL'))
    await daemon.seen('listening')
  }
  const { status } = await ask(`${hub.url}/api/webhooks`, apiToken, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: `http://127.0.0.1:${port}`, events: ['message.created'] })
  })
  t.equal(status, 201)
  let text = await read(hub, apiToken)
  for (const end = Date.now() + 30_000; !/^leadmaster_first_response_seconds_count/m.test(text); ) {
    if (Date.now() > end) throw new Error(`the hub has no answer:\n${text}`)
    text = await read(hub, apiToken)
  }
  // This request is counted once it is answered.
  await read(manager, token)
  return {
    'leadmaster-central-hub': text,
    'leadmaster-session-manager': await read(manager, token)
  }
}

/** What is counted only once a page or a client does something, by the code that counts it. */
const readRareCounters = async (): Promise<string> => {
  const { registry, streamOpened, streamClosed } = createMetrics()
  const { earDifferences, outbound } = createCounters(registry, logLines().log)
  streamOpened()
  streamClosed('slow')
  earDifferences.inc({ kind: 'message' })
  outbound.add([
    { tag: 'ack', type: 'none', isAllowed: true, count: 1 },
    { tag: 'message', type: 'text', isAllowed: false, count: 1 }
  ])
  return registry.metrics()
}

const rare = [
  'leadmaster_ear_differences_total',
  'leadmaster_outbound_allowed_total',
  'leadmaster_outbound_refused_total',
  'leadmaster_sse_dropped_total'
]

const readExposed = async (t: Test): Promise<Exposed> => {
  const exposed: Exposed = new Map()
  const [texts, jobs] = [await readDaemons(t), readJobs()]
  t.same([...jobs.keys()], Object.keys(texts))
  for (const [job, target] of jobs) {
    add(exposed, 'up', target)
    addText(exposed, texts[job] ?? '', target)
  }
  const manager = texts['leadmaster-session-manager'] ?? ''
  for (const metric of rare) t.match(manager, `# TYPE ${metric} counter`, `${metric} is exposed`)
  const counted = (await readRareCounters()).split('\n')
  const lines = counted.filter((line) => rare.some((metric) => line.startsWith(`${metric}{`)))
  addText(exposed, lines.join('\n'), jobs.get('leadmaster-session-manager') ?? [])
  return exposed
}

/** What is wrong with a selector: a metric or label that is not there, a value that none has. */
const faultsOf = (exposed: Exposed, { metric, matchers }: Selector): string[] => {
  const labels = exposed.get(metric)
  if (labels === undefined) return [`no metric ${metric}`]
  return matchers.flatMap(({ label, operator, value }) => {
    const values = labels.get(label)
    if (values === undefined) return [`${metric} has no label ${label}`]
    const isVariable = value.startsWith('$')
    if (isVariable || operator.startsWith('!')) return []
    const fits = operator === '=~' ? new RegExp(`^(?:${value})$`) : undefined
    const found = [...values].some((each) => fits?.test(each) ?? each === value)
    return found ? [] : [`${metric} has no ${label} ${value}, only ${[...values].join()}`]
  })
}

t.test('alerts and dashboard name metrics and labels that are there', async (t) => {
  const exposed = await readExposed(t)
  const asked = [
    ...readAlertRules().map(({ name, expr }) => ({ name, expr, legendFormat: '' })),
    ...readDashboardQueries().map(({ panel, ...query }) => ({ name: panel, ...query }))
  ]

  for (const { name, expr, legendFormat } of asked) {
    const selectors = selectorsOf(expr)
    t.ok(selectors.length > 0, `${name} asks for a metric`)
    t.same(
      selectors.flatMap((selector) => faultsOf(exposed, selector)),
      [],
      `${name}: ${expr}`
    )
    const known = selectors.flatMap(({ metric }) => [...(exposed.get(metric)?.keys() ?? [])])
    const legend = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
    for (const label of [...groupingOf(expr), ...legend])
      t.ok(known.includes(label), `${name}: ${label} is a label`)
  }
})

t.test('the dashboard shows every metric of LeadMaster', async (t) => {
  const shown = readDashboardQueries().flatMap(({ expr }) => selectorsOf(expr))
  const names = new Set(shown.map(({ metric }) => metric.replace(/_(bucket|sum|count)$/, '')))
  const handbook = readFileSync(new URL('../../deploy/systemd/README.md', import.meta.url), 'utf8')
  // A test of /metrics holds the handbook to the metrics.
  const all = [...handbook.matchAll(/^\| `(leadmaster_\w+)` \| (?:gauge|counter|histogram) \|/gm)]

  t.ok(all.length >= 30)
  t.same(
    all.map(([, name = '']) => name).filter((name) => !names.has(name)),
    []
  )
})
