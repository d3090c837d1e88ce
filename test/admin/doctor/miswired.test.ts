import { connect } from 'node:net'
import t from 'tap'
import type { Finding } from '../../../src/admin/doctor/finding.ts'
import { apiToken, token } from '../../end-to-end/daemon.ts'
import { foreground } from './foreground.ts'
import { miswirings } from './miswirings.ts'

/**
 * Miswirings made on purpose, in a run in the foreground: doctor names the cause of each, and its
 * mend works when pasted.
 */

const line = ({ service, name, detail }: Finding): string => `${service} ${name}: ${detail}`
const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
/**
 * Ports of the templates that a LeadMaster of this machine has: where a fix leads back to the
 * template, doctor is right to report them.
 */
const takenOutside: number[] = []
for (const port of [3001, 3012]) if (await listens(port)) takenOutside.push(port)
/**
 * Of the session with WhatsApp there is none here: with the real Chromium that some mends lead back
 * to, it is unreachable.
 */
const wired = (checks: readonly Finding[]): Finding[] =>
  checks.filter(
    ({ state, name, detail }) =>
      state === 'fault' &&
      name !== 'session' &&
      name !== 'outside' &&
      !takenOutside.some((port) => detail.startsWith(`PORT=${port} is taken by process `))
  )
const faultsOf = (checks: readonly Finding[]): string[] => wired(checks).map(line)

t.setTimeout(1_200_000)
const rig = await foreground(t)
/** Everything as it should be. */
const restore = async (): Promise<void> => {
  rig.writeEnvFiles()
  await rig.start()
}

t.test('what is wired right has no fault', async (t) => {
  await restore()
  const { ok, checks, code } = await rig.doctor()
  t.same(faultsOf(checks), [])
  t.equal(ok, true)
  t.equal(code, 0)
  t.match(checks.map(line), [/^session-manager env file: .* is accepted$/])
})

for (const { what, make, cause, before, after, undo } of miswirings.filter(
  ({ needs }) => needs === undefined
)) {
  t.test(what, async (t) => {
    await restore()
    if (before === 'stop') await rig.stop()
    if (undo !== undefined) t.teardown(() => rig.shell(undo))
    await rig.shell(make)
    if (after !== undefined) await rig.start()

    const { ok, checks, code, output } = await rig.doctor()
    const [first] = wired(checks)
    t.match(first && line(first), cause, 'the first fault is the cause')
    t.same([ok, code], [false, 1])
    t.notOk(output.includes(token) || output.includes(apiToken), 'no secret is shown')
    if (first?.mend === undefined) return t.fail('it has a mend')

    // a service that was started by hand is started again by a person, as the mend says
    if (!/^kill \d+ # then start/.test(first.mend)) {
      const printed = await rig.shell(first.mend)
      t.notOk(printed.includes(token) || printed.includes(apiToken), 'the mend shows no secret')
    }
    if (/_STATE/.test(make)) await rig.stop() // a process goes on with the files it has open
    await rig.start()
    const again = await rig.doctor()
    t.same(faultsOf(again.checks), [], 'mended')
  })
}

for (const service of ['central-hub', 'session-manager'] as const) {
  t.test(`${service} does not run`, async (t) => {
    await restore()
    await rig.stop(service)
    const { checks } = await rig.doctor()
    const [first] = wired(checks)
    t.equal(first && line(first), `${service} process: not running`)
    t.match(
      first?.mend,
      new RegExp(
        `^\\(\\S+scripts/unprivileged --own \\S+ node --env-file=\\S+ dist/${service}/main\\.js &\\)$`
      )
    )
    await rig.start()
    t.same(faultsOf((await rig.doctor()).checks), [])
  })
}
