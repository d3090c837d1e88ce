import { Registry } from 'prom-client'
import t from 'tap'
import { OutboundCounts } from '../../../src/session-manager/session/outbound.ts'
import { logLines } from '../../platform/log-lines.ts'

const rig = (): {
  registry: Registry
  counts: OutboundCounts
  logged: ReturnType<typeof logLines>
} => {
  const registry = new Registry()
  const logged = logLines()
  return { registry, logged, counts: new OutboundCounts(registry, logged.log) }
}

t.test('what was allowed and refused is counted by tag and type', async (t) => {
  const { registry, counts, logged } = rig()
  counts.add([
    { tag: 'ack', type: 'none', isAllowed: true, count: 5 },
    { tag: 'presence', type: 'available', isAllowed: false, count: 2 }
  ])
  counts.add([{ tag: 'presence', type: 'available', isAllowed: false, count: 1 }])

  const text = await registry.metrics()
  t.match(text, /outbound_allowed_total\{tag="ack",type="none"\} 5/)
  t.match(text, /outbound_refused_total\{tag="presence",type="available"\} 3/)
  t.match(
    logged.of('outbound_refused'),
    [{ level: 'warn', tag: 'presence', type: 'available' }],
    'each refused kind is named once'
  )
})

t.test('a page cannot make the metrics grow without end', async (t) => {
  const { registry, counts, logged } = rig()
  for (let count = 0; count < 500; count += 1)
    counts.add([
      {
        tag: 'message',
        type: `kind${String.fromCharCode(97 + (count % 26))}${count}`,
        isAllowed: false,
        count: 1
      }
    ])

  const lines = (await registry.metrics())
    .split('\n')
    .filter((line) => line.startsWith('leadmaster_outbound_refused_total{'))
  t.equal(lines.length, 101)
  t.match(lines.at(-1), /tag="other",type="other"\} 400/)
  t.equal(logged.of('outbound_refused').length, 101)
})
