import type { Ids } from './id-shim.ts'
import type { ModuleHook } from './module-hook.ts'

/**
 * Our own listeners in the page, beside those of whatsapp-web.js: on the page's collection of
 * messages, and on the two writers of reactions and votes. A message that the library reports in
 * the same turn is skipped. One that it does not report is handed over by us, and counted as a
 * difference. Reactions and votes are always handed over: their equal keys meet in the journal.
 */

/** What our own listeners tell, as calls of the page: `[kind, model, previous text?]`. */
export type EarKind =
  | 'message'
  | 'ciphertext'
  | 'ciphertext_failed'
  | 'edit'
  | 'revoked'
  | 'removed'
  | 'reaction'
  | 'vote'

/** The page calls these as it calls the library's callbacks (callbacks.ts). */
export const earCalls = { report: 'leadmasterTold', difference: 'leadmasterDifference' } as const

/** What the page offers at `globalThis[Symbol.for('leadmaster.ear')]`. */
export interface Ear {
  /**
   * From now on the library listens, or should: what one of us hears the other has to hear, too.
   */
  begin(): void
  /** The library puts its listeners on the collections, from now on or no longer. */
  attaching(is: boolean): void
  /** The library calls back to Node. */
  heardByLibrary(callback: string, args: unknown[]): void
  /** What is not in place. */
  check(): EarState
}

export interface EarState {
  /** Our listeners are on the collection that the page has now. */
  messages: boolean
  reactions: boolean
  votes: boolean
  /** `add` listeners that the library has put on that collection. */
  libraryListeners: number
}

