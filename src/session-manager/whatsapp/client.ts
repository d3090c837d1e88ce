import type { Proxy } from '../../platform/proxy.ts'
import { launchOptions, userAgent, type Client, type Target } from './browser.ts'
import { beginEar, setAttaching } from './ear.ts'

/** The client of whatsapp-web.js, which nothing else loads. */

/**
 * How long the library may wait for a page, ms: the longest interval there is. START_TIMEOUT alone
 * ends a start. It takes 0 for its default of 30 s.
 */
const neverMs = 2 ** 31 - 1

/** What the page answers a proxy that asks for a user. */
const loginOf = (proxy: Proxy | undefined): { username: string; password: string } | undefined =>
  proxy === undefined || proxy.username === ''
    ? undefined
    : { username: proxy.username, password: proxy.password }

/**
 * @param onPage called with the first page as soon as Chromium has one, before puppeteer asks it
 * for anything
 * @param attach called as soon as the browser is up, before it opens WhatsApp Web
 * @param onFault what it throws where nobody awaits it, on the start and on every navigation.
 * @returns whether it is to try again
 * @throws when Chromium is missing or does not run
 */
export const createClient = async (options: {
  chromiumPath: string
  profile: string
  proxy?: Proxy | undefined
  onPage: (target: Target) => void
  attach: () => Promise<void>
  onFault: (error: unknown) => Promise<boolean>
  /** The library could not put all its listeners on the page: our own listen without it. */
  onDeaf: (error: unknown) => void
}): Promise<Client> => {
  const { chromiumPath, profile, proxy, onPage, attach, onFault, onDeaf } = options
  let hasPage = false
  let isAttached = false
  const authStrategy = {
    setup: () => undefined,
    beforeBrowserInitialized: async () => undefined,
    // the library calls it again after a logout, on the page that is about to close
    afterBrowserInitialized: async () => {
      if (isAttached) return
      isAttached = true
      await attach()
    },
    onAuthenticationNeeded: async () => ({
      failed: false,
      restart: false,
      failureEventPayload: undefined
    }),
    getAuthEventPayload: async () => undefined,
    afterAuthReady: async () => undefined,
    disconnect: async () => undefined,
    destroy: async () => undefined,
    // the library would delete the profile under the running browser; connection.ts does it
    // afterwards
    logout: async () => undefined
  }
  // shown every target first, it is where a browser can be had that is still coming up
  const targetFilter = (target: Target): boolean => {
    if (!hasPage && target.type() === 'page') {
      hasPage = true
      onPage(target)
    }
    return true
  }
  // with puppeteer it takes longer to load than all the rest: a start does not wait for it
  const { default: whatsapp } = await import('whatsapp-web.js')
  const client = new whatsapp.Client({
    authStrategy: authStrategy as unknown as InstanceType<typeof whatsapp.NoAuth>,
    puppeteer: { ...launchOptions(chromiumPath, profile, proxy), targetFilter },
    proxyAuthentication: loginOf(proxy),
    webVersionCache: { type: 'none' },
    authTimeoutMs: neverMs,
    userAgent: await userAgent(chromiumPath)
  })
  const library = client as unknown as {
    inject: () => Promise<void>
    attachEventListeners: () => Promise<void>
  }
  const attachEventListeners = library.attachEventListeners.bind(client)
  // One module that is missing makes the library stop half-way. It must not leave the session deaf,
  // nor short of READY.
  library.attachEventListeners = async () => {
    await client.pupPage?.evaluate(setAttaching, true)
    const failure = await attachEventListeners()
      .then(
        () => undefined,
        (error: unknown) => error ?? new Error('whatsapp-web.js could not listen to the page')
      )
      .finally(() => client.pupPage?.evaluate(setAttaching, false))
    await client.pupPage?.evaluate(beginEar)
    if (failure !== undefined) onDeaf(failure)
  }
  const inject = library.inject.bind(client)
  // on a navigation it is called while the page is still being read, when most of its modules are
  // not there yet
  const isRead = async (): Promise<unknown> =>
    client.pupPage?.waitForFunction("document.readyState !== 'loading'", {
      polling: 50,
      timeout: 0
    })
  let calls = 0
  library.inject = async () => {
    calls += 1
    const mine = calls
    for (;;) {
      try {
        await isRead()
        return await inject()
      } catch (error) {
        // Another document has a call of its own.
        if (!(await onFault(error)) || mine !== calls) return
      }
    }
  }
  return client
}
