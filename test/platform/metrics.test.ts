import t from 'tap'
import { createMetrics } from '../../src/platform/metrics.ts'

t.test('requests are counted by method, route and status, beside the figures of the process', async (t) => {
  const metrics = createMetrics()
  metrics.request({ method: 'GET', route: '/status', status: 200 }, 0.003)
  metrics.request({ method: 'GET', route: '/status', status: 200 }, 0.3)
  metrics.request({ method: 'POST', route: '/connect', status: 401 }, 0.001)
  const text = await metrics.registry.metrics()
  t.match(text, 'http_request_duration_seconds_count{method="GET",route="/status",status="200"} 2')
  t.match(text, 'http_request_duration_seconds_bucket{le="0.005",method="GET",route="/status",status="200"} 1')
  t.match(text, 'http_request_duration_seconds_count{method="POST",route="/connect",status="401"} 1')
  t.match(text, /process_resident_memory_bytes \d+/)
})

t.test('two sets of metrics know nothing of each other', async (t) => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.request({ method: 'GET', route: '/a', status: 200 }, 1)
  t.notMatch(await other.registry.metrics(), 'route="/a"')
})

t.test('open event streams are counted, and by reason those that were dropped', async (t) => {
  const metrics = createMetrics()
  for (let count = 0; count < 3; count += 1) metrics.streamOpened()
  metrics.streamClosed()
  metrics.streamClosed('stalled')
  const text = await metrics.registry.metrics()
  t.match(text, /^sse_clients 1$/m)
  t.match(text, /^sse_dropped_total\{reason="stalled"\} 1$/m)
})
