import type { PasskeyAnswer, PasskeyRequest } from '../../contract/session.ts'

/**
 * What runs in the page so that another browser can answer for the account's passkey. WhatsApp Web
 * asks for it by `navigator.credentials.get`, which no Chromium without a window can answer. The
 * page's own code does all the rest.
 */

/** The name of the callback by which the page reports. */
export const passkeyBinding = 'leadmasterPasskey'

/** What the page reports by it. */
export type PasskeyMessage =
  /** A new document: all earlier requests are gone. */
  | { type: 'document' }
  /**
   * The page asks for a passkey. `linking`: in order to link a device. `prf`: with a key derived
   * from it, as the integrity checkpoint does.
   */
  | { type: 'get'; id: number; linking: boolean; prf: boolean; request: PasskeyRequest }
  /** Something changed: look again. */
  | { type: 'changed' }

/**
 * The page's linking by passkey, as its own modules report it. Modules are loaded late: a value that
 * is not there yet is null.
 */
export interface PasskeyLook {
  /** The page links by passkey. */
  linking: boolean
  /** ShortcakeLinkingStage: NotStarted, Initialized, WaitingForPrimaryIdentity, … */
  stage: string | null
  /** XXXX-XXXX, once there is one. */
  code: string | null
  /** The id of the question that waits for an answer. */
  pending: number | null
  /** How often WhatsApp asked for the passkey. */
  requests: number
  /**
   * Why the last attempt failed: `timeout` and `server_error` are WhatsApp Web's words; others are
   * error names.
   */
  error: string | null
}

/** What the page offers at `globalThis[Symbol.for('leadmaster.passkey')]`. */
export interface PasskeyPage {
  look(): PasskeyLook
  /** Settles a question. @returns whether it was open */
  settle(id: number, answer: PasskeyAnswer | null): boolean
  /**
   * Makes the page ask for the passkey, again if it did before.
   * @returns whether the page has a function or a button for it
   */
  start(): Promise<boolean>
  /** Confirms the code. @throws when the page does not wait for it */
  confirm(): Promise<void>
  /** The integrity checkpoint that the page shows to a linked account, by its type; null: none. */
  checkpoint(): Promise<string | null>
}

/**
 * Runs in every document of the page, before the page's own scripts and after the module hook. It is
 * one function, because the page gets it as one text.
 */
