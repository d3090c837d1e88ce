import { Counter } from 'prom-client'
import t from 'tap'
import { lastWithOldNames } from '../../src/platform/metric-names.ts'
import { createMetrics } from '../../src/platform/metrics.ts'
import { lintMetrics, metricTypes, sample } from './lint-metrics.ts'

t.test(
  'requests are counted by method, route and status, beside the figures of the process',
  async (t) => {
    const metrics = createMetrics()
    metrics.request({ method: 'GET', route: '/status', status: 200 }, 0.003)
    metrics.request({ method: 'GET', route: '/status', status: 200 }, 0.3)
    metrics.request({ method: 'POST', route: '/connect', status: 401 }, 0.001)
    const text = await metrics.text()
    t.match(
      text,
      'http_request_duration_seconds_count{method="GET",route="/status",status="200"} 2'
    )
    t.match(
      text,
      'http_request_duration_seconds_bucket{le="0.005",method="GET",route="/status",status="200"} 1'
    )
    t.match(
      text,
      'http_request_duration_seconds_count{method="POST",route="/connect",status="401"} 1'
    )
    t.match(text, /process_resident_memory_bytes \d+/)
  }
)

t.test('two sets of metrics know nothing of each other', async (t) => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.request({ method: 'GET', route: '/a', status: 200 }, 1)
  t.notMatch(await other.text(), 'route="/a"')
})

t.test('open event streams are counted, and by reason those that were dropped', async (t) => {
  const metrics = createMetrics()
  for (let count = 0; count < 3; count += 1) metrics.streamOpened()
  metrics.streamClosed()
  metrics.streamClosed('stalled')
  const text = await metrics.text()
  t.match(text, /^sse_clients 1$/m)
  t.match(text, /^sse_dropped_total\{reason="stalled"\} 1$/m)
})

t.test(
  'each metric of ours begins with leadmaster_, and has its name of before, too',
  async (t) => {
    const metrics = createMetrics()
    metrics.request({ method: 'GET', route: '/leadmaster_sse_clients 1', status: 200 }, 0.003)
    new Counter({
      name: 'leadmaster_new_total',
      help: 'new in this release',
      registers: [metrics.registry]
    }).inc(3)
    const text = await metrics.text()
    t.same(lintMetrics(text), [])
    const names = [...metricTypes(text).keys()].filter((name) => !/^(process|nodejs)_/.test(name))
    t.same(
      names.filter((name) => !name.startsWith('leadmaster_')),
      ['http_request_duration_seconds', 'sse_clients', 'sse_dropped_total']
    )
    const lines = (name: string): string[] =>
      text.split('\n').filter((line) => line.startsWith(`${name}_`))
    t.same(
      lines('http_request_duration_seconds'),
      lines('leadmaster_http_request_duration_seconds').map((line) =>
        line.replace('leadmaster_', '')
      )
    )
    t.equal(sample(text, 'leadmaster_new_total'), 3)
    t.match(
      text,
      `# HELP sse_clients Deprecated, ends after release ${lastWithOldNames}: use leadmaster_sse_clients.`
    )
    t.match(text, /^# TYPE sse_clients gauge$/m)
  }
)

t.test('what is wrong with a text of metrics is found', async (t) => {
  for (const [text, wrong] of [
    ['# HELP a_total a\n# TYPE a_total gauge\na_total 1\n', /no counter/],
    ['# HELP a a\n# TYPE a counter\na 1\n', /does not end with _total/],
    ['# TYPE a gauge\na 1\n', /no HELP/],
    ['a 1\n', /neither HELP nor TYPE/],
    ['# HELP a_ms a\n# TYPE a_ms gauge\na_ms 1\n', /base unit/],
    ['# HELP a a\n# TYPE a gauge\na{x="1"} 1\na{x="1"} 2\n', /twice/],
    ['# HELP a a\n# TYPE a gauge\nb 1\n', /among the samples of a/],
    ['# HELP a a\n# TYPE a gauge\na x\n', /the value/],
    [
      '# HELP a a\n# TYPE a gauge\na 1\n# HELP b b\n# TYPE b gauge\nb 1\n# HELP a a\n# TYPE a gauge\n',
      /in two places/
    ],
    ['# HELP a a\n# TYPE a gauge\na 1', /line feed/],
    ['# HELP a a\n# TYPE a gauge\na{x=1} 1\n', /no sample/]
  ] as const)
    t.match(lintMetrics(text).join(), wrong, text)
})
