import { execFile } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { documents } from './documents.ts'
import { groupingOf, readAlertRules, readDashboardQueries, selectorsOf } from './prometheus.ts'

/**
 * deploy/prometheus by Prometheus' own promtool, and against what its README says. That its metrics
 * are there, test/end-to-end/prometheus.test.ts checks.
 */

const root = join(import.meta.dirname, '../..')
const directory = join(root, 'deploy/prometheus')
const unitTests = join(root, 'test/deploy/alerts.promtool.yml')
const rules = readAlertRules()

/** Where scripts/setup puts it; undefined: not there. */
const promtool = [
  join(root, 'node_modules/.cache/leadmaster/promtool'),
  ...(process.env['PATH'] ?? '').split(':').map((path) => join(path, 'promtool'))
].find((path) => existsSync(path))
const skip = promtool === undefined && 'promtool is not there: scripts/setup --test as root gets it'

const execute = promisify(execFile)
/** @returns what it says; rejects when it finds a fault */
const run = async (...args: string[]): Promise<string> =>
  (await execute(promtool ?? '', args)).stdout

t.test('promtool takes the alert rules', { skip }, async (t) => {
  t.match(
    await run('check', 'rules', '--lint=all', '--lint-fatal', join(directory, 'alerts.yml')),
    `SUCCESS: ${rules.length} rules found`
  )
})

t.test('each alert fires on what it is for, and on nothing else', { skip }, async (t) => {
  t.match(await run('test', 'rules', unitTests), 'SUCCESS')
})

t.test('each alert has a test in which it fires, and one in which all is well', async (t) => {
  const text = readFileSync(unitTests, 'utf8')
  const fired = [...text.matchAll(/- alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:\n +- /g)]
  const [, healthy = ''] = /- name: nothing fires while all is well\n([^]*?)\n\n/.exec(text) ?? []
  const silent = [...healthy.matchAll(/- \{ alertname: (\w+), eval_time: 6h \}/g)]

  const names = rules.map(({ name }) => name).sort()
  t.ok(names.length > 20)
  t.same(fired.map(([, name]) => name).sort(), names)
  t.same(silent.map(([, name]) => name).sort(), names)
})

t.test('promtool takes the scrape configuration, with its files in place', { skip }, async (t) => {
  const etc = t.testdir({})
  const configuration = readFileSync(join(directory, 'prometheus.yml'), 'utf8')
  const named = [...configuration.matchAll(/\/etc\/prometheus\/(\S+\.token)/g)]
  for (const [, name = ''] of named) writeFileSync(join(etc, name), 'a-token\n')
  writeFileSync(join(etc, 'leadmaster-alerts.yml'), readFileSync(join(directory, 'alerts.yml')))
  const file = join(etc, 'prometheus.yml')
  writeFileSync(file, configuration.replaceAll('/etc/prometheus', etc))

  const said = await run('check', 'config', file)

  t.equal(named.length, 2, 'each job has its token in a file')
  t.match(said, `${rules.length} rules found`, 'the rules are where the configuration names them')
  t.notMatch(configuration, /credentials: /)
})

t.test('promtool takes each query of the dashboard', { skip }, async (t) => {
  const queries = readDashboardQueries()
  const plain = (expr: string): string =>
    expr.replaceAll('$__rate_interval', '5m').replaceAll('$account', '.*')
  const recorded = queries.map(({ expr }, index) => ({
    record: `leadmaster:query${index}`,
    expr: plain(expr)
  }))
  const file = join(t.testdir({}), 'queries.yml')
  // JSON is YAML, too.
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules: recorded }] }))

  t.ok(queries.length > 30)
  t.notMatch(recorded.map(({ expr }) => expr).join('\n'), '$', 'no other variable')
  t.match(await run('check', 'rules', file), `SUCCESS: ${queries.length} rules found`)
})

t.test('each alert says how grave it is, what it means and where to read on', async (t) => {
  const readme = documents.get('deploy/prometheus/README.md') ?? ''
  for (const { name, text } of rules) {
    const [, severity = 'none'] = /severity: (.*)/.exec(text) ?? []
    t.match(severity, /^(critical|warning)$/, name)
    t.match(text, /^ {8}for: \d+[mh]$/m, name)
    for (const part of ['summary', 'description'])
      t.match(text, new RegExp(`^ {10}${part}: .*\\S`, 'm'), `${name}: ${part}`)
    const [, anchor = 'none'] =
      /runbook_url: file:\/\/\/opt\/leadmaster\/current\/deploy\/prometheus\/README\.md#(.*)/.exec(
        text
      ) ?? []
    const [, section = ''] =
      new RegExp(`^## ${anchor.replace('-', ' ')}\\n([^]*?)(?=^## )`, 'im').exec(readme) ?? []
    t.match(section, `\n| ${name} | ${severity} | `, `${name} is in its section, with its severity`)
  }
  const named = [...readme.matchAll(/^\| (LeadMaster\w+) \|/gm)].map(([, name]) => name)
  t.same(
    named,
    rules.map(({ name }) => name),
    'README has each once, in their order'
  )
})

t.test('the metrics and labels of an expression are found', async (t) => {
  const expr = 'max by (a) (rate(m_total{b="c", d=~"e.+"}[5m])) > 2 * 3600 and ignoring (f) up == 1'
  t.same(selectorsOf(expr), [
    {
      metric: 'm_total',
      matchers: [
        { label: 'b', operator: '=', value: 'c' },
        { label: 'd', operator: '=~', value: 'e.+' }
      ]
    },
    { metric: 'up', matchers: [] }
  ])
  t.same(groupingOf(expr), ['a', 'f'])
})
