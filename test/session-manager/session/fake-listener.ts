import { EventEmitter, once } from 'node:events'
import type { GuardVerdict } from '../../../src/session-manager/whatsapp/guards.ts'
import type {
  Listener,
  ListenerEvent,
  Look
} from '../../../src/session-manager/whatsapp/listener.ts'

/**
 * Listeners without a browser, played by a test: each made tells what was asked of it, and says
 * what the test has it say.
 */
export interface FakeListener extends Listener {
  /** What was called, in order. */
  calls: string[]
  say(event: ListenerEvent): void
  /** What the page shows to a probe; an error is one that does not answer. */
  page: Look | Error
  /** What the page lacks, in words. */
  lacks: string | undefined
  /** What WhatsApp answers when a pairing code is asked for. */
  code: () => Promise<string>
  /** Has the next calls of a method wait until the promise settles. */
  hold: {
    start?: Promise<void>
    stop?: Promise<void>
    unlink?: Promise<void>
    passkey?: Promise<void>
  }
}

export interface FakeListeners {
  create: (onEvent: (event: ListenerEvent) => void) => FakeListener
  made: FakeListener[]
  /** How many browsers were up at once at most. */
  maxAtOnce(): number
  /** Resolves once a call, past or to come, of listener `index` is there `times` times. */
  called(index: number, call: string, times?: number): Promise<FakeListener>
}

export const ready: ListenerEvent = {
  type: 'ready',
  me: { id: '5215512345678@c.us', phone: '+5215512345678' },
  version: '2.3000.1'
}
export const page = (
  facts: Partial<Omit<Look, 'guard'>> & { guard?: Partial<GuardVerdict> } = {}
): Look => ({
  socket: facts.socket === undefined ? 'CONNECTED' : facts.socket,
  synced: facts.synced ?? false,
  guard: { wire: 'in_force', modules: 'in_force', ...facts.guard },
  newest: facts.newest ?? []
})

/** @param script what a listener is like, by its index: called as it is made */
export const fakeListeners = (
  script: (listener: FakeListener, index: number) => void = () => undefined
): FakeListeners => {
  const made: FakeListener[] = []
  const news = new EventEmitter().setMaxListeners(0)
  let up = 0
  let most = 0
  const create = (onEvent: (event: ListenerEvent) => void): FakeListener => {
    const calls: string[] = []
    let running = false
    const note = (call: string): void => {
      calls.push(call)
      news.emit('call')
    }
    const listener: FakeListener = {
      calls,
      page: page(),
      lacks: undefined,
      hold: {},
      code: async () => 'ABCD-EFGH',
      say: onEvent,
      start: async () => {
        running = true
        most = Math.max(most, (up += 1))
        note('start')
        await listener.hold.start
      },
      releaseHeld: async () => note('releaseHeld'),
      stop: async () => {
        note('stop')
        await listener.hold.stop
        if (running) up -= 1
        running = false
        note('stopped')
      },
      unlink: async () => {
        note('unlink')
        await listener.hold.unlink
        return true
      },
      probe: async () => {
        const { page } = listener
        note('probe')
        if (page instanceof Error) throw page
        return page
      },
      whyNotReady: async (stage) => {
        note(`whyNotReady ${stage}`)
        return listener.lacks
      },
      pageReport: async () => ({
        whatsapp_web: '2.3000.1',
        chromium: 142,
        checks: [],
        modules: {},
        messages: {}
      }),
      reinject: async () => note('reinject'),
      reload: async () => note('reload'),
      reportSync: async () => note('reportSync'),
      refreshQr: async () => note('refreshQr'),
      pairingCode: async (phone) => {
        note(`pairingCode ${phone}`)
        return listener.code()
      },
      passkey: {
        answer: async (answer) => {
          note(`passkey answer ${answer.id}`)
          await listener.hold.passkey
        },
        confirm: async () => note('passkey confirm'),
        restart: async () => note('passkey restart'),
        cancel: async () => note('passkey cancel')
      },
      cancelPairing: async () => note('cancelPairing'),
      phones: async () => new Map(),
      readBack: async function* () {},
      media: async () => ({ outcome: 'gone', reason: 'a listener without a browser has no media' })
    }
    made.push(listener)
    script(listener, made.length - 1)
    news.emit('call')
    return listener
  }
  return {
    create,
    made,
    maxAtOnce: () => most,
    called: async (index, call, times = 1) => {
      const signal = AbortSignal.timeout(15_000)
      for (;;) {
        const listener = made[index]
        if (
          listener !== undefined &&
          listener.calls.filter((name) => name === call).length >= times
        )
          return listener
        await once(news, 'call', { signal }).catch(() => {
          throw new Error(
            `listener ${index} was not asked to ${call} ${times} times; calls: ${JSON.stringify(made.map(({ calls }) => calls))}`
          )
        })
      }
    }
  }
}
