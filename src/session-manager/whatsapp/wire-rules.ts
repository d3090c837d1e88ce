/**
 * What may leave a page that only listens, checked against WhatsApp Web's modules of April 2026.
 * All that is not listed is refused.
 */
interface WireRules {
  /** Namespaces of `<iq type="set">` that are allowed. */
  setNamespaces: readonly string[]
  /**
   * Types of `<receipt>`; one without a type is a delivery receipt, which every linked device
   * sends.
   */
  receiptTypes: readonly string[]
  /** Stanzas without further conditions. */
  tags: readonly string[]
  /**
   * WhatsApp's call engine has what came in encoded, too, to read it in WebAssembly. These do not
   * leave: they are the contents of a `<call>`, which itself is refused.
   */
  callTags: readonly string[]
  /** Operations of the GraphQL namespace `w:mex` that write and are allowed all the same. */
  mutations: readonly string[]
}

export const wireRules: WireRules = {
  setNamespaces: [
    // Keys by which others can encrypt to this device.
    'encrypt',
    // Whether the server sends what is waiting.
    'passive',
    // Where media are fetched.
    'w:m',
    'w:p',
    'urn:xmpp:ping',
    'urn:xmpp:whatsapp:push',
    'w:stats',
    // What changed while the page was away has been read.
    'urn:xmpp:whatsapp:dirty',
    // Settings, contacts and chats of the account: reads alone, see isWrite.
    'w:sync:app:state',
    // Linking this device by QR, code or passkey, and unlinking it.
    'md'
  ],
  receiptTypes: ['retry', 'server-error', 'hist_sync', 'peer_msg', 'sender', 'inactive'],
  tags: ['ack', 'ib', 'stream:error', 'stream:end', 'xmlstreamend'],
  callTags: [
    'offer',
    'offer_receipt',
    'offer_ack',
    'offer_nack',
    'offer_notice',
    'accept',
    'accept_receipt',
    'accept_ack',
    'preaccept',
    'reject',
    'terminate',
    'transport',
    'relaylatency',
    'relay_latency',
    'relay_election',
    'interruption',
    'mute',
    'mute_v2',
    'video',
    'video_state',
    'video_state_ack',
    'notify',
    'group_info',
    'group_update',
    'enc_rekey',
    'peer_state',
    'flowcontrol',
    'flow_control',
    'web_client',
    'heartbeat'
  ],
  // The operator answers WhatsApp's question whether a person uses this device.
  mutations: ['WAWebMexIntegrityChallengeResponseMutation']
}

/** What became of a stanza, under names that hold nothing of its content. */
export interface Verdict {
  tag: string
  /** `text`, `set w:m`, …; `none` where a stanza has no type; `other` for what is no plain word. */
  type: string
  isAllowed: boolean
}

/** What installStanzaRules offers in the page. */
export interface StanzaRules {
  judge(stanza: unknown): Verdict
}

/**
 * Runs in the page after installModuleHook. Offers the rules at
 * `globalThis[Symbol.for('leadmaster.rules')]`. It is one function, because the page gets it as one
 * text.
 */
