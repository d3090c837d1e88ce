import type { Asked } from './check.ts'
import { restoreCommand, isDamage } from './damage.ts'
import { fault, unexplained, type Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import { word } from '../installation/shell.ts'
import { restart, upCommand, type Service } from '../installation/installation.ts'

/** Why a unit fails again and again: by systemd's exit codes, and by the last lines of the log. */

const name = 'unit'

/** systemd's own exit codes, for errors before the service's program runs, systemd.exec(5). */
const codes: Readonly<Record<number, string>> = {
  200: 'its working directory cannot be entered',
  201: 'its nice level cannot be set',
  202: 'files cannot be handed to it',
  203: 'its program cannot be started',
  204: 'there is too little memory to start it',
  205: 'a limit of its unit cannot be set',
  206: 'its OOM score cannot be set',
  207: 'its signals cannot be set',
  208: 'its input cannot be connected',
  209: 'its output cannot be connected',
  210: 'its root directory cannot be changed (chroot)',
  211: 'its I/O priority cannot be set',
  212: 'its timer slack cannot be set',
  213: 'its secure bits cannot be set',
  214: 'its processor scheduling cannot be set',
  215: 'its processors cannot be chosen',
  216: 'its group does not exist or cannot be used',
  217: 'its user does not exist or cannot be used',
  218: 'its capabilities cannot be set',
  219: 'its control group cannot be set up',
  220: 'it cannot get a session of its own',
  221: 'systemd was asked to confirm the start, and nobody did',
  222: 'its error output cannot be connected',
  224: 'its PAM session cannot be opened',
  225: 'its network cannot be set up',
  226: 'its view of the file system cannot be made: a path of its unit is missing or closed',
  227: 'privileges cannot be given up',
  228: 'its system call filter cannot be set',
  229: 'its SELinux context cannot be set',
  230: 'its personality cannot be set',
  231: 'its AppArmor profile cannot be used',
  232: 'its address families cannot be restricted',
  233: 'its directory in /run cannot be made',
  234: 'systemd could not hand the process over',
  235: 'the owner of a file cannot be changed',
  236: 'its Smack label cannot be set',
  237: 'its keyring cannot be set up',
  238: 'its state directory cannot be made or given to its user',
  239: 'its cache directory cannot be made',
  240: 'its log directory cannot be made',
  241: 'its configuration directory cannot be made',
  242: 'its NUMA policy cannot be set',
  243: 'a credential of its unit cannot be read',
  244: 'its BPF program cannot be loaded',
  245: 'its keys cannot be shared'
}

const signals: Readonly<Record<number, string>> = {
  4: 'it crashed (SIGILL): this processor may lack what Node needs',
  5:
    'it crashed (SIGTRAP): V8 or Chromium gave up, mostly for want of memory or because its ' +
    'unit forbids to compile',
  6: 'it crashed (SIGABRT)',
  7: 'it crashed (SIGBUS): the disk may be full or broken',
  9: 'it was killed (SIGKILL)',
  11: 'it crashed (SIGSEGV)',
  15: 'it was told to end (SIGTERM), and not by systemd',
  24: 'it used up its time of the processor (SIGXCPU)',
  25: 'a file became larger than its unit allows (SIGXFSZ, LimitFSIZE=)',
  31: 'it made a system call that its unit forbids (SIGSYS, SystemCallFilter=)'
}

const results: Readonly<Record<string, string>> = {
  timeout: 'it did not get ready or did not stop in time',
  watchdog: 'it gave no sign of life for 30 s and was killed',
  'oom-kill': 'it was killed for memory',
  resources: 'systemd could not start it',
  'start-limit-hit': 'it failed too often',
  protocol: 'it ended without telling systemd that it was ready'
}

/** How a process of a unit ended. */
export interface Ended {
  status: number | undefined
  isSignal: boolean
  result: string
  /** The last line of systemd or the program that explains it; undefined without such a line. */
  words: string | undefined
}

const isOfSystemd = (line: string, unit: string): boolean => line.startsWith(`${unit}.service: `)

/** The message of a line of our log that is fatal; undefined of any other line. */
const fatalMessage = (line: string): string | undefined => {
  try {
    const parsed = JSON.parse(line) as { level?: string; msg?: string } | null
    return parsed?.level === 'fatal' ? parsed.msg : undefined
  } catch {
    return undefined
  }
}

/** Whether a line is the last one of Node or Chromium. Lines of our own log are JSON. */
const isLastWord = (line: string): boolean =>
  /^(\w*Error( \[\w+\])?: |FATAL ERROR: |node: |\[[^\]]*:(FATAL|ERROR):)/.test(line)

/** How a service ended last, by the journal. */
export const lastEnd = async (host: Host, service: Service): Promise<Ended> => {
  const { unit, properties } = service
  const { stdout } = await host.run([
    'journalctl',
    '-u',
    unit,
    '-n',
    '200',
    '-o',
    'cat',
    '--no-pager'
  ])
  const ended: Ended = {
    status: Number(properties['ExecMainStatus']) || undefined,
    isSignal: properties['ExecMainCode'] === '2' || properties['ExecMainCode'] === '3',
    result: properties['Result'] ?? '',
    words: undefined
  }
  for (const line of stdout.split('\n')) {
    const own = isOfSystemd(line, unit) ? line.slice(`${unit}.service: `.length) : ''
    const [, code, status] = /^Main process exited, code=(\w+), status=(\d+)/.exec(own) ?? []
    if (status !== undefined)
      Object.assign(ended, { status: Number(status), isSignal: code !== 'exited' })
    const [, result] = /^Failed with result '([\w-]+)'/.exec(own) ?? []
    if (result !== undefined) ended.result = result
    if (/^(Failed|Unable) (?!with result|to kill|at step)/.test(own)) ended.words = own
    const words = fatalMessage(line) ?? (isLastWord(line) ? line : undefined)
    if (words !== undefined) ended.words = words
  }
  return ended
}

/** How it ended, in plain words. */
export const describeEnd = ({ status, isSignal, result }: Ended): string => {
  if (results[result] !== undefined) return results[result]
  if (status === undefined) return 'it ended by itself'
  if (isSignal) return signals[status] ?? `a signal (${status}) ended it`
  const own = codes[status]
  return own === undefined
    ? `it ended by itself with exit status ${status}`
    : `${own} (exit status ${status} of systemd)`
}

/** Whether systemd or Node report that files of the release are missing or broken. */
const isBrokenRelease = ({ status, isSignal, words = '' }: Ended): boolean =>
  (!isSignal && status !== undefined && [200, 203, 216, 217, 226].includes(status)) ||
  /Cannot find (module|package)|ERR_MODULE_NOT_FOUND|SyntaxError|ERR_DLOPEN_FAILED/.test(words)

/** Drop-ins by an operator for this unit alone. */
const ownDropIns = ({ properties, unit }: Service): string[] =>
  (properties['DropInPaths'] ?? '')
    .split(' ')
    .filter(
      (path) =>
        path.includes(`/${unit.replace(/@.*$/, '@')}`) && !path.includes('/leadmaster-.service.d/')
    )

/** Why a unit does not start or does not stay up, with the command that fixes it. */
export const whyItFails = async (asked: Asked, service: Service): Promise<Finding> => {
  const { host, installation } = asked
  const { unit, properties } = service
  const ended = await lastEnd(host, service)
  const state = `${properties['ActiveState']} (${properties['SubState']})`
  const restarts = Number(properties['NRestarts'] || 0)
  const again =
    restarts === 0 ? '' : `, started again ${restarts === 1 ? 'once' : `${restarts} times`}`
  const said = ended.words === undefined ? '' : `; it said: ${ended.words.slice(0, 300)}`
  const begin = properties['ActiveState'] === 'active' ? 'it does not stay up' : 'not running'
  const detail = `${begin}: ${state}, ${describeEnd(ended)}${again}${said}`

  if (ended.status === 78 && !ended.isSignal) return refused(asked, service, said)
  if (isDamage(ended.words))
    return fault(name, service.name, detail, await restoreCommand(host, installation, service))
  const dropIns = ownDropIns(service)
  if (dropIns.length > 0) {
    const aside = dropIns.map((path) => `mv ${word(path)} ${word(`${path}.off`)}`).join(' && ')
    return fault(
      name,
      service.name,
      `${detail}. It has drop-ins that may be why: ${dropIns.join(', ')}`,
      `${aside} && systemctl daemon-reload && systemctl restart ${unit}`
    )
  }
  if (isBrokenRelease(ended))
    return fault(
      name,
      service.name,
      detail,
      `${upCommand(installation)} && systemctl restart ${unit}`
    )
  // systemd starts it again by itself.
  if (properties['ActiveState'] !== 'failed')
    return unexplained(
      name,
      service.name,
      `${detail}. systemd starts it again by itself; journalctl -u ${unit} has all that it said`
    )
  return fault(name, service.name, detail, restart(installation, service))
}

/** A finding for a service that refused its environment, though its file has no error now. */
const refused = async (
  { host, installation }: Asked,
  service: Service,
  said: string
): Promise<Finding> => {
  const changedAt = (await host.stat(service.envFile))?.ctimeMs ?? 0
  const endedAt = Date.parse(
    (service.properties['ExecMainExitTimestamp'] ?? '')
      .replace(/^\w+ /, '')
      .replace(' ', 'T')
      .replace(' UTC', 'Z')
  )
  const was = 'not running: its environment was refused at its start (78)'
  // systemd shows whole seconds.
  if (changedAt < endedAt)
    return unexplained(name, service.name, `${was}, and its file was not changed since${said}`)
  return fault(
    name,
    service.name,
    `${was}, though the file is right now${said}`,
    restart(installation, service)
  )
}
