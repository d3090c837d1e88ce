import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { freePort } from '../../end-to-end/daemon.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { run, start, startHub } from './terminal.ts'

t.test('help and version', async (t) => {
  const { code, out } = await run(t, ['--help'])
  t.equal(code, 0)
  for (const name of ['status', 'qr', 'leads', 'tail', 'doctor', 'page-report', 'Exits 0'])
    t.match(out, name)
  t.match(await run(t, ['--version']), { code: 0, out: /^\d+\.\d+\.\d+\n$/ })
  for (const name of ['status', 'qr', 'leads', 'tail'])
    t.match(
      await run(t, [name, '--help']),
      { code: 0, out: new RegExp(`^usage: leadmaster ${name} `) },
      'without a hub'
    )
  t.match(await run(t, ['help', 'leads']), { code: 0, out: /--state STATE/ })
  t.match(await run(t, ['doctor', '--help']), { code: 0, out: /^usage: scripts\/doctor/ })
})

t.test('called wrongly: 2, and what was meant', async (t) => {
  t.match(await run(t, []), { code: 2, err: /wants a command[^]*usage/ })
  t.match(await run(t, ['sttus']), {
    code: 2,
    out: '',
    err: /there is no command "sttus": did you mean status\?/
  })
  t.match(await run(t, ['constructor']), { code: 2, err: /there is no command/ })
  t.match(await run(t, ['leads', '--sate', 'won']), {
    code: 2,
    err: /no option --sate: did you mean --state\?/
  })
  t.match(await run(t, ['leads', '--state', 'wonn']), {
    code: 2,
    err: /no state "wonn": did you mean won\?/
  })
  t.match(await run(t, ['leads', '--limit', '0']), { code: 2, err: /from 1 to/ })
  t.match(await run(t, ['leads', 'ana']), { code: 2, err: /options only, not "ana"/ })
  t.match(await run(t, ['leads', '--state']), { code: 2, err: /argument missing/ })
  t.match(await run(t, ['doctor', '--jsn']), { code: 2 })
})

t.test('nobody answers: which hub, from where, and what to do', async (t) => {
  const url = `http://127.0.0.1:${await freePort()}`
  const { code, out, err } = await run(t, ['status'], {
    LEADMASTER_URL: url,
    LEADMASTER_TOKEN: 'x'
  })
  t.equal(code, 1)
  t.equal(out, '')
  t.match(err, `nobody answers at ${url} (from LEADMASTER_URL)`)
  t.match(err, 'systemctl status leadmaster-central-hub')
  t.notMatch(err, /\n.*\n/, 'one line, no stack')
})

t.test('something else answers', async (t) => {
  const server = createServer((_req, res) => res.end('<h1>It works!</h1>')).listen(0, '127.0.0.1')
  t.teardown(() => void server.close())
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.match(await run(t, ['leads'], { LEADMASTER_URL: url, LEADMASTER_TOKEN: 'x' }), {
    code: 1,
    err: /is not LeadMaster's hub/
  })
})

t.test('with a hub: the wrong token, a reader that has seen enough, Ctrl-C', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env, hub } = await startHub(t, upstream.url)
  for (const command of ['status', 'leads', 'qr', 'tail']) {
    const { code, err } = await run(t, [command], { ...env, LEADMASTER_TOKEN: 'wrong' })
    t.match(
      { code, err },
      {
        code: 1,
        err: /does not take the token from LEADMASTER_TOKEN: it must be the HUB_API_TOKEN/
      },
      command
    )
    t.notMatch(err, 'wrong', 'which is not shown')
  }

  const full = start(t, ['tail'], env)
  await full.seen(/session main/)
  full.hangUp()
  upstream.journal.append([newRecord('1')], 'live')
  t.equal(await full.ended, 0)
  t.equal(full.err(), '')

  const tail = start(t, ['tail'], env)
  await tail.seen(/session main/)
  tail.kill('SIGINT')
  t.equal(await tail.ended, 130)
  t.equal(tail.err(), '')
  t.ok(hub.pid)
})
