import { resolve } from 'node:path'
import { processEnv } from '../../platform/env.ts'
import { runChecks } from './run-checks.ts'
import { fault, unexplained, type Finding } from './finding.ts'
import { ourProcesses } from '../installation/processes.ts'
import { realHost } from '../installation/real-host.ts'
import { formatReport } from './report.ts'
import { readInstallation } from '../installation/installation.ts'

/** `scripts/doctor` finds what is wired wrong, and says how to change it. */

const usage = `usage: scripts/doctor [--json]

Checks how LeadMaster is wired on this machine, and prints a line a check: ok, note or fault. \
What is at fault is
followed by a command for a root shell that mends it. The first fault is the cause: mend it, \
then run doctor again.
  --json   {"ok": …, "checks": [{"name", "service", "state", "detail", "mend"}]}

It looks at what scripts/up runs from this clone, \
else at the units and /etc/leadmaster where they are installed, else
at .leadmaster; or at the directory that LEADMASTER_HOME names. It changes nothing, \
and shows no secret, phone number or
message. A fault without a command is one that no command of doctor mends.

Exits 0 when all is well, 1 when something is at fault, 2 when it was called wrongly.
`

const [, , ...args] = process.argv
if (args.includes('--help') || args.includes('-h')) {
  process.stdout.write(usage)
  process.exit()
}
if (args.some((each) => each !== '--json')) {
  process.stderr.write(usage)
  process.exit(2)
}

const release = resolve(import.meta.dirname, '../../..')
const home = processEnv['LEADMASTER_HOME']
const host = realHost()
const installation = await readInstallation(
  host,
  release,
  home === undefined || home === '' ? undefined : resolve(home)
)

/** Without an installation, services may run that were started by hand with other env files. */
const nothingFound = async (): Promise<Finding> => {
  const detail =
    'there is neither an installation in /etc/leadmaster nor a run of scripts/up in ' +
    '.leadmaster or LEADMASTER_HOME'
  const byHand = (await ourProcesses(host)).map(({ name, pid }) => `${name} runs as process ${pid}`)
  if (byHand.length === 0) return fault('installed', 'host', detail, `${release}/scripts/up`)
  return unexplained(
    'installed',
    'host',
    `${detail}, but ${byHand.join(' and ')}: set LEADMASTER_HOME to the directory of their ` +
      'env files'
  )
}

const checks = installation ? await runChecks(host, installation) : [await nothingFound()]
const allWell = checks.every(({ state }) => state !== 'fault')

if (args.includes('--json'))
  process.stdout.write(`${JSON.stringify({ ok: allWell, checks }, null, 2)}\n`)
else {
  const how =
    installation?.mode === 'systemd'
      ? 'run by systemd'
      : `run by scripts/up${installation?.simulated ? ' --simulated' : ''}`
  process.stdout.write(
    formatReport(
      installation ? `LeadMaster, ${how}, env files in ${installation.directory}` : 'LeadMaster',
      checks,
      process.stdout.isTTY
    )
  )
}
process.exitCode = allWell ? 0 : 1
