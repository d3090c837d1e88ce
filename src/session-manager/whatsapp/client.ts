import type { Proxy } from '../../platform/proxy.ts'
import { launchOptions, userAgent, type Client, type Target } from './browser.ts'
import { beginEar, setAttaching } from './ear.ts'

/** The client of whatsapp-web.js, which nothing else loads. */

/**
 * How long the library may wait for a page, ms: the longest interval that a timer can have.
 * START_TIMEOUT alone ends a start. The library takes 0 for its default of 30 s.
 */
const neverMs = 2 ** 31 - 1

interface ClientOptions {
  chromiumPath: string
  profile: string
  proxy?: Proxy | undefined
  /** Called with the first page when Chromium has it, before puppeteer asks it for anything. */
  onPage: (target: Target) => void
  /** Called as soon as the browser is up, before the library opens WhatsApp Web. */
  attach: () => Promise<void>
  /**
   * Takes what the library throws where nobody awaits it, at the start and on every navigation.
   * @returns whether the library has to try again
   */
  onInjectFailed: (error: unknown) => Promise<boolean>
  /** The library could not install all its listeners in the page. Our own listen without it. */
  onDeaf: (error: unknown) => void
}

/** Methods of the library's client that its types do not declare. */
interface LibraryMethods {
  inject: () => Promise<void>
  attachEventListeners: () => Promise<void>
}

/** The login for a proxy that asks for a user. */
const loginOf = (proxy: Proxy | undefined): { username: string; password: string } | undefined =>
  proxy === undefined || proxy.username === ''
    ? undefined
    : { username: proxy.username, password: proxy.password }

/** The library's hooks around a start. */
const createAuthStrategy = (attach: () => Promise<void>) => {
  let isAttached = false
  return {
    setup: () => undefined,
    beforeBrowserInitialized: async () => undefined,
    // The library calls this again after a logout, on the page that is about to close.
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
    // The library would delete the profile under the running browser. connection.ts does it later.
    logout: async () => undefined
  }
}

/** puppeteer shows its filter every target first: only there is a browser that still comes up. */
const createTargetFilter = (onPage: (target: Target) => void): ((target: Target) => boolean) => {
  let hasPage = false
  return (target) => {
    if (!hasPage && target.type() === 'page') {
      hasPage = true
      onPage(target)
    }
    return true
  }
}

/**
 * A module that is missing makes the library stop before all its listeners are installed. The
 * session must become READY all the same, and our own listeners must begin.
 */
const surviveMissingListeners = (client: Client, onDeaf: (error: unknown) => void): void => {
  const library = client as unknown as LibraryMethods
  const attachEventListeners = library.attachEventListeners.bind(client)
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
}

/** Calls the library's `inject` again while `onInjectFailed` says so. */
const retryInject = (
  client: Client,
  onInjectFailed: (error: unknown) => Promise<boolean>
): void => {
  const library = client as unknown as LibraryMethods
  const inject = library.inject.bind(client)
  // On a navigation the library calls `inject` while the page is still being parsed, when most of
  // its modules are not there yet.
  const waitUntilParsed = async (): Promise<unknown> =>
    client.pupPage?.waitForFunction("document.readyState !== 'loading'", {
      polling: 50,
      timeout: 0
    })
  let calls = 0
  library.inject = async () => {
    calls += 1
    const call = calls
    for (;;) {
      try {
        await waitUntilParsed()
        return await inject()
      } catch (error) {
        // Another document has a call of its own.
        if (!(await onInjectFailed(error)) || call !== calls) return
      }
    }
  }
}

/** @throws when Chromium is missing or does not run */
export const createClient = async (options: ClientOptions): Promise<Client> => {
  const { chromiumPath, profile, proxy, onPage, attach, onInjectFailed, onDeaf } = options
  // With puppeteer the library takes longer to load than all the rest: only this start waits.
  const { default: whatsapp } = await import('whatsapp-web.js')
  const authStrategy = createAuthStrategy(attach)
  const targetFilter = createTargetFilter(onPage)
  const client = new whatsapp.Client({
    authStrategy: authStrategy as unknown as InstanceType<typeof whatsapp.NoAuth>,
    puppeteer: { ...launchOptions(chromiumPath, profile, proxy), targetFilter },
    proxyAuthentication: loginOf(proxy),
    webVersionCache: { type: 'none' },
    authTimeoutMs: neverMs,
    userAgent: await userAgent(chromiumPath)
  })
  surviveMissingListeners(client, onDeaf)
  retryInject(client, onInjectFailed)
  return client
}
