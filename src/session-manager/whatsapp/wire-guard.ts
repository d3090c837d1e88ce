import type { ModuleHook } from './module-hook.ts'
import type { SocketWatch } from './socket-watch.ts'
import type { StanzaRules, Verdict } from './wire-rules.ts'

/**
 * The fence on the wire. Each stanza leaves by WAComms' castStanza, which looks `encodeStanza` up
 * on the exports of WAWap at each call; our function is there from the moment the module is made.
 *
 * How a stanza is refused, by what WAComms does (April 2026): castStanza catches what encodeStanza
 * throws, logs it and resolves; nothing is handed to the encryption, whose counter must not skip a
 * number. So a throw harms nobody who only casts: presence, typing, receipts without an answer.
 * A sender that awaits an answer (iq, message, read receipt) stays in the list of open questions:
 * WAComms would close the connection after 20 s without a word of the server, open it again and
 * repeat the question, without end. So each open question about a refused stanza is answered here,
 * in the next turn: an iq with error 503, which WhatsApp Web takes for a temporary error (400, 404,
 * 405 and 406 on an app-state iq would unlink the device), other stanzas with an ack that carries
 * an error.
 *
 * A change of the account's settings is not refused here alone. WhatsApp Web writes one at each
 * load (the capabilities of this device), keeps it in its database and sends it with its next
 * reading. Refused, it would be tried again with all collections read beside it, and after two days
 * WhatsApp Web unlinks the device (WAWebSyncd, WAWebSyncdFatal). So the page keeps no change and
 * finds none that it kept before: it only reads. A later page may keep changes in another place: then the
 * refusal on the wire is reported as a limit of the session (guards.ts), and no collection is
 * called expired.
 */

/**
 * Whether a fence holds. 'absent': it is not there; 'open': it is there, and something can pass it.
 */
export type FenceState = 'in_force' | 'absent' | 'open'

export interface WireLook {
  state: FenceState
  /** Why it is not in force. */
  reason: string
}

/** What the fence counts, and hands over. */
export interface StanzaCount extends Verdict {
  count: number
}

/** What installWireGuard offers in the page. */
export interface WireGuard {
  look(): WireLook
  /** Whether encodeStanza is replaced. Only a look shows the rest. */
  isArmed(): boolean
  /** Counts something refused by another fence. */
  count(verdict: Verdict): void
  /** Hands over what was counted since the last time. */
  flush(): void
}

/**
 * Runs in the page after installModuleHook, installStanzaRules and installSocketWatch. It is one
 * function, because the page gets it as one text.
 * @param callback name of the page's function that takes the counts
 */
