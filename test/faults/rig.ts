import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { InboundPage } from '../../src/contract/record.ts'
import type { Status } from '../../src/contract/session.ts'
import { ask, centralHubEnv, freePort, sessionManagerEnv, token } from '../end-to-end/daemon.ts'
import { startFrontend, type Frontend } from '../lab/frontend.ts'
import { killAll } from '../lab/processes.ts'
import { readAll } from '../lab/verdict.ts'
import { startWhatsAppWeb, type WhatsAppWeb } from '../whatsapp-web/server.ts'
import { makeMachine, user, type Machine } from './machine.ts'
import { startOperator, type Operator } from './operator.ts'
import { startProxy, type Proxy } from './proxy.ts'
import { makeUnit, openNotifications, type Unit } from './units.ts'

/**
 * Both daemons as their units run them, the simulated WhatsApp, somebody who writes to it, and who
 * looks on.
 */
export interface Rig {
  web: WhatsAppWeb
  sessionManager: Unit
  hub: Unit
  /** Between the hub and session-manager, if that was asked for. */
  proxy: Proxy | undefined
  /** As root only. */
  machine: Machine | undefined
  operator: Operator
  frontend: Frontend
  /** The id of every message that was ever written. */
  sent: Set<string>
  /**
   * So many texts at a rate (a second); `silent`: the page takes them in and tells nobody. Resolves
   * once they are written.
   */
  write(count: number, perSecond: number, silent?: boolean): Promise<void>
  /** systemctl start and stop, in the order that the units ask for. */
  start(): Promise<void>
  stop(): Promise<void>
  /** What session-manager itself says, undefined when it does not answer. */
  status(): Promise<Status | undefined>
  /** The ids that each has, as often as it has them. */
  journal(): Promise<string[]>
  stored(): Promise<string[]>
  /** Waits, in words, until that is so; @returns whether it came to be within the time */
  until(isSo: () => boolean | Promise<boolean>, ms: number): Promise<boolean>
  close(): Promise<void>
}

export interface RigOptions {
  directory: string
  /** What the build made. */
  dist: string
  /** The hub reaches session-manager through one. */
  proxied: boolean
  /** As root: with disks, a clock and memory of its own. */
  isolated: boolean
  /** More of session-manager's environment. */
  env?: Record<string, string>
}

const unprivileged = fileURLToPath(new URL('../../scripts/unprivileged', import.meta.url))
const chats = 12

/**
 * As on a server, but that reading back comes round sooner: what is lost silently is found by it.
 */
const asOnServer = { NODE_ENV: 'production', LOG_LEVEL: 'info' }
const hastened = { BACKFILL_INTERVAL: '10s', BACKFILL_OVERLAP: '15m' }

export const startRig = async ({
  directory,
  dist,
  proxied,
  isolated,
  env: more = {}
}: RigOptions): Promise<Rig> => {
  if (isolated) execFileSync(unprivileged, ['true']) // makes the user if need be
  const owner = isolated ? Number(execFileSync('id', ['-u', user], { encoding: 'utf8' })) : 0
  const web = await startWhatsAppWeb({ directory: join(directory, 'whatsapp') })
  const machine = isolated ? makeMachine(directory, owner) : undefined
  const sockets = join(directory, 'n')
  mkdirSync(sockets)
  const notify = await openNotifications(sockets)
  const state = machine?.state ?? join(directory, 'state')
  const [port, hubPort] = [await freePort(), await freePort()]
  const proxy = proxied ? await startProxy(port) : undefined
  const url = `http://127.0.0.1:${port}`

  const command = (name: Unit['name'], stateDir: string, env: Record<string, string>): string[] => {
    const all = {
      ...env,
      ...asOnServer,
      NOTIFY_SOCKET: notify.path(name),
      WATCHDOG_USEC: '30000000'
    }
    const variables = Object.entries(all).map(([variable, value]) => `${variable}=${value}`)
    const program = [process.execPath, '--max-semi-space-size=1', join(dist, name, 'main.js')]
    return [unprivileged, '--with-parent', '--own', stateDir, ...variables, ...program]
  }
  const stateDir = join(state, 'session-manager')
  const {
    PROBE_INTERVAL: _probe,
    RECONNECT_MIN_DELAY: _min,
    RECONNECT_MAX_DELAY: _max,
    ...env
  } = sessionManagerEnv({ port, stateDir, chromiumPath: web.chromiumPath })
  const hubState = join(state, 'hub')
  const {
    UPSTREAM_CHECK_INTERVAL: _check,
    UPSTREAM_MAX_DELAY: _delay,
    ...hubEnv
  } = centralHubEnv({
    port: hubPort,
    stateDir: hubState,
    sessionManager: proxy ? `http://127.0.0.1:${proxy.port}` : url
  })
  const nothing = (): Promise<void> => Promise.resolve()
  const hub = makeUnit({
    name: 'central-hub',
    url: `http://127.0.0.1:${hubPort}`,
    command: command('central-hub', hubState, { ...hubEnv, RATE_LIMIT: '1000000' }),
    notify,
    stopMs: 25_000,
    bury: nothing
  })
  const sessionManager = makeUnit({
    name: 'session-manager',
    url,
    command: command('session-manager', stateDir, { ...env, ...hastened, ...more }),
    notify,
    stopMs: 30_000,
    bury: async () => killAll(await web.chromium()),
    // Requires= and After=: a session-manager that is started again has the hub started again
    onRestarted: () => void hub.restart()
  })
  const frontend = startFrontend('operator', [hub.url])
  const operator = startOperator(hub.url, [sessionManager, hub])

  const sent = new Set<string>()
  let number = 0
  const write: Rig['write'] = async (count, perSecond, silent = false) => {
    const started = performance.now()
    for (let written = 0; written < count; ) {
      const due = Math.min(
        count,
        Math.floor(((performance.now() - started) / 1_000) * perSecond) + 1
      )
      for (; written < due; written += 1) {
        const lead = (number += 1) % chats
        sent.add(
          web.phone.text({
            from: `5215550${String(lead).padStart(6, '0')}`,
            name: `Lead ${lead}`,
            text: `message ${number}`,
            silent
          }).id
        )
      }
      await delay(5)
    }
  }
  const start = async (): Promise<void> => {
    await sessionManager.start()
    await hub.start()
  }
  const stop = async (): Promise<void> => {
    await hub.stop()
    await sessionManager.stop()
  }
  const rig: Rig = {
    web,
    sessionManager,
    hub,
    proxy,
    machine,
    operator,
    frontend,
    sent,
    write,
    start,
    stop,
    status: () =>
      ask<Status>(`${url}/status`, token, { signal: AbortSignal.timeout(2_000) }).then(
        ({ body }) => body,
        () => undefined
      ),
    journal: async () => {
      const ids: string[] = []
      for (let after = 0; ; ) {
        const { body } = await ask<InboundPage>(`${url}/inbound?after=${after}&limit=1000`, token)
        for (const record of body.records)
          if (record.kind === 'message') ids.push(record.message.id)
        if (body.records.length === 0) return ids
        after = body.next_after
      }
    },
    stored: async () =>
      (await readAll(frontend.client)).map((key) => key.slice(key.indexOf(' ') + 1)),
    until: async (isSo, ms) => {
      for (const end = Date.now() + ms; Date.now() < end; await delay(100))
        if (await isSo()) return true
      return false
    },
    close: async () => {
      await stop()
      await Promise.all([operator.stop(), frontend.stop()])
      await web.close()
      await proxy?.close()
      machine?.close()
      await notify.close()
    }
  }
  return rig
}
