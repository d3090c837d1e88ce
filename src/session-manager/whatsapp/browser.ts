import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type whatsapp from 'whatsapp-web.js'
import type { Log } from '../../platform/log.ts'
import type { Proxy } from '../../platform/proxy.ts'

/** Launches Chromium and manages its profile, which only one browser at a time may hold. */

export type Client = InstanceType<typeof whatsapp.Client>
export type Browser = NonNullable<Client['pupBrowser']>
export type Page = NonNullable<Client['pupPage']>
export type Target = ReturnType<Page['target']>

/**
 * Chromium's temporary files hold what people wrote, so they are in the state directory, too.
 */
const temporaryDirectory = (profile: string): string => join(dirname(profile), 'tmp')

/** Deletes the temporary files of an earlier Chromium. */
export const emptyTemporaryDirectory = async (profile: string): Promise<void> => {
  const directory = temporaryDirectory(profile)
  await rm(directory, { recursive: true, force: true, maxRetries: 4 })
  await mkdir(directory, { recursive: true, mode: 0o700 })
}

/**
 * User and password are not among them, because every user of the machine can read a command line.
 * They are given when the proxy asks.
 */
const proxyArguments = (proxy: Proxy | undefined): string[] =>
  proxy === undefined ? [] : [`--proxy-server=${proxy.server}`]

/**
 * Options for puppeteer. The sandbox stays on. A pipe instead of a debugging port drives Chromium.
 * Its environment is clean, because ours holds tokens. Signals to this process are ours to handle.
 * @param proxy the way to everything but this machine: Chromium reaches loopback addresses directly
 */
export const launchOptions = (executablePath: string, profile: string, proxy?: Proxy) => ({
  executablePath,
  headless: true,
  pipe: true,
  userDataDir: profile,
  handleSIGINT: false,
  handleSIGTERM: false,
  handleSIGHUP: false,
  defaultViewport: null,
  timeout: 30_000,
  protocolTimeout: 60_000,
  env: {
    HOME: profile,
    TMPDIR: temporaryDirectory(profile),
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'C.UTF-8',
    TZ: 'UTC'
  },
  args: [
    '--disable-quic',
    '--disable-component-update',
    '--disable-sync',
    '--disable-gpu',
    '--no-first-run',
    '--disable-dev-shm-usage',
    '--disable-notifications',
    '--mute-audio',
    '--block-new-web-contents',
    ...proxyArguments(proxy)
  ]
})

/**
 * Calls `onCrash` when the renderer of a page dies, or is already dead. The page's own `error`
 * event comes too late for an early death: puppeteer asks a page for a dozen things before it hands
 * it out, and waits for a dead page until its timeout.
 */
export const onCrash = async (target: Target, callback: () => void): Promise<void> => {
  const session = await target.createCDPSession()
  session.on('Inspector.targetCrashed', callback)
  // With this Chromium also reports a crash that was before.
  await session.send('Inspector.enable')
}

/**
 * The user agent of this Chromium as if it had a window: WhatsApp Web rejects headless and old
 * browsers.
 * @throws when the program is missing or does not run
 */
export const userAgent = async (executablePath: string): Promise<string> => {
  const { stdout } = await promisify(execFile)(executablePath, ['--version'], {
    timeout: 30_000,
    env: { PATH: '/usr/bin:/bin' }
  })
  const [, major] = /(\d+)\.\d+\.\d+\.\d+/.exec(stdout) ?? []
  if (major === undefined) throw new Error(`${executablePath} --version printed no version`)
  const engine = 'AppleWebKit/537.36 (KHTML, like Gecko)'
  return `Mozilla/5.0 (X11; Linux x86_64) ${engine} Chrome/${major}.0.0.0 Safari/537.36`
}

const commandLine = (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')

/** Sends a signal to a process group. A group that is already gone is no error. */
export const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Pids of browsers that hold a profile. A browser without a window puts no lock in it. */
const holdersOf = async (profile: string): Promise<number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const lines = await Promise.all(pids.map(commandLine))
  // Of Chromium's processes only the browser itself has no --type.
  return pids.filter(
    (_, at) =>
      lines[at]?.split('\0').includes(`--user-data-dir=${profile}`) &&
      !lines[at]?.includes('--type=')
  )
}

/**
 * Waits for `graceMs` at most until no browser holds the profile. The end of a process that is not
 * a child of this one has no event, so it is polled.
 * @param holders pids of the browsers that hold it now
 * @returns pids of the browsers that still hold it
 */
const holdersAfter = async (
  profile: string,
  holders: number[],
  graceMs: number
): Promise<number[]> => {
  const end = performance.now() + graceMs
  let current = holders
  while (current.length > 0 && performance.now() < end) {
    await delay(50)
    current = await holdersOf(profile)
  }
  return current
}

/**
 * Frees the profile of what an earlier run left. Only LeadMaster uses the profile, so a browser
 * that still holds it is a leftover and is killed. Chromium with a window puts `SingletonLock` (a
 * link to host-pid) in it, and refuses to start while the lock is there.
 */
export const releaseProfile = async (profile: string, log: Log, graceMs = 5_000): Promise<void> => {
  const holders = await holdersAfter(profile, await holdersOf(profile), graceMs)
  for (const pid of holders) {
    log.warn(
      { event: 'leftover_browser', pid },
      'a Chromium of an earlier run still holds the profile: ending it'
    )
    signalGroup(pid, 'SIGKILL')
  }
  await holdersAfter(profile, holders, graceMs)
  if ((await readlink(join(profile, 'SingletonLock')).catch(() => undefined)) === undefined) return
  log.info({ event: 'profile_released' }, 'removed the lock a browser left in the profile')
  await Promise.all(
    ['SingletonLock', 'SingletonCookie', 'SingletonSocket'].map((name) =>
      rm(join(profile, name), { force: true })
    )
  )
}

/** Deletes the linked device. The browser must be closed. */
export const forgetDevice = (profile: string): Promise<void> =>
  rm(profile, { recursive: true, force: true, maxRetries: 4 })
