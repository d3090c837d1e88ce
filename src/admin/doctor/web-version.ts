import {
  isWebVersion,
  pageFile,
  webVersionsIn
} from '../../session-manager/session/web-versions.ts'
import type { Answered } from './base-url.ts'
import type { Asked, Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, note, ok, type Finding } from './finding.ts'
import { removeVariable, setVariable } from '../installation/shell.ts'
import { andRestart, managers, type Manager } from '../installation/installation.ts'

/** Checks the version of WhatsApp Web: a pinned version has a page, and that page is shown. */

const name = 'WhatsApp Web'

/** Versions whose page is kept. The version that was READY last comes first. */
const keptBy = async ({ host }: Pick<Asked, 'host'>, stateDir: string): Promise<string[]> => {
  const directory = webVersionsIn(stateDir)
  const versions = (await host.readdir(directory))
    .flatMap((file) => (file.endsWith('.html') ? [file.slice(0, -'.html'.length)] : []))
    .filter(isWebVersion)
  const files = await Promise.all(
    versions.map(async (version) => ({
      version,
      at: (await host.stat(pageFile(directory, version)))?.mtimeMs ?? 0
    }))
  )
  return files.sort((a, b) => b.at - a.at).map(({ version }) => version)
}

const unpin = ({ installation }: Pick<Asked, 'installation'>, manager: Manager): string =>
  andRestart(installation, removeVariable(edited(manager), 'WEB_VERSION'), manager)

export const checkPinnedPage: Check = async (asked) => {
  const findings: Finding[] = []
  for (const manager of managers(asked.installation)) {
    const pinned = manager.config?.WEB_VERSION ?? ''
    if (!manager.config || pinned === '') continue
    const file = pageFile(webVersionsIn(manager.config.STATE_DIR), pinned)
    if ((await asked.host.stat(file))?.type === 'file') continue
    const [newest, ...older] = await keptBy(asked, manager.config.STATE_DIR)
    const kept =
      newest === undefined ? 'no version is kept' : `kept are ${[newest, ...older].join(', ')}`
    const fix =
      newest === undefined
        ? unpin(asked, manager)
        : andRestart(
            asked.installation,
            setVariable(edited(manager), 'WEB_VERSION', newest),
            manager
          )
    findings.push(
      fault(
        name,
        manager.name,
        `WEB_VERSION=${pinned} is pinned, but its page ${file} is missing; ${kept}`,
        fix
      )
    )
  }
  return findings
}

/** Compares the shown version of each session-manager that answered with the pinned one. */
export const checkWebVersions = async (
  asked: Asked,
  answered: readonly Answered[]
): Promise<Finding[]> => {
  const findings: Finding[] = []
  for (const {
    manager,
    identity: { status }
  } of answered) {
    if (!manager?.config || asked.cause(manager.name, name)) continue
    const { WEB_VERSION: pinned, STATE_DIR } = manager.config
    const now = status.whatsapp_web_version
    const kept = await keptBy(asked, STATE_DIR)
    const detail =
      `version ${now ?? 'not known yet'}; pinned: ${pinned === '' ? 'none' : pinned}; kept: ` +
      `${kept.length === 0 ? 'none' : kept.join(', ')}`
    const differs = status.status === 'READY' && pinned !== '' && now !== pinned
    findings.push(
      differs
        ? note(
            name,
            manager.name,
            `${detail}. The page tells another version than the pinned one`,
            unpin(asked, manager)
          )
        : ok(name, manager.name, detail)
    )
  }
  return findings
}
