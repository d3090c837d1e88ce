import t from 'tap'
import type { Finding } from '../../src/admin/doctor/finding.ts'
import { fakeChromium } from '../admin/doctor/foreground.ts'
import { miswirings } from '../admin/doctor/miswirings.ts'
import { centralHub, installedOn, manager, prepareClone } from './installed.ts'
import { bootMachine } from './machine.ts'

/**
 * The same miswirings as in test/doctor, on a booted systemd: doctor names the cause, and the mend
 * works when pasted as it is.
 */

t.setTimeout(2_400_000)

interface Diagnosis {
  ok: boolean
  faults: { line: string; mend?: string | undefined }[]
  checks: Finding[]
  code: number | null
}

const machine = await bootMachine(t)
const variables =
  'export ETC=/etc/leadmaster MANAGER_STATE=/var/lib/leadmaster/session-manager HUB_STATE=/var/lib/leadmaster/central-hub MANAGER_PORT=3001 HUB_PORT=3012; '
const both = `${manager} ${centralHub}`

const doctor = async (): Promise<Diagnosis> => {
  const { code, stdout, stderr } = await machine.run('leadmaster-doctor --json')
  if (stdout === '') throw new Error(`doctor said nothing: ${stderr}`)
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Finding[] }
  const faults = checks
    .filter(({ state }) => state === 'fault')
    .map(({ service, name, detail, mend }) => ({ line: `${service} ${name}: ${detail}`, mend }))
  return { ok, faults, checks, code }
}
/**
 * Everything as it was installed; what a mend leaves beside it, such as a drop-in that does no
 * harm, goes.
 */
const restore = async (): Promise<void> => {
  await machine.must(`
    rm -rf /etc/systemd/system/leadmaster-*.service.d /etc/systemd/system.control/leadmaster-* && systemctl daemon-reload && systemctl reset-failed
    if diff -rq /root/good /etc/leadmaster >/dev/null; then systemctl start ${both}; else cp -a /root/good/. /etc/leadmaster/ && systemctl restart ${both}; fi`)
}
/**
 * WhatsApp is out of reach here: what a mend that leads back to the real Chromium shows of the
 * session is no miswiring.
 */
const wired = (faults: Diagnosis['faults']): Diagnosis['faults'] =>
  faults.filter(({ line }) => !/^session-manager (session|outside):/.test(line))

/** So many faults may come to light one after the other. */
const maxSteps = 4

/** All that need systemd or root, and every sixth of the others: test/doctor has all of those. */
const here = [
  ...miswirings.filter(({ needs }) => needs !== undefined),
  ...miswirings.filter(({ needs }) => needs === undefined).filter((_each, index) => index % 6 === 0)
]

await t.test(
  'what scripts/up installed is wired right; Chromium keeps its sandbox as the service runs it',
  async (t) => {
    await prepareClone(machine)
    const { code, stderr } = await installedOn(machine).up()
    t.equal(code, 0, stderr)
    const { checks, faults } = await doctor()
    t.same(wired(faults), [])
    t.match(
      checks.find(({ name }) => name === 'chromium'),
      { state: 'ok' }
    )
    // from here on one that shows nothing, so that the session has no say
    await machine.must('cat >/srv/chromium && chmod 755 /srv/chromium', { input: fakeChromium })
    await machine.must(
      `sed -i 's|^#CHROMIUM_PATH=.*|CHROMIUM_PATH=/srv/chromium|' /etc/leadmaster/session-manager.env && systemctl restart ${both} && cp -a /etc/leadmaster /root/good`
    )
    t.match(await doctor(), { ok: true, faults: [], code: 0 })
    t.equal((await machine.run('leadmaster-doctor')).code, 0)
  }
)

for (const { what, make, cause, before, after, undo } of here) {
  await t.test(what, async (t) => {
    await restore()
    if (before === 'stop') await machine.must(`systemctl stop ${both}`)
    await machine.must(variables + make)
    // what is refused does not start: that is the point
    if (after !== undefined) await machine.run(`systemctl ${after} ${both}`)

    if (undo !== undefined) t.teardown(() => machine.run(variables + undo))

    const { ok, faults, code } = await doctor()
    const [first] = faults
    t.match(first?.line, cause, 'the first fault is the cause')
    t.same([ok, code], [false, 1])
    const seen: string[] = []
    let left = wired(faults)
    for (; left[0] !== undefined && seen.length < maxSteps; left = wired((await doctor()).faults)) {
      const [{ line, mend }] = left as [Diagnosis['faults'][number]]
      if (mend === undefined) return t.fail(`there is no mend for: ${line}`)
      // what was said and mended once must not be said again: that would be a loop
      const step = `${line.replace(/\d+/g, 'N')} | ${mend}`
      if (seen.includes(step)) return t.fail(`doctor repeats itself: ${step}`)
      seen.push(step)
      const pasted = await machine.run(mend)
      t.equal(pasted.code, 0, mend)
      if (pasted.code !== 0)
        t.comment(
          pasted.stdout +
            pasted.stderr +
            (await machine.must("journalctl -u 'leadmaster-*' -n 20 -o short-precise"))
        )
      // a restart of session-manager has the hub follow by itself
      await machine.run(`systemctl start ${both}`)
    }
    t.same(left, [], 'mended')
    t.comment(`${seen.length} mended`)
  })
}
t.ok(here.length >= 20, `${here.length} miswirings`)