export const installWireGuard = (callback: string): void => {
  type AnyFunction = (...args: unknown[]) => unknown
  type Holder = Record<string, unknown>
  interface Pending {
    stanza?: unknown
  }
  interface Comms {
    socketId: number
    filterPending?: (test: (pending: Pending) => boolean) => Pending[]
    handleStanza: (stanza: unknown, socketId: number, bytes: number) => unknown
    removeHandler?: (pending: Pending, reason: string) => void
  }
  interface CommsModule {
    getComms?: () => Comms | null
    cancelDeadSocketTimer?: () => void
  }
  interface Stanza {
    tag?: unknown
    attrs?: Record<string, unknown>
  }

  const flushEvery = 200
  const scope = globalThis as unknown as Record<PropertyKey, unknown>
  const hook = scope[Symbol.for('leadmaster.modules')] as ModuleHook | undefined
  const rules = scope[Symbol.for('leadmaster.rules')] as StanzaRules
  const sockets = scope[Symbol.for('leadmaster.sockets')] as SocketWatch
  /** The exports of WAWap, again after each time that the page made the module. */
  const guarded: { exports: Holder; ours: AnyFunction | undefined }[] = []
  /** Stanzas that only try whether they are refused. */
  const trials = new WeakSet<object>()
  /**
   * Errors that this fence threw. The page's logger may upload their text, so it does not name
   * LeadMaster.
   */
  const refusals = new WeakSet<object>()
  const refusal = (): Error => {
    const error = new Error('not allowed')
    refusals.add(error)
    return error
  }
  let seenModule = false
  let comms: CommsModule | undefined
  let socketModule: { Socket?: { state?: unknown } } | undefined

  let counts = new Map<string, StanzaCount>()
  let counted = 0
  const flush = (): void => {
    const take = scope[callback]
    if (counts.size === 0 || typeof take !== 'function') return
    const all = [...counts.values()]
    counts = new Map()
    counted = 0
    ;(take as AnyFunction)(all)
  }
  const count = (verdict: Verdict): void => {
    const key = JSON.stringify([verdict.tag, verdict.type, verdict.isAllowed])
    const known = counts.get(key) ?? { ...verdict, count: 0 }
    counts.set(key, { ...known, count: known.count + 1 })
    counted += 1
    if (!verdict.isAllowed || counted >= flushEvery) flush()
  }

  /** What the server would say if it refused the stanza for now. */
  const answerTo = ({ tag, attrs = {} }: Stanza, exports: Holder): unknown => {
    const make = exports['makeWapNode'] as (
      tag: string,
      attrs: object,
      ...children: unknown[]
    ) => unknown
    const server = exports['S_WHATSAPP_NET']
    if (tag === 'iq') {
      const error = make('error', { code: '503', text: 'service-unavailable', backoff: '3600' })
      return make('iq', { type: 'error', id: attrs['id'], from: attrs['to'] ?? server }, error)
    }
    const same: Record<string, unknown> = {}
    for (const name of ['participant', 'recipient', 'type'])
      if (attrs[name] != null) same[name] = attrs[name]
    return make('ack', {
      ...same,
      class: tag,
      id: attrs['id'],
      from: attrs['to'] ?? server,
      error: '503'
    })
  }
  /** Ends the page's wait for an answer to a stanza that was refused. */
  const answer = (stanza: Stanza, exports: Holder): void => {
    const mine = comms?.getComms?.()
    if (mine === undefined || mine === null) return
    const open = (): Pending[] => mine.filterPending?.((pending) => pending.stanza === stanza) ?? []
    if (mine.filterPending !== undefined && open().length === 0) return
    try {
      mine.handleStanza(answerTo(stanza, exports), mine.socketId, 0)
    } finally {
      for (const pending of open()) mine.removeHandler?.(pending, 'abort')
      // WAComms counts on an answer by the server within 20 s; other open questions still get one.
      if (mine.filterPending?.(() => true).length === 0) comms?.cancelDeadSocketTimer?.()
    }
  }
  const answerLater = (stanza: unknown, exports: Holder): void => {
    setTimeout(() => {
      try {
        answer(stanza as Stanza, exports)
      } catch {
        // A page whose WAComms is another one asks again; each time it is refused.
      }
    }, 0)
  }

  const guard = (exports: Holder): void => {
    const original = exports['encodeStanza']
    if (typeof original !== 'function') return
    const ours = new Proxy(original as AnyFunction, {
      apply: (target, self, args) => {
        const [stanza] = args as [unknown]
        const verdict = rules.judge(stanza)
        const isTrial = typeof stanza === 'object' && stanza !== null && trials.has(stanza)
        if (!verdict.isAllowed) {
          if (!isTrial) {
            count(verdict)
            answerLater(stanza, exports)
          }
          throw refusal()
        }
        const bytes = Reflect.apply(target, self, args) as Uint8Array
        sockets.passed(bytes.byteLength)
        count(verdict)
        return bytes
      }
    })
    // Noted before it is tried: exports that resist are a hole, not a fence that is absent.
    const entry: (typeof guarded)[number] = { exports, ours: undefined }
    guarded.push(entry)
    if (
      Reflect.defineProperty(exports, 'encodeStanza', {
        value: ours,
        writable: false,
        configurable: false,
        enumerable: true
      })
    )
      entry.ours = ours
  }

  const isArmed = (): boolean =>
    guarded.length > 0 &&
    guarded.every(({ exports, ours }) => ours !== undefined && exports['encodeStanza'] === ours)
  /** Whether the function that the page calls refuses what must not leave. */
  const refusesTrial = (exports: Holder): boolean => {
    const trial = { tag: 'presence', attrs: { type: 'available' }, content: null }
    trials.add(trial)
    try {
      ;(exports['encodeStanza'] as AnyFunction)(trial)
      return false
    } catch (error) {
      return typeof error === 'object' && error !== null && refusals.has(error)
    }
  }
  const look = (): WireLook => {
    flush()
    if (guarded.length === 0)
      return {
        state: 'absent',
        reason: seenModule ? 'its module WAWap has no encodeStanza' : 'it has made no module WAWap'
      }
    if (hook?.sees() !== 'define')
      return { state: 'open', reason: 'its module loader is another one' }
    if (!isArmed()) return { state: 'open', reason: 'WAWap.encodeStanza could not be replaced' }
    if (!guarded.every(({ exports }) => refusesTrial(exports)))
      return { state: 'open', reason: 'WAWap.encodeStanza does not refuse a trial' }
    const { sockets: opened, unseen } = sockets.look()
    if (unseen > 0)
      return { state: 'open', reason: `${unseen} frames left that did not pass WAWap.encodeStanza` }
    if (opened === 0 && socketModule?.Socket?.state === 'CONNECTED')
      return { state: 'absent', reason: 'its connection is not in the window' }
    return { state: 'in_force', reason: '' }
  }

  hook?.onModule('WAWap', (exports: Holder) => {
    seenModule = true
    guard(exports)
  })
  hook?.onModule('WAComms', (exports: CommsModule) => {
    comms = exports
  })
  hook?.onModule('WAWebSyncdDb', (exports: Holder) => {
    const type = 'WAWebSyncdDb.appendPendingMutationsRows'
    const instead: Record<string, () => unknown> = {
      appendPendingMutationsRows: () => count({ tag: 'function', type, isAllowed: false }),
      getAllPendingMutationsRows: () => [],
      getPendingMutationsRows: () => [],
      getCollectionsWithPendingMutations: () => new Set()
    }
    for (const [name, answer] of Object.entries(instead)) {
      if (typeof exports[name] === 'function') exports[name] = async () => answer()
    }
  })
  // Where changes are kept by another name, the refused ones at least end in no unlinking: no
  // collection is ever expired.
  hook?.onModule('WAWebSyncdCollectionsStateMachine', (exports: Holder, value: Holder) => {
    for (const holder of new Set([exports, value])) {
      if (typeof holder['getExpiredCollections'] === 'function')
        holder['getExpiredCollections'] = () => []
    }
  })
  hook?.onModule('WAWebSocketModel', (exports: { Socket?: { state?: unknown } }) => {
    socketModule = exports
  })
  ;(
    globalThis as unknown as { addEventListener?: (name: string, listener: () => void) => void }
  ).addEventListener?.('pagehide', flush)
  Object.defineProperty(scope, Symbol.for('leadmaster.wire'), {
    value: Object.freeze({ look, isArmed, count, flush })
  })
}
