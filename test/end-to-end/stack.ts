import { join } from 'node:path'
import type { Test } from 'tap'
import type { Lead, LeadPage, Message, MessagePage } from '../../src/contract/lead.ts'
import { storeEnv } from '../central-hub/store/place.ts'
import { browserDirectory } from '../whatsapp-web/directory.ts'
import { startWhatsAppWeb, type Scenario, type WhatsAppWeb } from '../whatsapp-web/server.ts'
import {
  apiToken,
  ask,
  centralHubEnv,
  freePort,
  sessionManagerEnv,
  startDaemon,
  type Daemon
} from './daemon.ts'

/** Both real daemons, on the simulated WhatsApp Web in the real Chromium. */
export interface Stack {
  web: WhatsAppWeb
  sessionManager: Service
  hub: Service
  /** Everything of a list of the hub, page by page. */
  leads(search?: string): Promise<Lead[]>
  messages(path?: string): Promise<Message[]>
}

/**
 * A daemon that is started again whenever it ends, as systemd would; `daemon` is the process that
 * runs now.
 */
export interface Service {
  readonly daemon: Daemon
  url: string
  /** How often it was started. */
  starts(): number
  /** Resolves once the process that runs by then listens. */
  listening(): Promise<void>
  /** Sends a signal to the process that runs now, and resolves when that one is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  stop(): Promise<void>
}

const keepRunning = (
  name: 'session-manager' | 'central-hub',
  env: Record<string, string>
): Service => {
  let starts = 0
  let stopping = false
  const start = (): Daemon => {
    starts += 1
    const daemon = startDaemon(name, env)
    void daemon.ended.then(() => {
      if (!stopping) service.daemon = start()
    })
    return daemon
  }
  const service = {
    daemon: undefined as unknown as Daemon,
    url: `http://127.0.0.1:${env['PORT']}`,
    starts: () => starts,
    listening: async () => {
      for (;;) {
        const { daemon } = service
        try {
          return void (await daemon.seen('listening'))
        } catch (error) {
          // it was killed before it listened: the next one is meant
          if (daemon === service.daemon) throw error
        }
      }
    },
    kill: async (signal: NodeJS.Signals = 'SIGKILL') => void (await service.daemon.end(signal)),
    stop: async () => {
      stopping = true
      await service.daemon.end('SIGTERM')
    }
  }
  service.daemon = start()
  return service
}

export interface StackOptions {
  sessionManagerEnv?: Record<string, string>
  hubEnv?: Record<string, string>
  scenario?: Partial<Scenario>
}

/** Runs a test on a stack of its own, and asserts that nothing was sent in it. */
export const withStack = async (
  t: Test,
  options: StackOptions,
  body: (stack: Stack) => Promise<void>
): Promise<void> => {
  const { path: directory, remove } = browserDirectory()
  const web = await startWhatsAppWeb({
    directory: join(directory, 'whatsapp'),
    scenario: options.scenario ?? {}
  })
  const [port, hubPort] = [await freePort(), await freePort()]
  const sessionManager = keepRunning('session-manager', {
    ...sessionManagerEnv({
      port,
      stateDir: join(directory, 'session-manager'),
      chromiumPath: web.chromiumPath
    }),
    ...options.sessionManagerEnv
  })
  const hub = keepRunning('central-hub', {
    ...centralHubEnv({
      port: hubPort,
      stateDir: join(directory, 'hub'),
      sessionManager: sessionManager.url
    }),
    ...(await storeEnv(t)),
    ...options.hubEnv
  })
  const pages = async <P extends { next_cursor: string | null }, T>(
    path: string,
    items: (page: P) => T[]
  ): Promise<T[]> => {
    const found: T[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: P = (
        await ask<P>(
          `${hub.url}${path}${path.includes('?') ? '&' : '?'}limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`,
          apiToken
        )
      ).body
      found.push(...items(page))
      cursor = page.next_cursor
    }
    return found
  }
  t.teardown(async () => {
    await Promise.all([hub.stop(), sessionManager.stop()])
    await web.close()
    remove()
  })
  await body({
    web,
    sessionManager,
    hub,
    leads: (search = '') => pages<LeadPage, Lead>(`/api/leads${search}`, ({ leads }) => leads),
    messages: (path = '/api/messages') =>
      pages<MessagePage, Message>(path, ({ messages }) => messages)
  })
  t.same(web.outbound(), [], 'nothing was sent, marked as seen or shown as presence')
}
