import t from 'tap'
import type { Lead } from '../../../src/contract/lead.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { controls, harmless, hostile, run, start, startHub } from './terminal.ts'

const ago = (minutes: number): number => Math.floor(Date.now() / 1_000) - minutes * 60
const from = (number: number) => ({
  id: `false_521551111111${number}@c.us_1`,
  chat_id: `521551111111${number}@c.us`,
  from: `521551111111${number}@c.us`,
  phone: `+521551111111${number}`
})

t.test('leads', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.journal.append(
    [
      newRecord('a', { ...from(1), name: 'Ana', timestamp: ago(5) }),
      newRecord('b', { ...from(2), name: 'Bernardo', timestamp: ago(125), body: 'first\nsecond' }),
      newRecord('c', { ...from(3), name: 'Carla', timestamp: ago(300) }),
      newRecord('d', {
        ...from(3),
        id: 'true_5215511111113@c.us_2',
        from: '5215587654321@c.us',
        to: from(3).chat_id,
        from_me: true,
        timestamp: ago(1),
        body: 'Sí, claro'
      }),
      newRecord('f', {
        ...from(5),
        id: 'false_5215511111115@c.us_f',
        name: 'Eva',
        type: 'order',
        body: '',
        timestamp: ago(2),
        order: { title: 'Rooms', items: 2 },
        ad: { title: 'Sale', id: '12' }
      }),
      newRecord('e', { ...from(4), name: hostile, body: hostile, timestamp: ago(1) })
    ],
    'live'
  )
  const { env, hub } = await startHub(t, upstream.url)
  const tail = start(t, ['tail', '--after', '0', '--json'], env)
  await tail.seen(/"type":"lead".*5215511111114/)

  await t.test('those who wait, the longest first', async (t) => {
    const { code, out } = await run(t, ['leads'], env)
    t.equal(code, 0)
    const lines = out.trimEnd().split('\n')
    t.match(lines, [
      /^WAITS +ID +NAME +PHONE +STATE +UNREAD +LAST MESSAGE$/,
      /^2 h 5 min .*Bernardo .* new +1 +first second$/,
      /^5 min .*Ana/,
      /^2 min .*Eva .*Order · Rooms · 2 items$/,
      /^1 min /
    ])
    t.equal(lines.length, 5)
    t.match(lines[4], harmless.slice(0, 10))
    t.notMatch(out, controls, 'a contact with escape sequences for a name does nothing')
  })
  await t.test('with --all, --state or --q the others too, after them', async (t) => {
    const { out } = await run(t, ['leads', '--all'], env)
    t.match(out.trimEnd().split('\n').at(-1), /^ +\d+ +Carla .*→ Sí, claro$/)
    t.match((await run(t, ['leads', '--q', 'carla'], env)).out, /Carla/)
    for (const filter of [
      ['--source', 'ad'],
      ['--ad', '12']
    ])
      t.match((await run(t, ['leads', ...filter], env)).out.trimEnd().split('\n'), {
        length: 2,
        1: /Eva/
      })
    t.match(await run(t, ['leads', '--source', 'radio'], env), {
      code: 2,
      err: /--source: expected ad/
    })
    t.match(await run(t, ['leads', '--state', 'won,lost'], env), {
      code: 0,
      out: '',
      err: /no such lead/
    })
    t.match(await run(t, ['leads', '--account', 'other'], env), {
      code: 0,
      out: '',
      err: /Nobody waits/
    })
  })
  await t.test('--limit says that there are more', async (t) => {
    const { out, err } = await run(t, ['leads', '--limit', '2'], env)
    t.equal(out.trimEnd().split('\n').length, 3)
    t.match(err, /There are more/)
  })
  await t.test('--json is one lead a line, whole and harmless', async (t) => {
    const { out } = await run(t, ['leads', '--json'], env)
    const found = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Lead)
    t.match(
      found.map(({ name }) => name),
      ['Bernardo', 'Ana', 'Eva', String]
    )
    t.notMatch(out, controls)
  })
  await t.test('what the hub refuses is said as it says it', async (t) => {
    t.match(await run(t, ['leads', '--q', 'x'.repeat(500)], env), { code: 1, err: /q: / })
  })
  await t.test('done takes one off those who wait, and puts it back', async (t) => {
    const listed = async (): Promise<Lead[]> =>
      (await run(t, ['leads', '--json'], env)).out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Lead)
    const { id, last_message } = (await listed()).find(({ name }) => name === 'Ana') as Lead
    t.match(await run(t, ['done', '--id', String(id), '--until', String(last_message?.id)], env), {
      code: 0,
      out: 'Ana does not wait.\n'
    })
    t.notOk((await listed()).some(({ name }) => name === 'Ana'))
    t.match(await run(t, ['done', '--id', String(id), '--undo'], env), {
      code: 0,
      out: /^Ana has waited for \d+ min/
    })
    t.ok((await listed()).some(({ name }) => name === 'Ana'))
    t.match(await run(t, ['done', '--id', '999'], env), {
      code: 1,
      err: /there is no lead 999: leadmaster leads --all/
    })
    t.match(await run(t, ['done'], env), { code: 2, err: /say which lead/ })
    t.match(await run(t, ['done', '--id', String(id), '--until', 'x'], env), {
      code: 1,
      err: /until: expected the id of a message/
    })
  })
  t.ok(hub.pid)
})
