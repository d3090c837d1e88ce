import { HubEvents } from './events.js'

/**
 * Live events of a tab: from the worker that all tabs share, or from a stream of its own if the
 * browser has no such worker.
 */

/** A worker that sends nothing for this long was not loaded, such as when the hub stopped, ms. */
const silentMs = 5_000

/**
 * @param {import('./events.js').Listener} listener
 * @param {() => void} onClosed another tab signed out, or the hub asks to sign in
 * @returns {{ open: () => void, close: () => void }}
 */
export const createLive = (listener, onClosed) => {
  const ownEvents = () => new HubEvents(listener)
  if (typeof SharedWorker === 'undefined') return ownEvents()

  const worker = new SharedWorker(new URL('events-worker.js', import.meta.url), {
    type: 'module',
    name: 'leadmaster'
  })
  const { port } = worker
  let wanted = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence
  /** @type {HubEvents | undefined} */
  let own
  const useOwnEvents = () => {
    clearTimeout(silence)
    port.close()
    own ??= ownEvents()
    if (wanted) own.open()
  }
  worker.onerror = useOwnEvents
  port.onmessage = ({ data: [news, type, data] }) => {
    clearTimeout(silence)
    if (news === 'open') listener.onOpen()
    else if (news === 'fresh') listener.onFresh()
    else if (news === 'lost') listener.onLost()
    else if (news === 'event') listener.onEvent(type, data)
    else if (news === 'closed') onClosed()
  }
  const ask = () => {
    silence = setTimeout(useOwnEvents, silentMs)
    port.postMessage('open')
  }
  addEventListener('pagehide', () => own ?? port.postMessage('leave'))
  // The browser shows the page again from its back-forward cache.
  addEventListener('pageshow', ({ persisted }) => persisted && wanted && !own && ask())
  return {
    open: () => {
      wanted = true
      if (own) own.open()
      else ask()
    },
    close: () => {
      wanted = false
      clearTimeout(silence)
      if (own) own.close()
      else port.postMessage('close')
    }
  }
}
