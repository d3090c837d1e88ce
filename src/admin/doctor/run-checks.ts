import { checkBackups } from './backups.ts'
import { checkIdentities, checkPublicUrl, checkWiring, type Answered } from './base-url.ts'
import type { Asked, Check } from './check.ts'
import { checkConfinement } from './confinement.ts'
import { checkChromium } from './chromium.ts'
import { checkClock } from './clock.ts'
import { checkDirectories, checkDisk } from './directories.ts'
import { checkEnvFiles, checkTokens } from './environment.ts'
import { fault, type Finding } from './finding.ts'
import { checkFollowing, checkSessions } from './following.ts'
import type { Host } from '../installation/host.ts'
import { checkOutside, checkProxy } from './outside.ts'
import { checkListening, checkPorts } from './ports.ts'
import { checkRunning } from './running.ts'
import { checkServers } from './servers.ts'
import { checkDropIns, checkManager, checkUnits } from './units.ts'
import { checkPinnedPage, checkWebVersions } from './web-version.ts'
import { upCommand, type Installation } from '../installation/installation.ts'

/** The checks. A cause comes before its consequences. */
const causesFirst: readonly Check[] = [
  checkEnvFiles,
  checkTokens,
  checkPorts,
  checkWiring,
  checkPublicUrl,
  checkManager,
  checkDropIns,
  checkConfinement, // what is written
  checkDirectories,
  checkDisk,
  checkClock,
  checkChromium,
  checkPinnedPage,
  checkServers,
  checkProxy, // what it finds on the machine
  checkUnits,
  checkRunning,
  checkListening,
  checkBackups // what runs
]

/** Runs all checks. Each knows the findings of those before it. */
export const runChecks = async (host: Host, installation: Installation): Promise<Finding[]> => {
  if (installation.byRoot && host.uid !== 0)
    return [
      fault(
        'rights',
        'host',
        "what is to be checked is root's: doctor must run as root",
        `sudo ${upCommand(installation).replace(/scripts\/up.*$/, 'scripts/doctor')}`
      )
    ]
  const findings: Finding[] = []
  const asked: Asked = {
    host,
    installation,
    cause: (service, ...names) =>
      findings.find(
        (each) =>
          each.state === 'fault' &&
          each.service === service &&
          (names.length === 0 || names.includes(each.name))
      )
  }
  for (const check of causesFirst) findings.push(...(await check(asked)))
  const { findings: identities, answered } = await checkIdentities(asked)
  findings.push(...identities)
  findings.push(...(await checkFollowing(asked, answered)))
  const outside = await checkOutside(asked, answered)
  // The fix of a session's fault is to connect again, which would fail again.
  const isOutside = ({ manager }: Answered): boolean =>
    outside.some(({ state, service }) => state === 'fault' && service === manager?.name)
  findings.push(
    ...outside,
    ...checkSessions(answered.filter((each) => !isOutside(each))),
    ...(await checkWebVersions(asked, answered))
  )
  return findings
}
