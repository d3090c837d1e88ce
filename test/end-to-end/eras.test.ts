import t from 'tap'
import { eras, type Scenario } from '../whatsapp-web/server.ts'
import { tableOf, things, worldOf } from './eras.ts'
import { withStack } from './stack.ts'

/**
 * Everything that has to work, on each WhatsApp Web that the simulation knows, through the real
 * daemons. Run by itself with --whole, codes are shown as long as WhatsApp shows them, and renewed
 * for ten minutes, on all eras at the same time. It prints the table of
 * test/whatsapp-web/README.md: `scripts/unprivileged --own DIR --bind DIR .tap node
 * test/end-to-end/eras.test.ts --whole`
 */

const isWhole = process.argv.includes('--whole')
const renewal = isWhole ? { ms: 600_000, codes: 20 } : { ms: 0, codes: 19 }
const codes: Partial<Scenario> = isWhole ? {} : { firstQrMs: 600, qrMs: 200 }
const results = new Map<string, Map<string, string>>()

t.setTimeout(isWhole ? 1_800_000 : 300_000)
if (isWhole) t.jobs = eras.length

for (const era of eras) {
  t.test(`everything works on WhatsApp Web ${era}`, { buffered: isWhole }, (t) =>
    withStack(t, { scenario: { web: era, ...codes } }, async (stack) => {
      const done = new Map<string, string>()
      results.set(era, done)
      await stack.hub.daemon.seen('listening', () => true, 120_000)
      const world = worldOf(stack, renewal)
      for (const { name, run } of things) {
        try {
          const figure = await run(world)
          done.set(name, figure ?? 'yes')
          t.pass(name)
        } catch (error) {
          done.set(name, 'no')
          const why = `${name}: ${error instanceof Error ? error.message : String(error)}`
          t.fail(why)
        }
      }
    })
  )
}

t.teardown(() => t.comment(tableOf(results)))
