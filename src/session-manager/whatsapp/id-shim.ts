import type { ModuleHook } from './module-hook.ts'

/**
 * Gives ids the field that whatsapp-web.js reads, `_serialized`, whatever the page calls its own.
 * Meta's build renames the private fields of a class at any time (`_serialized` of a message key
 * became `$1` in July 2026), but never its methods: `toString` gives the text of an id in every
 * version. Nothing that the page holds is changed.
 */

/** What the page offers at `globalThis[Symbol.for('leadmaster.ids')]`. */
export interface Ids {
  /** The text of a Wid or a message key; undefined for what has none. */
  textOf(id: unknown): string | undefined
  /** Makes ids of this one's class readable, where the class could not be seen as it was made. */
  adopt(id: unknown): void
  /** A message as a plain object with readable ids. Fields that throw are left out. */
  modelOf(message: object): Record<string, unknown>
}

/** Runs in the page, after installModuleHook and before the page's own scripts. */
export const installIdShim = (): void => {
  type Model = Record<string, unknown>
  const scope = globalThis as unknown as Record<PropertyKey, unknown>
  const field = '_serialized'
  const adopted = new WeakSet<object>()
  /**
   * Ids whose text is being asked for: where `toString` itself reads the field, it must not ask
   * again.
   */
  const asking = new Set<object>()

  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

  const textOf = (id: unknown): string | undefined => {
    if (typeof id === 'string') return id
    if (!isObject(id) || asking.has(id)) return undefined
    asking.add(id)
    try {
      const text: unknown = id.toString()
      return typeof text === 'string' && text !== '' && !text.startsWith('[object ')
        ? text
        : undefined
    } catch {
      return undefined
    } finally {
      asking.delete(id)
    }
  }

  const adoptClass = (prototype: unknown): void => {
    if (
      !isObject(prototype) ||
      adopted.has(prototype) ||
      prototype === Object.prototype ||
      prototype === Array.prototype
    )
      return
    adopted.add(prototype)
    if (Object.hasOwn(prototype, field)) return
    Reflect.defineProperty(prototype, field, {
      configurable: true,
      enumerable: false,
      get(this: unknown) {
        return textOf(this)
      },
      set(this: unknown, value: unknown) {
        // What the page's own code writes becomes its own field, as without us.
        if (isObject(this))
          Reflect.defineProperty(this, field, {
            value,
            configurable: true,
            enumerable: true,
            writable: true
          })
      }
    })
  }
  const adopt = (id: unknown): void => {
    if (isObject(id) && textOf(id) !== undefined) adoptClass(Object.getPrototypeOf(id))
  }
  /** A message key holds Wids, too. */
  const adoptKey = (key: unknown): void => {
    adopt(key)
    if (!isObject(key)) return
    adopt((key as Model)['remote'])
    adopt((key as Model)['participant'])
  }

  const hook = scope[Symbol.for('leadmaster.modules')] as ModuleHook | undefined
  for (const name of ['WAWebMsgKey', 'WAWebWid']) {
    hook?.onModule(name, (exports: { default?: unknown } | undefined, value: unknown) => {
      for (const candidate of [value, exports?.default, exports]) {
        if (typeof candidate === 'function')
          adoptClass((candidate as { prototype?: unknown }).prototype)
      }
    })
  }

  /** A copy of the model with ids as texts where our code and the library look for them. */
  const withIds = (model: Model, message: Model): Model => {
    const key = message['id']
    const text = textOf(key)
    if (text === undefined) return model
    const remote = textOf((key as Model)['remote'])
    const { id } = model
    model['id'] = Object.assign(
      {},
      isObject(id) ? id : key,
      { [field]: text },
      remote === undefined ? {} : { remote }
    )
    return model
  }

  /** What any message may be read by, when it cannot be read as a whole. */
  const known = [
    'id',
    'from',
    'to',
    'author',
    't',
    'type',
    'subtype',
    'body',
    'caption',
    'notifyName',
    'isNewMsg',
    'ack',
    'directPath',
    'encFilehash',
    'filehash',
    'mediaKey',
    'mediaKeyTimestamp',
    'mimetype',
    'size',
    'filename',
    'duration',
    'quotedStanzaID',
    'quotedParticipant',
    'quotedRemoteJid',
    'mentionedJidList',
    'isForwarded',
    'lat',
    'lng',
    'loc',
    'vcardList',
    'pollName',
    'pollOptions',
    'pollSelectableOptionsCount',
    'eventName',
    'recipients',
    'templateParams',
    'protocolMessageKey',
    'latestEditSenderTimestampMs',
    'comment',
    'ctwaContext',
    'isLive',
    'callOutcome',
    'finalCallOutcome',
    'callDuration',
    'isVideoCall'
  ]
  const readField = (message: Model, name: string): unknown => {
    try {
      return message[name]
    } catch {
      return undefined
    }
  }
  /** Whether a value can cross to Node. */
  const isStorable = (value: unknown): boolean => {
    try {
      JSON.stringify(value)
      return true
    } catch {
      return false
    }
  }
  const readWhole = (message: Model): Model | undefined => {
    try {
      const { serialize } = message
      return typeof serialize === 'function'
        ? Object.assign({}, Reflect.apply(serialize, message, []) as Model)
        : undefined
    } catch {
      return undefined
    }
  }
  const modelOf = (message: object): Model => {
    const source = message as Model
    adoptKey(readField(source, 'id'))
    const model: Model = readWhole(source) ?? {}
    for (const name of Object.keys(model)) if (!isStorable(model[name])) delete model[name]
    for (const name of known) {
      if (model[name] !== undefined) continue
      const value = readField(source, name)
      if (value !== undefined && isStorable(value)) model[name] = value
    }
    delete model['pendingAckUpdate']
    return withIds(model, source)
  }

  /** The library's own function, with readable ids; where it throws, our own does its work. */
  const wrapGetMessageModel =
    (original: (message: object) => Model) =>
    (message: object): Model => {
      adoptKey(readField(message as Model, 'id'))
      try {
        return withIds(original(message), message as Model)
      } catch {
        return modelOf(message)
      }
    }

  /** Calls `change` with what is assigned to a property, and stores what it returns. */
  const onAssign = (holder: object, name: string, change: (value: unknown) => unknown): void => {
    let current: unknown
    Reflect.defineProperty(holder, name, {
      configurable: true,
      enumerable: true,
      get: () => current,
      set: (value: unknown) => {
        current = change(value)
      }
    })
  }
  onAssign(scope, 'WWebJS', (utilities) => {
    if (isObject(utilities)) {
      onAssign(utilities, 'getMessageModel', (original) =>
        typeof original === 'function'
          ? wrapGetMessageModel(original as (message: object) => Model)
          : original
      )
    }
    return utilities
  })

  const ids: Ids = { textOf, adopt: adoptKey, modelOf }
  Object.defineProperty(scope, Symbol.for('leadmaster.ids'), { value: Object.freeze(ids) })
}
