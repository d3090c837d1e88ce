import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type whatsapp from 'whatsapp-web.js'
import type { Log } from '../../platform/log.ts'
import type { Proxy } from '../../platform/proxy.ts'

/** Chromium: how it is launched, and its profile, which one browser at a time may hold. */

export type Client = InstanceType<typeof whatsapp.Client>
export type Browser = NonNullable<Client['pupBrowser']>
export type Page = NonNullable<Client['pupPage']>
export type Target = ReturnType<Page['target']>

/**
 * Where Chromium keeps temporary files: they hold what people wrote, so they are in the state
 * directory, too.
 */
const temporaryDirectory = (profile: string): string => join(dirname(profile), 'tmp')

/** Deletes what an earlier Chromium left there. */
export const emptyTemporaryDirectory = async (profile: string): Promise<void> => {
  const directory = temporaryDirectory(profile)
  await rm(directory, { recursive: true, force: true, maxRetries: 4 })
  await mkdir(directory, { recursive: true, mode: 0o700 })
}

/**
 * User and password are given later, when the proxy asks: every user of the machine may read a
 * command line.
 */
const proxyArguments = (proxy: Proxy | undefined): string[] =>
  proxy === undefined ? [] : [`--proxy-server=${proxy.server}`]

/**
 * What puppeteer starts Chromium with. Its sandbox stays on; it is driven by a pipe, so there is no
 * debugging port; its environment is clean, for ours holds tokens; and signals to us are ours to
 * handle.
 * @param proxy by which it reaches everything but this machine: by itself Chromium reaches loopback
 * addresses directly
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
 * Tells when the renderer of a page dies, or that it is dead. The page's own `error` comes too late
 * for one that dies early: puppeteer asks a page for a dozen things before it hands it out, and
 * waits for a dead one as long as it may.
 */
export const hearCrash = async (target: Target, onCrash: () => void): Promise<void> => {
  const session = await target.createCDPSession()
  session.on('Inspector.targetCrashed', onCrash)
  // this is what has Chromium tell of a crash that was before
  await session.send('Inspector.enable')
}

/**
 * The user agent of this Chromium, as one with a window would give it: WhatsApp Web turns away
 * headless and old ones.
 * @throws when the program is missing or does not run
 */
export const userAgent = async (executablePath: string): Promise<string> => {
  const { stdout } = await promisify(execFile)(executablePath, ['--version'], {
    timeout: 30_000,
    env: { PATH: '/usr/bin:/bin' }
  })
  const [, major] = /(\d+)\.\d+\.\d+\.\d+/.exec(stdout) ?? []
  if (major === undefined) throw new Error(`${executablePath} --version printed no version`)
  return `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${major}.0.0.0 Safari/537.36`
}

const commandLine = (pid: number): Promise<string> =>
  readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')

/** Sends a signal to a process group; a group that is gone already is what was wanted. */
export const signalGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Browsers that hold a profile; one without a window puts no lock in it. */
const holdersOf = async (profile: string): Promise<number[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const lines = await Promise.all(pids.map(commandLine))
  // of its processes the browser alone has a type of its own: none
  return pids.filter(
    (_, at) =>
      lines[at]?.split('\0').includes(`--user-data-dir=${profile}`) &&
      !lines[at]?.includes('--type=')
  )
}

/**
 * Frees the profile of what an earlier run left. The profile is ours alone, so a browser that still
 * holds it is a leftover and is ended. Chromium with a window puts `SingletonLock` (a link to
 * host-pid) in it and refuses to start while it is there.
 */
export const releaseProfile = async (profile: string, log: Log, graceMs = 5_000): Promise<void> => {
  // there is no event for the end of a process that is not a child of ours
  let holders = await holdersOf(profile)
  for (
    const end = performance.now() + graceMs;
    holders.length > 0 && performance.now() < end;
    holders = await holdersOf(profile)
  )
    await delay(50)
  for (const pid of holders) {
    log.warn(
      { event: 'leftover_browser', pid },
      'a Chromium of an earlier run still holds the profile: ending it'
    )
    signalGroup(pid, 'SIGKILL')
  }
  for (
    const end = performance.now() + graceMs;
    holders.length > 0 && performance.now() < end;
    holders = await holdersOf(profile)
  )
    await delay(50)
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
