import { mkdtempSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { PageReport } from '../../../src/contract/page-report.ts'
import { reportText } from '../../../src/admin/cli/page-report.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { run, startHub } from './terminal.ts'

t.test(
  'page-report writes the report, prints the same text, and says how to send it',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    upstream.set({ status: 'READY', running: true })
    const { env } = await startHub(t, upstream.url)
    const output = join(mkdtempSync(join(t.testdir(), 'report-')), 'page.json')

    const { code, out, err } = await run(t, ['page-report', '--output', output], env)

    t.equal(code, 0)
    t.equal(readFileSync(output, 'utf8'), out, 'what is printed is the file')
    t.equal(statSync(output).mode & 0o777, 0o600)
    t.match(JSON.parse(out), {
      format: 'leadmaster-page-report/1',
      session: 'READY',
      messages: { chat: { body: 'string' } }
    })
    t.match(err, 'Nothing was sent.')
    t.match(err, `./scripts/simulate --like ${output}`)

    const again = await run(t, ['page-report', '--output', output, '--account', 'main'], env)
    t.match(again, {
      code: 1,
      out: '',
      err: /is there already: move it away, or give another name by --output/
    })
    t.match(await run(t, ['page-report', '--output', '/nonexistent/x'], env), {
      code: 1,
      err: /cannot be written \(ENOENT\)/
    })
  }
)

t.test('page-report says why there is no page to report on, and writes no file', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  const output = join(t.testdir(), 'none.json')

  const { code, err } = await run(t, ['page-report', '--output', output], env)

  t.equal(code, 1)
  t.match(
    err,
    /WhatsApp Web's page cannot be read \(no page is open\); the session is DISCONNECTED/
  )
  t.throws(() => statSync(output))
})

t.test('the text of a report is the same JSON, whatever is in it', async (t) => {
  const report: PageReport = {
    format: 'leadmaster-page-report/1',
    leadmaster: '1.0.0',
    session: 'READY',
    whatsapp_web: null,
    chromium: 142,
    checks: [],
    modules: {},
    messages: {}
  }
  t.same(JSON.parse(reportText(report)), report)
  const full: PageReport = {
    ...report,
    checks: [{ name: 'qr', verdict: 'failed', missing: ['A', 'B.c'] }],
    modules: { A: 'missing', B: { c: 'function', $d: 'object', 'e":,"': 'object' }, C: {} },
    messages: { chat: { 'id.$1': 'string' }, image: {} }
  }
  t.same(JSON.parse(reportText(full)), full)
})
