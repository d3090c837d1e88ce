import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PageReport } from '../../src/contract/page-report.ts'
import { run } from '../admin/cli/terminal.ts'
import { conforms } from '../platform/conforms.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { differences, simulatedFindings } from '../whatsapp-web/like.ts'
import { sendOneOfEach } from '../whatsapp-web/one-of-each.ts'
import { apiToken } from './daemon.ts'
import { withStack, type Stack } from './stack.ts'

/** The way of a page report: the command, the hub, session-manager, the page in Chromium. */

t.setTimeout(900_000)

const report = async (
  t: Test,
  { hub }: Stack,
  directory: string,
  name: string
): Promise<{ report: PageReport; text: string }> => {
  const output = join(directory, `${name}.json`)
  const env = { LEADMASTER_URL: hub.url, LEADMASTER_TOKEN: apiToken }
  const { code, out, err } = await run(t, ['page-report', '--output', output], env)
  t.equal(code, 0, err)
  t.equal(readFileSync(output, 'utf8'), out)
  const value = JSON.parse(out) as PageReport
  conforms(t, PageReport, value, name)
  return { report: value, text: out }
}

t.test(
  'a page report has the names of the page and nothing of a person, and is like the simulated page',
  (t) =>
    withStack(t, {}, async (stack) => {
      const { web, hub, sessionManager } = stack
      const directory = ownDirectory(t)
      await hub.listening()
      await sessionManager.daemon.seen('session', ({ status }) => status === 'QR_REQUIRED')
      const unlinked = await report(t, stack, directory, 'unlinked')
      t.match(unlinked.report, {
        session: 'QR_REQUIRED',
        whatsapp_web: web.scenario.version,
        messages: {}
      })

      await web.scan()
      await sessionManager.daemon.seen('session', ({ status }) => status === 'READY')
      sendOneOfEach(web.phone)
      web.phone.raw({
        from: '+5215599999999',
        type: 'chat',
        facts: { body: 'a secret', ctwaContext: { 'Ana Gómez': 1, '5215588888888': 2 } }
      })
      await web.settled()
      const ready = await report(t, stack, directory, 'ready')

      t.equal(ready.report.session, 'READY')
      t.same(ready.report.guard, { wire: 'in_force', modules: 'in_force' })
      for (const name of ['own listeners', 'vote hook', 'message key', 'message model']) {
        t.match(
          ready.report.checks.find((check) => check.name === name),
          { verdict: 'ok' }
        )
      }
      t.match(
        ready.report.checks.find(({ name }) => name === 'messages'),
        { verdict: 'ok' }
      )
      t.match(ready.report.messages['chat'], {
        'ctwaContext.<key>': 'number',
        body: 'string',
        'id.remote': 'object'
      })
      for (const secret of [
        /\d{11}/,
        /secret/,
        /Ana|Luz|Gómez/,
        /Reforma/,
        /for sale/,
        /caption: '|a caption/,
        /Houses/,
        /@/
      ]) {
        t.notMatch(ready.text.replace(web.scenario.version, ''), secret)
      }
      const strange = (path: string): boolean => path.startsWith('ctwaContext')
      for (const path of Object.keys(ready.report.messages['chat'] ?? {}).filter(strange))
        delete ready.report.messages['chat']?.[path]
      t.same(differences(ready.report, await simulatedFindings()), [], 'as the simulated page')

      web.scenario.missing = ['WAWebApiContact.getPhoneNumber']
      const lines = sessionManager.daemon.lines.length
      await web.crashPage()
      await sessionManager.daemon.seen(
        'session',
        (line) => line['status'] === 'READY' && sessionManager.daemon.lines.indexOf(line) >= lines
      )
      const changed = await report(t, stack, directory, 'changed')
      t.match(
        changed.report.checks.find(({ name }) => name === 'phone numbers'),
        { verdict: 'failed', missing: ['WAWebApiContact.getPhoneNumber'] }
      )
      t.same(
        differences(changed.report, ready.report).filter((line) => /^(check|module)/.test(line)),
        [
          'check phone numbers: failed WAWebApiContact.getPhoneNumber in the report, ok in the simulation',
          'module WAWebApiContact: getPhoneNumber: undefined in the report, function in the simulation'
        ],
        'the removed member is named'
      )
    })
)
