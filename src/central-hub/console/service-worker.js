/**
 * Keeps the files of this page in the browser, so that the installed page also opens while the hub
 * or the network is away, and shows notifications where a page may not (Android). It keeps files
 * that are open to all and contain no data, and no answer of the API.
 * https://w3c.github.io/ServiceWorker/
 */

/**
 * What of ServiceWorkerGlobalScope is used: the types of a page do not have it.
 * @typedef {Event & { waitUntil: (done: Promise<unknown>) => void }} LastingEvent
 * @typedef {LastingEvent & {
 *   request: Request,
 *   respondWith: (answer: Promise<Response>) => void
 * }} FetchEvent
 * @typedef {{ focus: () => Promise<unknown>, postMessage: (data: unknown) => void }} OpenPage
 * @typedef {{
 *   matchAll: (of: { type: 'window' }) => Promise<OpenPage[]>,
 *   openWindow: (url: string) => Promise<unknown>,
 *   claim: () => Promise<void>
 * }} Windows
 * @typedef {{
 *   clients: Windows,
 *   skipWaiting: () => Promise<void>,
 *   addEventListener: (type: string, run: (event: any) => void) => void
 * }} Scope
 */
const scope = /** @type {Scope} */ (/** @type {unknown} */ (self))

const cacheName = 'leadmaster-page'
const address = '/'
/** How the build names a file by its content: the same name is always the same file. */
const namedByContent = /^[a-z-]{1,40}-[0-9A-Z]{8}\.(?:json|js|css)$/
const others = ['/icon.svg']

/** @param {string} text @returns {string[]} addresses of the files that it names */
const filesNamedIn = (text) =>
  text
    .split(/["/]/)
    .filter((name) => namedByContent.test(name))
    .map((name) => `/${name}`)

/** @param {string} path */
const fetchFile = async (path) => {
  const answer = await fetch(path)
  if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`)
  return answer
}

/** Keeps a file, unless it is kept already. @param {Cache} cache @param {string} path */
const keepFile = async (cache, path) => {
  const kept = await cache.match(path)
  if (kept !== undefined) return kept
  const answer = await fetchFile(path)
  await cache.put(path, answer.clone())
  return answer
}

/**
 * Keeps a page and all files that it and its scripts name, and drops those of a release before. The
 * page itself comes last: what is kept always works together.
 * @param {Response} page
 */
const keepPage = async (page) => {
  const html = await page.clone().text()
  const named = filesNamedIn(html)
  // As in src, without names by content, a page would soon fit its scripts no longer.
  if (named.length === 0) return
  const cache = await caches.open(cacheName)
  const before = await cache.match(address)
  if (before !== undefined && (await before.text()) === html) return
  const wanted = new Set([...others, ...named])
  for (const path of wanted) {
    const file = await keepFile(cache, path)
    // The loop also goes through what is added to the set.
    if (path.endsWith('.js')) for (const more of filesNamedIn(await file.text())) wanted.add(more)
  }
  await cache.put(address, page)
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url)
    if (pathname !== address && !wanted.has(pathname)) await cache.delete(pathname)
  }
}

/**
 * The page as the hub has it; as it is kept, when no hub answers or a proxy says that it does not.
 * @param {FetchEvent} event
 */
const openPage = async (event) => {
  const kept = await (await caches.open(cacheName)).match(address)
  try {
    const answer = await fetch(event.request)
    // What cannot be kept now is kept the next time that the page is opened.
    if (answer.ok) event.waitUntil(keepPage(answer.clone()).catch(() => {}))
    return answer.status >= 500 && kept !== undefined ? kept : answer
  } catch (error) {
    if (kept === undefined) throw error
    return kept
  }
}

/** @param {string} path */
const openFile = async (path) => (await (await caches.open(cacheName)).match(path)) ?? fetch(path)

scope.addEventListener('install', (/** @type {LastingEvent} */ event) => {
  event.waitUntil(fetchFile(address).then(keepPage))
  void scope.skipWaiting()
})
scope.addEventListener('activate', (/** @type {LastingEvent} */ event) => {
  event.waitUntil(scope.clients.claim())
})
scope.addEventListener('fetch', (/** @type {FetchEvent} */ event) => {
  const { method, mode, url } = event.request
  const { origin, pathname } = new URL(url)
  if (method !== 'GET' || origin !== location.origin) return
  if (mode === 'navigate') {
    if (pathname === address) event.respondWith(openPage(event))
  } else if (others.includes(pathname) || filesNamedIn(pathname)[0] === pathname)
    event.respondWith(openFile(pathname))
})

/**
 * Shows the lead of a notification, in a page that is open if there is one.
 * @param {string} hash of its address
 */
const showLead = async (hash) => {
  const [open] = await scope.clients.matchAll({ type: 'window' })
  if (open === undefined) return scope.clients.openWindow(`${address}${hash}`)
  open.postMessage({ hash })
  return open.focus()
}
scope.addEventListener(
  'notificationclick',
  (/** @type {LastingEvent & { notification: Notification }} */ event) => {
    const { notification } = event
    notification.close()
    event.waitUntil(showLead(notification.data.hash))
  }
)
