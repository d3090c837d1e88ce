import t from 'tap'
import { noticed, wrong, type Ran } from './result.ts'
import { count, type Count } from '../lab/verdict.ts'

/** A verdict that could not find a fault would be none. */

t.test('messages that are lost, there twice or strange are counted by their id', async (t) => {
  const sent = new Set(['1', '2', '3', '4'])
  t.same(count(sent, ['4', '3', '2', '1']), {
    expected: 4,
    held: 4,
    lost: 0,
    twice: 0,
    strange: 0,
    such_as: []
  })
  t.same(count(sent, ['1', '2', '2', '4', '5']), {
    expected: 4,
    held: 5,
    lost: 1,
    twice: 1,
    strange: 1,
    such_as: ['twice 2', 'strange 5', 'lost 3']
  })
  t.match(
    count(sent, ['2', '2', '2', '2']),
    { lost: 3, twice: 3 },
    'as many as were sent is not enough'
  )
  t.match(count(sent, ['5', '5']), { lost: 4, strange: 2 })
  t.match(count(new Set(), []), { expected: 0, lost: 0 })
})

t.test(
  'a cell is wrong when anything was lost or came twice, in the journal, the hub or the stream, and when it was not seen or did not recover',
  async (t) => {
    const good: Count = { expected: 4, held: 4, lost: 0, twice: 0, strange: 0, such_as: [] }
    const ran: Ran = {
      fault: 'hub killed',
      phase: 'load',
      did: 'SIGKILL',
      held_s: 0,
      recover_s: 4,
      journal: good,
      hub: good,
      sse: good,
      resets: 0,
      starts: {},
      saw: [{ at_s: 0.1, where: 'systemd', words: 'killed' }],
      outbound: 0,
      at: '',
      seconds: 20
    }
    t.same(wrong(ran), [])
    t.same(
      wrong({ fault: 'hub killed', phase: 'load', left: 'why' }),
      [],
      'what was not run is not wrong'
    )
    for (const where of ['journal', 'hub', 'sse'] as const) {
      for (const what of ['lost', 'twice', 'strange'] as const)
        t.match(wrong({ ...ran, [where]: { ...good, [what]: 1 } }), [
          new RegExp(`^hub killed, 50 msg/s: the ${where} has .*"${what}":1`)
        ])
    }
    const { recover_s: _recover, ...never } = ran
    t.match(wrong(never), [/did not recover/])
    const saw = (where: 'status' | 'log central-hub', words: string): Ran => ({
      ...ran,
      phase: 'idle',
      saw: [{ at_s: 1, where, words }]
    })
    for (const unseen of [
      { ...ran, saw: [] },
      saw('status', 'INIT'),
      saw('log central-hub', 'warn: slow request')
    ])
      t.match(wrong(unseen), [/nothing was to be seen/])
    t.same(wrong({ ...ran, quiet: true, saw: [] }), [], 'nothing stood still')
    const stopping = saw('status', 'the hub does not answer (ECONNREFUSED)')
    t.ok(noticed(stopping))
    t.equal(noticed({ ...stopping, phase: 'stop' }), undefined, 'it is stopped: that is no fault')
    t.equal(noticed(saw('status', 'DISCONNECTED: Chromium exited'))?.at_s, 1)
    t.match(wrong({ ...ran, outbound: 1 }), [/tried to send/])
  }
)