/** Runs in the page, after installIdShim and before the page's own scripts. */
export const installEar = (calls: { report: string; difference: string }): void => {
  type AnyFunction = (...args: never[]) => unknown
  type Fields = Record<string, unknown>
  type Message = Fields & { id: unknown; type?: string }
  interface Collection {
    on: (name: string, listener: AnyFunction) => unknown
    get: (id: string) => Message | undefined
    getMessagesById: (
      ids: string[]
    ) => Promise<{ messages?: (Message | null | undefined)[] } | undefined>
  }
  interface Heard {
    kind: string
    message: Message
    previous: unknown
    model: unknown
  }

  /**
   * A ciphertext that is not decrypted by then is told as failed: a little later than the library's
   * 15 s.
   */
  const ciphertextMs = 15_500
  const maxWaiting = 5_000
  const scope = globalThis as unknown as Record<PropertyKey, unknown>
  const hook = scope[Symbol.for('leadmaster.modules')] as ModuleHook | undefined
  const ids = scope[Symbol.for('leadmaster.ids')] as Ids | undefined
  const later = scope['setTimeout'] as (act: () => void, ms: number) => unknown
  const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null
  let isBegun = false
  /**
   * The library was found silent: what we hear is written down as it happens, not at the end of the
   * turn.
   */
  let isEager = false
  /** What was to be told before anybody in Node listened. */
  const waiting: [string, ...unknown[]][] = []

  /** Nothing of ours may reach the page's own code. */
  const safely = (act: () => void): void => {
    try {
      act()
    } catch (error) {
      call(calls.difference, 'ear_error', String((error as Error | undefined)?.message ?? error))
    }
  }
  const call = (name: string, ...args: unknown[]): void => {
    const callback = scope[name]
    if (isBegun && typeof callback === 'function')
      return void (callback as (...args: unknown[]) => unknown)(...args)
    waiting.push([name, ...args])
    if (waiting.length > maxWaiting) waiting.shift()
  }

  // Messages.
  const heard = new Map<string, Heard>()
  const libraryHeard = new Set<string>()
  let isFlushing = false
  const flush = (): void => {
    isFlushing = false
    for (const [key, { kind, message, previous, model }] of heard) {
      if (libraryHeard.has(key)) continue
      if (!isCall(message)) {
        isEager = true
        call(calls.difference, `library_missed_${kind}`)
      }
      call(calls.report, kind, model ?? ids?.modelOf(message), previous)
    }
    for (const key of libraryHeard)
      if (!heard.has(key)) call(calls.difference, `ear_missed_${key.slice(0, key.indexOf(' '))}`)
    heard.clear()
    libraryHeard.clear()
  }
  const schedule = (): void => {
    if (isFlushing) return
    isFlushing = true
    queueMicrotask(() => safely(flush))
  }
  const keyOf = (kind: string, id: unknown): string => `${kind} ${ids?.textOf(id)}`
  const addHeard = (kind: string, message: Message, previous?: unknown): void => {
    if (!isBegun) return
    heard.set(keyOf(kind, message.id), {
      kind,
      message,
      previous,
      model: isEager ? ids?.modelOf(message) : undefined
    })
    schedule()
  }
  const kinds: Record<string, string> = {
    onAddMessageEvent: 'message',
    onAddMessageCiphertextEvent: 'ciphertext',
    onCiphertextFailedEvent: 'ciphertext_failed',
    onEditMessageEvent: 'edit',
    onChangeMessageTypeEvent: 'revoked',
    onRemoveMessageEvent: 'removed'
  }
  const failed = new Set<string>()
  const heardByLibrary = (callback: string, [model]: unknown[]): void => {
    const kind = kinds[callback]
    if (!isBegun || kind === undefined || !isObject(model)) return
    if (
      (kind === 'revoked') !== (model['type'] === 'revoked') &&
      (kind === 'revoked' || kind === 'edit')
    )
      return
    const { id } = model
    const text = isObject(id) ? id['_serialized'] : id
    if (kind === 'ciphertext_failed') return void failed.add(String(text))
    libraryHeard.add(`${kind} ${String(text)}`)
    schedule()
  }

  /**
   * A message that has just come. Where the page no longer says so, its time does: what was heard
   * already is known.
   */
  const recentMs = 600_000
  const isRecent = (message: Message): boolean =>
    Number(message['t']) * 1_000 > Date.now() - recentMs
  const isNew = (message: Message): boolean =>
    'isNewMsg' in message ? Boolean(message['isNewMsg']) : isRecent(message)
  /**
   * WhatsApp Web adds a call without saying that it is new, so that the library never tells of one.
   */
  const isCall = ({ type }: Message): boolean => type === 'call_log'
  const hearCall = (message: Message): void => {
    if (isCall(message) && isRecent(message)) addHeard('message', message)
  }
  const undecrypted = new WeakSet<object>()
  const awaitDecryption = (message: Message): void => {
    undecrypted.add(message)
    later(() => {
      if (message.type !== 'ciphertext') return
      safely(() => {
        const text = ids?.textOf(message.id)
        if (text === undefined || failed.delete(text)) return
        call(calls.difference, 'library_missed_ciphertext_failed')
        call(calls.report, 'ciphertext_failed', ids?.modelOf(message))
      })
    }, ciphertextMs)
  }
  const listeners: Record<string, (message: Message, value?: unknown, previous?: unknown) => void> =
    {
      add: (message) => {
        ids?.adopt(message.id)
        if (!isBegun) return
        if (!isNew(message)) return hearCall(message)
        if (message.type !== 'ciphertext') return addHeard('message', message)
        addHeard('ciphertext', message)
        awaitDecryption(message)
      },
      'change:type': (message) => {
        if (message.type === 'revoked') return addHeard('revoked', message)
        if (undecrypted.delete(message)) addHeard('message', message)
      },
      'change:body': (message, _body, previous) => {
        if (message.type !== 'revoked') addHeard('edit', message, previous)
      },
      'change:caption': (message, _body, previous) => {
        if (message.type !== 'revoked') addHeard('edit', message, previous)
      },
      // The page writes a call when it begins, and how it went when it ends.
      'change:callOutcome': hearCall,
      'change:finalCallOutcome': hearCall,
      'change:callDuration': hearCall,
      remove: (message) => {
        if (isNew(message)) addHeard('removed', message)
      }
    }

  let collection: Collection | undefined
  let libraryListeners = 0
  let isAttaching = false
  /** On a collection that we listen to already. */
  const mark = Symbol('listened to')
  const listen = (found: unknown): void => {
    if (!isObject(found) || mark in found || typeof found['on'] !== 'function') return
    const messages = found as unknown as Collection
    for (const [name, listener] of Object.entries(listeners)) {
      messages.on(name, ((...args: [Message, unknown?, unknown?]) =>
        safely(() => listener(...args))) as AnyFunction)
    }
    Reflect.defineProperty(found, mark, { value: true })
    collection = messages
    libraryListeners = 0
    countListeners(messages)
  }
  /**
   * Counts what is put on the collection while the library attaches: modules of the page that load
   * late listen, too.
   */
  const countListeners = (messages: Collection): void => {
    const { on } = messages
    Reflect.defineProperty(messages, 'on', {
      configurable: true,
      writable: true,
      enumerable: false,
      value: function counted(this: unknown, ...args: [string, AnyFunction]) {
        if (isAttaching && typeof args[0] === 'string' && /(^|\s)add(\s|$)/.test(args[0]))
          libraryListeners += 1
        return Reflect.apply(on, this, args) as unknown
      }
    })
  }
  hook?.onModule('WAWebCollections', (_exports, value: Fields) => listen(value['Msg']))
  hook?.onModule(
    'WAWebMsgCollection',
    (_exports, value: Fields) => collection ?? listen(value['MsgCollection'])
  )

  // Reactions and votes.
  const keyFacts = (key: unknown): unknown => {
    if (!isObject(key)) return key
    const { fromMe, id, remote, participant } = key
    return {
      fromMe,
      id,
      remote: ids?.textOf(remote),
      participant: ids?.textOf(participant),
      _serialized: ids?.textOf(key)
    }
  }
  const reportReaction = (row: unknown): void => {
    if (!isObject(row)) return
    call(calls.report, 'reaction', {
      id: keyFacts(row['id'] ?? row['msgKey']),
      msgId: ids?.textOf(row['reactionParentKey']),
      senderId: ids?.textOf(row['author'] ?? row['from']),
      reaction: row['reactionText'],
      timestamp: Number(row['reactionTimestamp']) / 1_000
    })
  }
  const reportVote = (row: unknown): void => {
    if (!isObject(row)) return
    const parent = ids?.textOf(row['parentMsgKey'] ?? row['pollUpdateParentKey'])
    const { selectedOptionLocalIds } = row
    const selected: unknown[] = Array.isArray(selectedOptionLocalIds)
      ? [...(selectedOptionLocalIds as unknown[])]
      : []
    const facts = {
      id: keyFacts(row['msgKey'] ?? row['id']),
      parentMsgKey: parent,
      voter: ids?.textOf(row['sender'] ?? row['author'] ?? row['from']),
      interractedAtTs: row['senderTimestampMs']
    }
    const report = (poll: Message | null | undefined): void => {
      const options = Array.isArray(poll?.['pollOptions']) ? (poll['pollOptions'] as unknown[]) : []
      const nameOf = (localId: unknown): unknown =>
        options.filter(isObject).find((option) => option['localId'] === localId)?.['name']
      // Of a poll that is not to be found only the place of an option is known.
      const selectedOptions = selected.map((localId) => ({
        localId,
        name: nameOf(localId) ?? `#${Number(localId) + 1}`
      }))
      call(calls.report, 'vote', { ...facts, selectedOptions })
    }
    if (parent === undefined) return
    const held = collection?.get(parent)
    if (held !== undefined || selected.length === 0 || collection === undefined) return report(held)
    collection.getMessagesById([parent]).then(
      (found) => safely(() => report(found?.messages?.[0])),
      () => safely(() => report(undefined))
    )
  }

  interface Interceptor {
    module: string
    path: string[]
    holder: Fields | undefined
    get: (() => unknown) | undefined
  }
  /**
   * Puts ours in place of a function. The original is called first, with what ours was called with,
   * and what it gives or throws is passed on as it is. An accessor keeps ours in place.
   * @param mayWrap the library may put its own around ours
   */
  const intercept = (
    module: string,
    path: string[],
    mayWrap: boolean,
    capture: (row: unknown) => void
  ): Interceptor => {
    const interceptor: Interceptor = { module, path, holder: undefined, get: undefined }
    const last = path.at(-1) as string
    hook?.onModule(module, (_exports, value: Fields) => {
      const holder = path
        .slice(0, -1)
        .reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), value)
      const original = isObject(holder) ? holder[last] : undefined
      if (!isObject(holder) || typeof original !== 'function') return
      const ours = new Proxy(original, {
        apply: (target, self, args: unknown[]) => {
          try {
            return Reflect.apply(target, self, args) as unknown
          } finally {
            safely(() => {
              const [rows] = args
              if (Array.isArray(rows))
                for (const row of rows as unknown[]) safely(() => capture(row))
            })
          }
        }
      })
      let current: unknown = ours
      const get = (): unknown => current
      const set = (value: unknown): void => {
        if (mayWrap) current = value
      }
      if (!Reflect.defineProperty(holder, last, { configurable: true, enumerable: true, get, set }))
        return
      interceptor.holder = holder
      interceptor.get = get
    })
    return interceptor
  }
  /**
   * What is not in the page at all is found by its name (page-contract.ts), and is no failure of
   * ours.
   */
  const isInPlace = ({ module, path, holder, get }: Interceptor): boolean => {
    const last = path.at(-1) as string
    let now: unknown
    try {
      const exported = (scope['require'] as (name: string) => unknown)(module)
      now = path
        .slice(0, -1)
        .reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), exported)
    } catch {
      // It cannot be asked for from outside. The page's own code may have it all the same.
      now = holder
    }
    if (!isObject(now) || !(last in now)) return true
    return now === holder && Reflect.getOwnPropertyDescriptor(now, last)?.get === get
  }
  const reactions = intercept(
    'WAWebAddonReactionTableMode',
    ['reactionTableMode', 'bulkUpsert'],
    true,
    reportReaction
  )
  // The library's hook on votes awaits, and may reject, before it lets the page write the vote: it
  // is left out.
  const votes = intercept('WAWebDBPollsUpsertVotes', ['upsertVotesDb'], false, reportVote)
  const addonVotes = intercept(
    'WAWebAddonPollVoteTableMode',
    ['pollVoteTableMode', 'bulkUpsert'],
    false,
    reportVote
  )

  const currentCollection = (): unknown => {
    try {
      return (scope['require'] as (name: string) => { Msg?: unknown })('WAWebCollections').Msg
    } catch {
      return collection
    }
  }
  const isListening = (): boolean => {
    const current = currentCollection()
    listen(current)
    return isObject(current) ? mark in current : collection !== undefined
  }
  const ear: Ear = {
    begin: () => {
      isBegun = true
      for (const [name, ...args] of waiting.splice(0)) call(name, ...args)
    },
    attaching: (is) => {
      isAttaching = is
    },
    heardByLibrary: (callback, args) => safely(() => heardByLibrary(callback, args)),
    check: () => ({
      messages: isListening(),
      reactions: isInPlace(reactions),
      votes: isInPlace(votes) && isInPlace(addonVotes),
      libraryListeners
    })
  }
  Object.defineProperty(scope, Symbol.for('leadmaster.ear'), { value: Object.freeze(ear) })
}

/** Runs in the page. */
export const beginEar = (): void => {
  const ear = (globalThis as unknown as Record<symbol, Ear | undefined>)[
    Symbol.for('leadmaster.ear')
  ]
  ear?.begin()
}

/** Runs in the page. */
export const setAttaching = (is: boolean): void => {
  const ear = (globalThis as unknown as Record<symbol, Ear | undefined>)[
    Symbol.for('leadmaster.ear')
  ]
  ear?.attaching(is)
}
