import type { Page } from './browser.ts'

/**
 * How the page calls whatsapp-web.js. By puppeteer's own exposeFunction every call is answered,
 * which is another message to Chromium and an evaluation in the page; and the library asks for many
 * calls that nobody here listens to. So calls whose answer the page does not wait for go one way,
 * in their order, what happened at once as one piece.
 */

/**
 * Callbacks of whatsapp-web.js 1.34.7 that are listened to. One not named here is exposed as ever.
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

/** Those of which nothing is ever used: they do nothing in the page. */
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
/** A piece is handed over early at this many calls, so that none grows without bound. */
const maxCalls = 500

/**
 * Runs in the page. Each call is written down as it is made, for what it is about may change in the
 * same turn.
 */
const queueCalls = (name: string, hand: string, most: number): void => {
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
   * undefined: a field cannot cross. A throw would end the page's own event; our own listeners tell
   * what they can read.
   */
  const written = (args: unknown[]): string | undefined => {
    try {
      return JSON.stringify([name, ...args])
    } catch {
      return undefined
    }
  }
  const queue = (...args: unknown[]): void => {
    const text = written(args)
    if (text === undefined) return
    calls.push(text)
    ear()?.heardByLibrary(name, args)
    if (calls.length === 1) queueMicrotask(flush)
    else if (calls.length >= most) flush()
  }
  Object.assign(globalThis, { [name]: queue })
}

const ignoreCalls = (name: string): void => {
  if (!(name in globalThis)) Object.assign(globalThis, { [name]: () => undefined })
}

type Callback = (...args: unknown[]) => unknown
/** A call of the page: which callback, with what. */
export type PageCall = [name: string, ...args: unknown[]]

/**
 * Takes over what whatsapp-web.js exposes to a page from now on. Like puppeteer's, its functions
 * are there again in every document that the page loads.
 * @param onError what a callback threw, and the call that it was for; it costs that call alone
 * @param own callbacks of ours, by the names that our code in the page calls
 */
export const takeOverCallbacks = async (
  page: Page,
  onError: (error: unknown, call?: PageCall) => void,
  own: Readonly<Record<string, Callback>> = {}
): Promise<void> => {
  const callbacks = new Map<string, Callback>(Object.entries(own))
  // async, so that what one throws does not keep the next from being called
  const call = async ([name, ...args]: PageCall): Promise<void> =>
    void (await callbacks.get(name)?.(...args))
  const take = async (text: string): Promise<void> => {
    for (const one of JSON.parse(text) as PageCall[])
      call(one).catch((error: unknown) => onError(error, one))
  }

  const session = await page.createCDPSession()
  session.on('Runtime.bindingCalled', ({ name, payload }) => {
    if (name === handOver) take(payload).catch(onError)
  })
  // a session that bindings report to is told of the console and of errors, too, and what they are
  // about is kept for it
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
