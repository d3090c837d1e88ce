import { setTimeout as pause } from 'node:timers/promises'
import type { Message, MessagePage } from '../../src/contract/lead.ts'
import type { Status } from '../../src/contract/session.ts'
import { parseEnvFile } from '../../src/platform/env-file.ts'
import type { Machine, Ran } from './machine.ts'

/**
 * LeadMaster as scripts/up installs it on a machine that systemd runs, on the simulated WhatsApp.
 */
export interface Installed {
  machine: Machine
  /** Runs scripts/up of a clone in it; the first one unless told otherwise. */
  up(clone?: string): Promise<Ran>
  /** Tells the simulated WhatsApp what happens. @returns its answer */
  simulate(words: string, directory?: string): Promise<unknown>
  /** GET with the hub's token. */
  hub<T>(path: string): Promise<T>
  /** The texts of all messages in the hub, the oldest first. */
  texts(): Promise<string[]>
  /** Resolves once all these texts are in the hub. */
  arrived(texts: readonly string[], ms?: number): Promise<void>
  session(status: Status['status'], ms?: number): Promise<void>
  active(unit: string): Promise<boolean>
}

export const manager = 'leadmaster-session-manager'
export const centralHub = 'leadmaster-central-hub'
export const whatsapp = '/srv/whatsapp-web'
/** A clone in the machine: what others change in the checkout meanwhile is no matter there. */
export const clone = '/srv/leadmaster'
const tsnode = `${clone}/node_modules/.bin/node`

/** Resolves once `fits` says true of what `look` finds. */
export const eventually = async <T>(
  what: string,
  look: () => Promise<T>,
  fits: (found: T) => boolean,
  ms = 30_000
): Promise<T> => {
  for (const end = Date.now() + ms; ; await pause(200)) {
    const found = await look().catch((error: unknown) => error as T)
    if (!(found instanceof Error) && fits(found)) return found
    if (Date.now() > end)
      throw new Error(
        `${what}: not within ${ms} ms; it is ${found instanceof Error ? String(found) : JSON.stringify(found)}`
      )
  }
}

/**
 * Starts a simulated WhatsApp in the machine, where its clone is. @returns the program to name in
 * CHROMIUM_PATH
 */
export const startWhatsApp = async (machine: Machine, directory = whatsapp): Promise<string> => {
  await machine.must(
    `systemd-run --quiet --unit=${directory.split('/').at(-1)} --working-directory=${clone} ${tsnode} test/whatsapp-web/main.ts --directory ${directory}`
  )
  await machine.must(
    `until [ -s ${directory}/control.json ]; do sleep 0.1; done; chmod -R go+rX ${directory}`,
    { ms: 30_000 }
  )
  return `${directory}/chromium`
}

export const installedOn = (machine: Machine): Installed => {
  const hub = async <T>(path: string): Promise<T> => {
    const env = parseEnvFile(await machine.must('cat /etc/leadmaster/central-hub.env'))
    const { code, stdout, stderr } = await machine.run(
      `curl --silent --show-error --max-time 10 -H @- 'http://127.0.0.1:${env['PORT']}${path}'`,
      { input: `Authorization: Bearer ${env['HUB_API_TOKEN']}\n` }
    )
    if (code !== 0) throw new Error(stderr)
    return JSON.parse(stdout) as T
  }
  const texts = async (): Promise<string[]> => {
    const found: Message[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: MessagePage = await hub<MessagePage>(
        `/api/messages?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`
      )
      found.push(...page.messages)
      cursor = page.next_cursor
    }
    return found.map(({ body }) => body ?? '').reverse()
  }
  return {
    machine,
    hub,
    texts,
    up: (from = clone) =>
      machine.run(
        `cd / && SESSION_MANAGER_BASE_URL=http://127.0.0.1:3011 NODE_OPTIONS=--no-warnings ${from}/scripts/up`,
        { ms: 180_000 }
      ),
    simulate: async (words, directory = whatsapp) =>
      JSON.parse(
        await machine.must(
          `cd ${clone} && ${tsnode} test/whatsapp-web/simulate.ts ${directory}/control.json ${words}`
        )
      ) as unknown,
    arrived: async (wanted, ms) =>
      void (await eventually(
        `texts in the hub`,
        texts,
        (found) => wanted.every((text) => found.includes(text)),
        ms
      )),
    session: async (status, ms) =>
      void (await eventually(
        `session ${status}`,
        () => hub<Status>('/api/whatsapp/status'),
        (found) => found.status === status,
        ms
      )),
    active: async (unit) => (await machine.show(unit, 'ActiveState'))['ActiveState'] === 'active'
  }
}

/** Every process of the slice that lives. */
export const processesOf = async (machine: Machine): Promise<string[]> =>
  (
    await machine.must(
      `find /sys/fs/cgroup/leadmaster.slice -name cgroup.procs -exec cat {} + 2>/dev/null | while read -r pid; do tr '\\0' ' ' </proc/$pid/cmdline && echo; done 2>/dev/null || true`
    )
  )
    .split('\n')
    .filter(Boolean)

/** Puts a clone of its own in the machine. See boot for the place of the checkout. */
export const prepareClone = async (machine: Machine): Promise<void> => {
  await machine.must(
    `mkdir ${clone} && cd /srv/checkout && cp -a LICENSE README.md package.json package-lock.json tsconfig*.json .taprc deploy scripts src test node_modules dist ${clone}`
  )
}

/**
 * Installs on a fresh machine whose operator has put an env file there beforehand: it names the
 * simulation's Chromium.
 */
export const withSimulation = async (
  machine: Machine,
  more: Record<string, string> = {}
): Promise<Installed> => {
  await prepareClone(machine)
  const chromium = await startWhatsApp(machine)
  const settings = {
    CHROMIUM_PATH: chromium,
    PROBE_INTERVAL: '1s',
    RECONNECT_MIN_DELAY: '200ms',
    RECONNECT_MAX_DELAY: '2s',
    BACKFILL_INTERVAL: '5s',
    ...more
  }
  await machine.must(
    `getent group leadmaster >/dev/null && userdel leadmaster; systemd-sysusers ${clone}/deploy/systemd/leadmaster.sysusers && install -d -m 750 -g leadmaster /etc/leadmaster
     sed 's/^SESSION_MANAGER_TOKEN=$/SESSION_MANAGER_TOKEN=${'0123456789abcdef'.repeat(4)}/' ${clone}/deploy/env/session-manager.env >/etc/leadmaster/session-manager.env
     cat >>/etc/leadmaster/session-manager.env && chmod 640 /etc/leadmaster/*.env && chgrp leadmaster /etc/leadmaster/*.env`,
    {
      input: `${Object.entries(settings)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n')}\n`
    }
  )
  return installedOn(machine)
}