export const installStanzaRules = (rules: WireRules): void => {
  interface Stanza {
    tag?: unknown
    attrs?: Record<string, unknown> | null
    content?: unknown
  }
  interface Operation {
    id?: unknown
    name?: unknown
    operationKind?: unknown
  }
  type Hook = { onModule: (name: string, use: (exports: Record<string, unknown>) => void) => void }

  const scope = globalThis as unknown as Record<symbol, unknown>
  const knownTags = [
    ...rules.tags,
    ...rules.callTags,
    'iq',
    'message',
    'receipt',
    'presence',
    'chatstate',
    'call',
    'notification',
    'status'
  ]

  /** An attribute's text: it may be a text, an address, or a sign that it is to be left out. */
  const text = (stanza: Stanza, name: string): string | undefined => {
    const value = stanza.attrs?.[name]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'object' && 'sentinel' in value) return undefined
    return String(value)
  }
  /** A word for a metric; an unexpected one may hold anything. */
  const word = (value: string | undefined): string => {
    if (value === undefined || value === '') return 'none'
    return /^[a-z][a-z0-9:_-]{0,39}$/i.test(value) && !/\d{4}/.test(value) ? value : 'other'
  }
  const children = (stanza: Stanza): Stanza[] =>
    Array.isArray(stanza.content)
      ? (stanza.content as Stanza[]).filter((child) => typeof child === 'object' && child !== null)
      : []
  const holds = (stanza: Stanza, tag: string): boolean =>
    children(stanza).some((child) => child.tag === tag || holds(child, tag))

  /**
   * GraphQL goes by `<iq type="get">` whether it reads or writes, under a number. An earlier call of
   * the page shows what the number means. An unknown number is refused.
   */
  const operations = new Map<string, { isRead: boolean; name: string }>()
  const noteOperation = (operation: Operation | undefined): void => {
    if (operation?.id === undefined || operation.id === null) return
    operations.set(String(operation.id), {
      isRead: operation.operationKind === 'query',
      name: String(operation.name)
    })
  }
  ;(scope[Symbol.for('leadmaster.modules')] as Hook | undefined)?.onModule(
    'WAWebMexRelayEnvironment',
    (exports) => {
      const { fetchFunc } = exports
      if (typeof fetchFunc !== 'function') return
      const noting = new Proxy(fetchFunc as (...args: unknown[]) => unknown, {
        apply: (target, self, args: unknown[]) => {
          noteOperation(args[0] as Operation | undefined)
          return Reflect.apply(target, self, args)
        }
      })
      Reflect.defineProperty(exports, 'fetchFunc', {
        value: noting,
        enumerable: true,
        configurable: true,
        writable: true
      })
    }
  )
  const readsByGraphQl = (stanza: Stanza): boolean =>
    children(stanza).every((query) => {
      const operation = operations.get(text(query, 'query_id') ?? '')
      return (
        operation !== undefined && (operation.isRead || rules.mutations.includes(operation.name))
      )
    })
  /** Asking for a copy of the account's data, or deleting it, goes by `get`, too. */
  const readsAccount = (stanza: Stanza): boolean =>
    children(stanza).every(
      (child) => child.tag !== 'gdpr' || [undefined, 'status'].includes(text(child, 'action'))
    )

  /**
   * The person of an address, without the device: `5215512345678:3@s.whatsapp.net` is `number
   * 5215512345678`.
   */
  const personOf = (address: string | undefined): string | undefined => {
    const [, user, server = ''] = /^(\d+)(?:[.:_]\d+)*@([a-z.]+)$/.exec(address ?? '') ?? []
    if (user === undefined) return undefined
    if (['lid', 'hosted.lid'].includes(server)) return `lid ${user}`
    return ['c.us', 's.whatsapp.net', 'hosted'].includes(server) ? `number ${user}` : undefined
  }
  let meModule: Record<string, unknown> | undefined
  ;(scope[Symbol.for('leadmaster.modules')] as Hook | undefined)?.onModule(
    'WAWebUserPrefsMeUser',
    (exports) => {
      meModule = exports
    }
  )
  const ownPersons = (): Set<string | undefined> => {
    const found = new Set<string | undefined>()
    for (const name of [
      'getMaybeMePnUser',
      'getMaybeMeLidUser',
      'getMaybeMeDevicePn',
      'getMaybeMeDeviceLid'
    ]) {
      const read = meModule?.[name]
      try {
        if (typeof read === 'function') found.add(personOf(String((read as () => unknown)())))
      } catch {
        // The page may not write to an own address that cannot be read.
      }
    }
    return found
  }
  /**
   * Peer messages ask the account's own phone for history and lost messages; another account would
   * see a message.
   */
  const isOwnDevice = (address: string | undefined): boolean => {
    const person = personOf(address)
    return person !== undefined && ownPersons().has(person)
  }

  const judgeIq = (stanza: Stanza): Omit<Verdict, 'tag'> => {
    const type = text(stanza, 'type')
    const namespace = text(stanza, 'xmlns')
    const label = `${word(type)} ${word(namespace)}`
    if (type === 'result' || type === 'error') return { type, isAllowed: true }
    if (type === 'get' && namespace === 'w:mex')
      return { type: label, isAllowed: readsByGraphQl(stanza) }
    if (type === 'get' && namespace === 'urn:xmpp:whatsapp:account')
      return { type: label, isAllowed: readsAccount(stanza) }
    if (type === 'get') return { type: label, isAllowed: !holds(stanza, 'patch') }
    if (type !== 'set' || namespace === undefined || !rules.setNamespaces.includes(namespace))
      return { type: label, isAllowed: false }
    const isWrite = namespace === 'w:sync:app:state' && holds(stanza, 'patch')
    return { type: isWrite ? `${label} patch` : label, isAllowed: !isWrite }
  }
  const judgeByTag = (tag: string, stanza: Stanza): Omit<Verdict, 'tag'> => {
    const type = text(stanza, 'type')
    if (tag === 'iq') return judgeIq(stanza)
    if (tag === 'receipt')
      return {
        type: word(type),
        isAllowed: type === undefined || rules.receiptTypes.includes(type)
      }
    if (tag === 'presence') return { type: word(type), isAllowed: type === 'unavailable' }
    if (tag === 'message') {
      const isPeer = text(stanza, 'category') === 'peer'
      return {
        type: isPeer ? 'peer' : word(type),
        isAllowed: isPeer && isOwnDevice(text(stanza, 'to'))
      }
    }
    return { type: word(type), isAllowed: rules.tags.includes(tag) || rules.callTags.includes(tag) }
  }
  const judge = (stanza: unknown): Verdict => {
    try {
      if (typeof stanza !== 'object' || stanza === null)
        return { tag: 'other', type: 'none', isAllowed: false }
      const tag = String((stanza as Stanza).tag)
      return { tag: knownTags.includes(tag) ? tag : 'other', ...judgeByTag(tag, stanza as Stanza) }
    } catch {
      // What cannot be read cannot be allowed.
      return { tag: 'other', type: 'unreadable', isAllowed: false }
    }
  }
  Object.defineProperty(scope, Symbol.for('leadmaster.rules'), { value: Object.freeze({ judge }) })
}
