import t from 'tap'
import { Circuit, freshWaitMs } from '../../../src/central-hub/webhooks/circuit.ts'

const open = (retryAfterMs?: number): Circuit => {
  const circuit = new Circuit()
  for (const lead of [1, 2, 3, 4, 5]) circuit.failed(`lead:${lead}`, 0, retryAfterMs, 1)
  return circuit
}

t.test(
  'it opens when deliveries of five leads failed and none was taken, however often one of them does',
  async (t) => {
    const circuit = new Circuit()
    for (let n = 0; n < 100; n += 1) circuit.failed('lead:1', n, undefined, 1)
    for (const lead of [2, 3, 4]) circuit.failed(`lead:${lead}`, 0, undefined, 1)
    t.notOk(circuit.isOpen)
    t.same(circuit.waits(0), { retriesMs: 0, freshMs: 0 })
    circuit.close()
    for (const lead of [5, 6, 7, 8]) circuit.failed(`lead:${lead}`, 0, undefined, 1)
    t.notOk(circuit.isOpen, 'one was taken in between')
    circuit.failed('lead:9', 0, undefined, 1)
    t.ok(circuit.isOpen)
  }
)

t.test(
  'while it is open the wait grows up to an hour, but for a lead that has not failed to a minute',
  async (t) => {
    const circuit = open()
    t.same(circuit.waits(1_000), { retriesMs: 4_000, freshMs: 4_000 })
    const waits: { retriesMs: number; freshMs: number }[] = []
    for (let n = 0; n < 20; n += 1) {
      circuit.failed('lead:1', 0, undefined, 1)
      waits.push(circuit.waits(0))
    }
    t.same(
      waits.slice(0, 4),
      [10_000, 20_000, 40_000, 80_000].map((retriesMs) => ({
        retriesMs,
        freshMs: Math.min(retriesMs, freshWaitMs)
      }))
    )
    t.same(waits.at(-1), { retriesMs: 3_600_000, freshMs: 60_000 })
    t.same(circuit.waits(3_600_000), { retriesMs: 0, freshMs: 0 })
    circuit.close()
    t.same([circuit.isOpen, circuit.waits(0)], [false, { retriesMs: 0, freshMs: 0 }])
  }
)

t.test('what the endpoint asks for by Retry-After counts for all', async (t) => {
  t.same(open(600_000).waits(0), { retriesMs: 600_000, freshMs: 600_000 })
})
