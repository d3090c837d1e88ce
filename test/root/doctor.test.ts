import t from 'tap'
import type { Finding } from '../../src/doctor/finding.ts'
import { fakeChromium } from '../doctor/foreground.ts'
import { miswirings } from '../doctor/miswirings.ts'
import { centralHub, installedOn, manager, prepareClone } from './installed.ts'
import { bootMachine } from './machine.ts'

/** The same miswirings as in test/doctor, on a booted systemd: doctor names the cause, and the mend works when pasted as it is. */

t.setTimeout(900_000)

interface Diagnosis {
  ok: boolean
  faults: { line: string; mend?: string | undefined }[]
  checks: Finding[]
  code: number | null
}

const machine = await bootMachine(t)
const variables = 'export ETC=/etc/leadmaster MANAGER_STATE=/var/lib/leadmaster/session-manager HUB_STATE=/var/lib/leadmaster/central-hub MANAGER_PORT=3001 HUB_PORT=3012; '
const both = `${manager} ${centralHub}`

const doctor = async (): Promise<Diagnosis> => {
  const { code, stdout, stderr } = await machine.run('leadmaster-doctor --json')
  if (stdout === '') throw new Error(`doctor said nothing: ${stderr}`)
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Finding[] }
  const faults = checks.filter(({ state }) => state === 'fault').map(({ service, name, detail, mend }) => ({ line: `${service} ${name}: ${detail}`, mend }))
  return { ok, faults, checks, code }
}
/** Everything as it was installed; what a mend leaves beside it, such as a drop-in that does no harm, goes. */
const restore = async (): Promise<void> => {
  await machine.must(`
    rm -rf /etc/systemd/system/leadmaster-*.service.d && systemctl daemon-reload && systemctl reset-failed
    if diff -rq /root/good /etc/leadmaster >/dev/null; then systemctl start ${both}; else cp -a /root/good/. /etc/leadmaster/ && systemctl restart ${both}; fi`)
}
/** WhatsApp is out of reach here: what a mend that leads back to the real Chromium shows of the session is no miswiring. */
const wired = (faults: Diagnosis['faults']): Diagnosis['faults'] => faults.filter(({ line }) => !/^session-manager session:/.test(line))

/** All that need systemd or root, and every sixth of the others: test/doctor has all of those. */
const here = [...miswirings.filter(({ needs }) => needs !== undefined), ...miswirings.filter(({ needs }) => needs === undefined).filter((_each, index) => index % 6 === 0)]

await t.test('what scripts/up installed is wired right; Chromium keeps its sandbox as the service runs it', async (t) => {
  await prepareClone(machine)
  const { code, stderr } = await installedOn(machine).up()
  t.equal(code, 0, stderr)
  const { checks, faults } = await doctor()
  t.same(wired(faults), [])
  t.match(checks.find(({ name }) => name === 'chromium'), { state: 'ok' })
  // from here on one that shows nothing, so that the session has no say
  await machine.must('cat >/srv/chromium && chmod 755 /srv/chromium', { input: fakeChromium })
  await machine.must(`sed -i 's|^#CHROMIUM_PATH=.*|CHROMIUM_PATH=/srv/chromium|' /etc/leadmaster/session-manager.env && systemctl restart ${both} && cp -a /etc/leadmaster /root/good`)
  t.match(await doctor(), { ok: true, faults: [], code: 0 })
  t.equal((await machine.run('leadmaster-doctor')).code, 0)
})

for (const { what, make, cause, before, after, undo } of here) {
  await t.test(what, async (t) => {
    await restore()
    if (before === 'stop') await machine.must(`systemctl stop ${both}`)
    await machine.must(variables + make)
    // what is refused does not start: that is the point
    if (after !== undefined) await machine.run(`systemctl ${after} ${both}`)

    const { ok, faults: [first], code } = await doctor()
    t.match(first?.line, cause, 'the first fault is the cause')
    t.same([ok, code], [false, 1])
    if (first?.mend === undefined) return t.fail('it has a mend')
    const pasted = await machine.run(first.mend)
    t.equal(pasted.code, 0, first.mend)
    if (pasted.code !== 0) t.comment(pasted.stdout + pasted.stderr + (await machine.must("journalctl -u 'leadmaster-*' -n 20 -o short-precise")))
    // a restart of session-manager has the hub follow by itself
    await machine.run(`systemctl start ${both}`)
    t.same(wired((await doctor()).faults), [], 'mended')
    if (undo !== undefined) await machine.must(variables + undo)
  })
}
t.ok(here.length >= 20, `${here.length} miswirings`)
