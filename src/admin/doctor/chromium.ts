import type { Asked, Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, ok, type Finding } from './finding.ts'
import { removeVariable, word } from '../installation/shell.ts'
import { runAsUnit } from './transient.ts'
import { andRestart, asUser, managers, type Manager } from '../installation/installation.ts'

/** Checks that Chromium exists, and that it runs with its sandbox on as the services' user. */

/** Debian's programs, and their packages. */
const packages: Record<string, string> = {
  '/usr/lib/chromium/chromium-headless-shell': 'chromium-headless-shell',
  '/usr/bin/chromium': 'chromium'
}
const install = (path: string, option = ''): string =>
  `apt-get install ${option}--yes --no-install-recommends ` +
  `${packages[path] ?? 'chromium-headless-shell'}`

export const checkChromium: Check = async (asked) => {
  const findings: Finding[] = []
  const seen = new Set<string>()
  for (const manager of managers(asked.installation)) {
    const { config } = manager
    if (!config || seen.has(config.CHROMIUM_PATH)) continue
    // It is never run as root: it has no sandbox there, and anybody may have named the program.
    if (asked.host.uid === 0 && (manager.user?.uid ?? 0) === 0) continue
    seen.add(config.CHROMIUM_PATH)
    findings.push(...(await checkOne(asked, manager, config.CHROMIUM_PATH)))
  }
  return findings
}

const checkOne = async (
  { host, installation }: Asked,
  manager: Manager,
  path: string
): Promise<Finding[]> => {
  const name = 'chromium'
  const isDebian = path in packages
  const replace = andRestart(
    installation,
    isDebian ? install(path, '--reinstall ') : removeVariable(edited(manager), 'CHROMIUM_PATH'),
    manager
  )
  const stat = await host.stat(path)
  if (stat === undefined)
    return [
      fault(
        name,
        manager.name,
        `CHROMIUM_PATH=${path} does not exist`,
        isDebian ? andRestart(installation, install(path), manager) : replace
      )
    ]
  if (stat.type !== 'file')
    return [fault(name, manager.name, `CHROMIUM_PATH=${path} is no program`, replace)]
  if ((stat.mode & 0o111) === 0)
    return [
      fault(
        name,
        manager.name,
        `CHROMIUM_PATH=${path} may not be executed`,
        andRestart(installation, `chmod +x ${word(path)}`, manager)
      )
    ]
  const command = await asUser(host, installation, manager, path, '--version')
  const version = await host.run(command, 20_000)
  const number = /\d+\.\d+\.\d+\.\d+/.exec(version.stdout)?.[0]
  if (number === undefined)
    return [
      fault(
        name,
        manager.name,
        `CHROMIUM_PATH=${path} is no Chromium that runs: --version prints no version`,
        replace
      )
    ]
  return [
    ok(name, manager.name, `${path} is Chromium ${number}`),
    await trySandbox({ host, installation }, manager, path)
  ]
}

/** Kernel settings that forbid user namespaces, which the sandbox needs. */
const gates = [
  { setting: 'kernel.unprivileged_userns_clone', closed: (value: number) => value === 0, open: 1 },
  { setting: 'user.max_user_namespaces', closed: (value: number) => value === 0, open: 15_000 },
  {
    setting: 'kernel.apparmor_restrict_unprivileged_userns',
    closed: (value: number) => value === 1,
    open: 0
  }
]

/** Shows a page with the sandbox on, in a profile that is deleted afterwards. */
const trySandbox = async (
  { host, installation }: Pick<Asked, 'host' | 'installation'>,
  manager: Manager,
  path: string
): Promise<Finding> => {
  const name = 'sandbox'
  const user = manager.userName
  const script =
    'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && HOME=$d timeout -k 1 25 "$0" --headless ' +
    '--user-data-dir="$d" --disable-gpu --disable-dev-shm-usage --no-first-run --dump-dom ' +
    'about:blank'
  const tried =
    (await runAsUnit(host, installation, manager, ['sh', '-c', script, path], 30_000)) ??
    (await host.run(await asUser(host, installation, manager, 'sh', '-c', script, path), 30_000))
  if (tried.code === 0 && /<html/i.test(tried.stdout)) {
    const confined = installation.mode === 'systemd' ? ' and confined by its unit' : ''
    return ok(name, manager.name, `Chromium runs with its sandbox on, as ${user}${confined}`)
  }
  for (const { setting, closed, open } of gates) {
    const value = (await host.readFile(`/proc/sys/${setting.replaceAll('.', '/')}`))?.trim()
    if (value === undefined || !closed(Number(value))) continue
    const keep =
      `echo ${setting}=${open} >/etc/sysctl.d/60-leadmaster.conf && sysctl -p ` +
      '/etc/sysctl.d/60-leadmaster.conf'
    return fault(
      name,
      manager.name,
      `${setting} is ${value}: user namespaces are closed, and Chromium's sandbox is made of them`,
      andRestart(installation, keep, manager)
    )
  }
  const timedOut = tried.code === undefined || tried.code === 124 || tried.code === 137
  const words = /^.*(?:FATAL|ERROR|error|cannot|No usable sandbox).*$/m
    .exec(tried.stderr)?.[0]
    .replace(/^\[[^\]]*\]\s*/, '')
    .slice(0, 160)
  const why = timedOut ? 'it showed nothing within 25 s' : (words ?? `it ended with ${tried.code}`)
  const look = host.uid === 0 ? `runuser -u ${user} -- ` : ''
  return fault(
    name,
    manager.name,
    `Chromium does not show a page with its sandbox on, as ${user}: ${why}`,
    `${look}${word(path)} --headless --user-data-dir=/tmp/leadmaster-try --dump-dom ` +
      `about:blank # says why; often: ${install(path, '--reinstall ')}`
  )
}
