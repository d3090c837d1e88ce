import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { PageFindings, PageReport } from '../../src/contract/page-report.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { simulatedFindings } from './like.ts'

t.setTimeout(900_000)

const script = fileURLToPath(new URL('../../scripts/simulate', import.meta.url))
const simulate = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
  promisify(execFile)(script, args, {
    env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent' },
    maxBuffer: 2 ** 24
  }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr
    })
  )

t.test('a report is compared with the simulated page', async (t) => {
  const directory = ownDirectory(t)
  const write = (name: string, findings: PageFindings): string => {
    const report: PageReport = {
      format: 'leadmaster-page-report/1',
      leadmaster: '0.1.0',
      session: 'READY',
      ...findings
    }
    const file = join(directory, name)
    writeFileSync(file, JSON.stringify(report))
    return file
  }
  const findings = await simulatedFindings()
  const same = write('same.json', findings)

  await t.test('the report of the same page has no difference', async (t) => {
    t.match(await simulate('--like', same), { code: 0, out: '', err: / 0 differences/ })
    t.match(await simulate('--like', same, '--to', same), { code: 0, out: '' })
    const next = await simulate('--like', same, '--web', 'next')
    t.match(
      next,
      { code: 1, out: /message chat: id\.\$7: string, only in the simulation/ },
      'another era has other keys'
    )
    t.match(await simulate('--like', same, '--web', '2020'), {
      code: 2,
      err: /--web: expected 2026-04, 2026-07, next/
    })
  })

  await t.test('what a page has more, less or otherwise is listed', async (t) => {
    const other = structuredClone(findings)
    delete (other.modules['WALinkify'] as Record<string, string>)['findLinks']
    other.modules['WAWebChatLoadMessages'] = 'missing'
    other.modules['WAWebCmd'] = {
      ...(other.modules['WAWebCmd'] as Record<string, string>),
      NewCmd: 'function'
    }
    delete other.messages['chat']?.['body']
    Object.assign(other.messages['chat'] as object, { 'id.$7': 'string', t: 'string' })
    other.messages['album'] = { id: 'object' }
    other.checks = other.checks.map((check) =>
      check.name === 'link'
        ? { ...check, verdict: 'failed', missing: ['WALinkify.findLinks'] }
        : check
    )

    const { code, out, err } = await simulate('--like', write('other.json', other), '--to', same)

    t.equal(code, 1)
    t.match(err, / 8 differences/)
    t.same(out.trim().split('\n'), [
      'check link: failed WALinkify.findLinks in the report, ok in the other report',
      'module WALinkify: findLinks: function, only in the other report',
      'module WAWebChatLoadMessages: missing in the report, there in the other report',
      'module WAWebCmd: NewCmd: function, only in the report',
      'message album: only in the report',
      'message chat: body: string, only in the other report',
      'message chat: id.$7: string, only in the report',
      'message chat: t: string in the report, number in the other report'
    ])
  })

  await t.test('what is no report is refused', async (t) => {
    const file = join(directory, 'none.json')
    writeFileSync(file, '{"format":"another"}')
    t.match(await simulate('--like', file), {
      code: 2,
      err: /was not written by this version of leadmaster page-report/
    })
    t.match(await simulate('--like', join(directory, 'absent')), { code: 2, err: /ENOENT/ })
    t.match(await simulate('--like', same, '--too', same), {
      code: 2,
      err: /Unknown option '--too'/
    })
    t.match(await simulate('--like', same, '--help'), {
      code: 0,
      out: /^usage: scripts\/simulate --like/
    })
  })
})