export const installPasskeyPage = (binding: string): void => {
  type AnyFunction = (...args: unknown[]) => unknown
  type Bytes = ArrayBuffer | ArrayBufferView
  interface Credential {
    type?: string
    id?: Bytes
    transports?: string[]
  }
  interface PublicKey {
    challenge?: Bytes
    rpId?: string
    timeout?: number
    userVerification?: string
    allowCredentials?: Credential[]
    extensions?: Record<string, unknown>
  }
  interface Query {
    publicKey?: PublicKey
    mediation?: string
    signal?: { aborted: boolean; addEventListener: (name: string, listener: () => void) => void }
  }
  interface Events {
    on: (name: string, listener: (reason?: unknown) => void) => void
  }
  interface Question {
    resolve: (credential: unknown) => void
    reject: (error: unknown) => void
  }

  const scope = globalThis as unknown as Record<PropertyKey, unknown>
  // A frame of another site is not ours to change.
  if (scope['top'] !== scope['self']) return
  const {
    DOMException: PageError,
    btoa: toBase64,
    atob: fromBase64
  } = scope as unknown as {
    DOMException: new (message: string, name: string) => Error
    btoa: (text: string) => string
    atob: (text: string) => string
  }

  const emit = (message: unknown): void => {
    const call = scope[binding]
    if (typeof call === 'function') void (call as AnyFunction)(message)
  }
  const encode = (bytes: Bytes | undefined): string => {
    if (bytes === undefined) return ''
    const view = ArrayBuffer.isView(bytes)
      ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : new Uint8Array(bytes)
    return toBase64(String.fromCharCode(...view))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '')
  }
  const decode = (text: string): ArrayBuffer => {
    const binary = fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
    return Uint8Array.from(binary, (char) => char.charCodeAt(0)).buffer
  }

  // The page's modules, as they are made.
  const modules = new Map<string, Record<string, unknown>>()
  const moduleOf = (name: string): Record<string, unknown> | undefined => {
    const known = modules.get(name)
    if (known !== undefined) return known
    try {
      return (scope['require'] as (name: string) => Record<string, unknown> | undefined)(name)
    } catch {
      // It is loaded later, or not in this version.
      return undefined
    }
  }
  const call = (name: string, member: string): unknown => {
    const found = moduleOf(name)?.[member]
    return typeof found === 'function' ? (found as AnyFunction)() : undefined
  }
  const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

  let requests = 0
  let failure: string | null = null
  const heard = new WeakSet<object>()
  const listen = (events: Events | undefined): void => {
    if (events === undefined || heard.has(events)) return
    heard.add(events)
    const on = (name: string, then: (reason?: unknown) => void): void =>
      events.on(`link_device_events:${name}`, (reason) => {
        then(reason)
        emit({ type: 'changed' })
      })
    on('passkey_prologue_request', () => (requests += 1))
    on('shortcake_prologue_sent', () => undefined)
    on('shortcake_verification_code_ready', () => undefined)
    on('shortcake_error', (reason) => (failure = text(reason) ?? 'unknown'))
  }
  const hook = scope[Symbol.for('leadmaster.modules')] as
    | { onModule: (name: string, use: (exports: Record<string, unknown>) => void) => void }
    | undefined
  for (const name of [
    'WAWebAltDeviceLinkingApi',
    'WAWebShortcakeLinkingApi',
    'WAWebShortcakeLinkingAction'
  ]) {
    hook?.onModule(name, (exports) => void modules.set(name, exports))
  }
  hook?.onModule('WAWebLinkDeviceEvents', (exports) =>
    listen(exports['WAWebLinkDeviceEvents'] as Events | undefined)
  )

  const isLinking = (): boolean => {
    const api = moduleOf('WAWebAltDeviceLinkingApi')
    const type =
      typeof api?.['getPairingType'] === 'function'
        ? text((api['getPairingType'] as AnyFunction)())
        : null
    return type !== null && /passkey/i.test(type)
  }

  const questions = new Map<number, Question>()
  let asked = 0
  const refusal = (reason: string): Error => new PageError(reason, 'NotAllowedError')
  const requestOf = (key: PublicKey): PasskeyRequest => ({
    challenge: encode(key.challenge),
    rpId: key.rpId ?? (scope['location'] as { hostname: string }).hostname,
    timeout: typeof key.timeout === 'number' ? Math.round(key.timeout) : 600_000,
    userVerification: key.userVerification ?? 'preferred',
    allowCredentials: (key.allowCredentials ?? []).map(
      ({ type = 'public-key', id, transports }) => {
        const credential = { type, id: encode(id) }
        return Array.isArray(transports)
          ? { ...credential, transports: transports.map(String) }
          : credential
      }
    )
  })
  const ask = (key: PublicKey, signal: Query['signal']): Promise<unknown> =>
    new Promise((resolve, reject) => {
      asked += 1
      const id = asked
      questions.set(id, { resolve, reject })
      signal?.addEventListener('abort', () => {
        questions.delete(id)
        reject(new PageError('the page gave it up', 'AbortError'))
        emit({ type: 'changed' })
      })
      emit({
        type: 'get',
        id,
        linking: isLinking(),
        prf: key.extensions?.['prf'] !== undefined,
        request: requestOf(key)
      })
    })

  /** What the browser itself would give, with ArrayBuffers in it. */
  const credentialOf = (answer: PasskeyAnswer): object => {
    const made = (name: string, members: Record<string, unknown>): object => {
      const owner = scope[name] as { prototype: object } | undefined
      const fields = Object.entries(members).map(
        ([key, value]) => [key, { value, enumerable: true }] as const
      )
      return Object.create(
        owner?.prototype ?? Object.prototype,
        Object.fromEntries(fields)
      ) as object
    }
    const { clientDataJSON, authenticatorData, signature, userHandle } = answer.response
    const response = made('AuthenticatorAssertionResponse', {
      clientDataJSON: decode(clientDataJSON),
      authenticatorData: decode(authenticatorData),
      signature: decode(signature),
      userHandle: userHandle == null ? null : decode(userHandle)
    })
    return made('PublicKeyCredential', {
      id: answer.id,
      rawId: decode(answer.rawId),
      type: answer.type,
      authenticatorAttachment: 'cross-platform',
      response,
      getClientExtensionResults: () => ({}),
      toJSON: () => ({
        ...answer,
        authenticatorAttachment: 'cross-platform',
        clientExtensionResults: {}
      })
    })
  }

  const container = (
    scope['CredentialsContainer'] as { prototype: { get?: AnyFunction } } | undefined
  )?.prototype
  const original = container?.get
  if (container !== undefined && typeof original === 'function') {
    const get = function (this: unknown, query?: Query): unknown {
      // A passkey that is only offered beside a form's fields is asked of nobody.
      if (query?.publicKey === undefined || query.mediation === 'conditional')
        return Reflect.apply(original, this, [query])
      if (query.signal?.aborted === true)
        return Promise.reject(new PageError('the page gave it up', 'AbortError'))
      return ask(query.publicKey, query.signal)
    }
    Reflect.defineProperty(container, 'get', {
      value: get,
      configurable: true,
      enumerable: true,
      writable: true
    })
  }

  let attempt = 0
  /** Ends what is under way, and lets the page's own code notice before anything new begins. */
  const abandon = async (): Promise<void> => {
    attempt += 1
    for (const { reject } of questions.values()) reject(refusal('given up'))
    questions.clear()
    const stage = text(call('WAWebShortcakeLinkingApi', 'getShortcakeLinkingStage'))
    if (stage !== null && stage !== 'NotStarted')
      call('WAWebShortcakeLinkingAction', 'cancelShortcakePasskeyPairing')
    await new Promise((resolve) => setTimeout(resolve, 0))
    failure = null
  }
  const page: PasskeyPage = {
    look: () => {
      if (!isLinking() && questions.size === 0)
        return { linking: false, stage: null, code: null, pending: null, requests, error: failure }
      listen(moduleOf('WAWebLinkDeviceEvents')?.['WAWebLinkDeviceEvents'] as Events | undefined)
      const pending = [...questions.keys()].at(-1) ?? null
      return {
        linking: isLinking(),
        stage: text(call('WAWebShortcakeLinkingApi', 'getShortcakeLinkingStage')),
        code: text(call('WAWebShortcakeLinkingApi', 'getVerificationCode')),
        pending,
        requests,
        error: failure
      }
    },
    settle: (id, answer) => {
      const question = questions.get(id)
      questions.delete(id)
      if (answer === null) question?.reject(refusal('no passkey answered'))
      else question?.resolve(credentialOf(answer))
      return question !== undefined
    },
    start: async () => {
      await abandon()
      attempt += 1
      const mine = attempt
      const begin = moduleOf('WAWebShortcakeLinkingAction')?.['startShortcakePasskeyPairing']
      if (typeof begin !== 'function') {
        // The page loads this module when its own button is pressed.
        const selector = '[data-testid="shortcake_passkey_prompt_card"] button'
        const button = (
          scope['document'] as { querySelector: (selector: string) => { click: () => void } | null }
        ).querySelector(selector)
        button?.click()
        return button !== null
      }
      Promise.resolve((begin as AnyFunction)()).catch((error: unknown) => {
        if (mine !== attempt) return
        failure ??= String((error as Error | undefined)?.name ?? 'unknown')
        emit({ type: 'changed' })
      })
      return true
    },
    confirm: async () => {
      const confirm = moduleOf('WAWebShortcakeLinkingAction')?.['confirmShortcakeVerificationCode']
      if (typeof confirm !== 'function')
        throw new Error('WhatsApp Web has changed: it has no confirmShortcakeVerificationCode')
      await (confirm as AnyFunction)()
    },
    checkpoint: async () => {
      const storage = moduleOf('WAWebUserPrefsIndexedDBStorage')?.['userPrefsIdb'] as
        | { get?: (key: string) => unknown }
        | undefined
      const state = (await storage?.get?.('WAIntegrityChallengeState')) as
        | { challenge_type?: unknown }
        | null
        | undefined
      return state == null ? null : (text(state.challenge_type) ?? 'unknown')
    }
  }
  Object.defineProperty(scope, Symbol.for('leadmaster.passkey'), { value: Object.freeze(page) })
  emit({ type: 'document' })
}
