import type { Page } from './browser.ts'

/**
 * Transports the calls of the page to whatsapp-web.js. puppeteer's own exposeFunction answers every
 * call, which costs another message to Chromium and an evaluation in the page. The library also
 * asks for many calls that nobody here listens to. So calls whose answer the page does not await go
 * one way and in order. All calls of one turn of the event loop are one message.
 */

/**
 * Callbacks of whatsapp-web.js 1.34.7 that are used here. puppeteer exposes those in neither list.
 */
export const heard: readonly string[] = [
  'onAddMessageEvent',
  'onAddMessageCiphertextEvent',
  'onCiphertextFailedEvent',
  'onChangeMessageTypeEvent',
  'onEditMessageEvent',
  'onRemoveMessageEvent',
  'onReaction',
  'onPollVoteEvent',
  'onAppStateChangedEvent'
]

/** Callbacks of which nothing is used: they do nothing in the page. */
export const unheard: readonly string[] = [
  'onChangeMessageEvent',
  'onMessageAckEvent',
  'onMessageMediaUploadedEvent',
  'onChatUnreadCountEvent',
  'onRemoveChatEvent',
  'onArchiveChatEvent',
  'onBatteryStateChangedEvent',
  'onIncomingCall'
]

const handOver = 'leadmaster.handOver'
/** So many calls are handed over before the turn ends, so that no message grows without bound. */
const maxCalls = 500

/**
 * Runs in the page. Each call is serialized when it is made, because its arguments may change in
 * the same turn.
 */
const queueCalls = (name: string, hand: string, maxQueued: number): void => {
  const scope = globalThis as unknown as Record<string, (text: string) => void> &
    Record<symbol, unknown>
  if (scope[name] !== undefined) return
  const calls = (scope[Symbol.for('leadmaster.calls')] ??= []) as string[]
  const ear = (): { heardByLibrary: (callback: string, args: unknown[]) => void } | undefined =>
    scope[Symbol.for('leadmaster.ear')] as ReturnType<typeof ear>
  const flush = (): void => {
    if (calls.length > 0) scope[hand]?.(`[${calls.splice(0).join()}]`)
  }
  /**
   * undefined: a field cannot be serialized. A throw would end the page's own event. Our own
   * listeners report what they can read.
   */
  const serialize = (args: unknown[]): string | undefined => {
    try {
      return JSON.stringify([name, ...args])
    } catch {
      return undefined
    }
  }
  const queue = (...args: unknown[]): void => {
    const text = serialize(args)
    if (text === undefined) return
    calls.push(text)
    ear()?.heardByLibrary(name, args)
    if (calls.length === 1) queueMicrotask(flush)
    else if (calls.length >= maxQueued) flush()
  }
  Object.assign(globalThis, { [name]: queue })
}

const ignoreCalls = (name: string): void => {
  if (!(name in globalThis)) Object.assign(globalThis, { [name]: () => undefined })
}

type Callback = (...args: unknown[]) => unknown
/** A call of the page: the name of the callback, and its arguments. */
export type PageCall = [name: string, ...args: unknown[]]

/**
 * Takes over what whatsapp-web.js exposes to a page from now on. As with puppeteer, the functions
 * exist again in every document that the page loads.
 * @param onError takes what a callback threw, and its call. No other call is affected
 * @param own our own callbacks, by the names that our code in the page calls
 */
export const takeOverCallbacks = async (
  page: Page,
  onError: (error: unknown, call?: PageCall) => void,
  own: Readonly<Record<string, Callback>> = {}
): Promise<void> => {
  const callbacks = new Map<string, Callback>(Object.entries(own))
  // This is async so that a callback that throws does not keep the next from being called.
  const call = async ([name, ...args]: PageCall): Promise<void> =>
    void (await callbacks.get(name)?.(...args))
  const take = async (text: string): Promise<void> => {
    for (const pageCall of JSON.parse(text) as PageCall[])
      call(pageCall).catch((error: unknown) => onError(error, pageCall))
  }

  const session = await page.createCDPSession()
  session.on('Runtime.bindingCalled', ({ name, payload }) => {
    if (name === handOver) take(payload).catch(onError)
  })
  // A session with bindings also receives console output and errors, and Chromium keeps their
  // objects alive for it.
  const release = (): void => {
    session
      .send('Runtime.releaseObjectGroup', { objectGroup: 'console' })
      .catch((error: unknown) => session.detached || onError(error))
  }
  session.on('Runtime.consoleAPICalled', release)
  session.on('Runtime.exceptionThrown', release)
  await session.send('Runtime.enable')
  await session.send('Runtime.addBinding', { name: handOver })

  const install = async (
    inPage: typeof queueCalls | typeof ignoreCalls,
    name: string
  ): Promise<void> => {
    await page.evaluateOnNewDocument(inPage, name, handOver, maxCalls)
    await page.evaluate(inPage, name, handOver, maxCalls)
  }
  for (const name of Object.keys(own)) await install(queueCalls, name)
  const expose = page.exposeFunction.bind(page)
  page.exposeFunction = async (name, callback) => {
    const isHeard = heard.includes(name)
    if (!isHeard && !unheard.includes(name)) return expose(name, callback)
    if (isHeard) callbacks.set(name, callback as Callback)
    await install(isHeard ? queueCalls : ignoreCalls, name)
  }
}
