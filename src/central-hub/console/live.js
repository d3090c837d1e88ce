import { createEvents } from './events.js'

/**
 * Live events as a tab gets them: by the worker that all tabs share, or by a stream of its own
 * where that cannot be.
 */

/** A worker that says nothing for so long was not loaded, as when the hub went just then, ms. */
const silentMs = 5_000

/**
 * @param {import('./events.js').Listener} listener
 * @param {() => void} onClosed another tab signed out, or the hub asks to sign in
 * @returns {{ open: () => void, close: () => void }}
 */
export const createLive = (listener, onClosed) => {
  const alone = () => createEvents(listener)
  if (typeof SharedWorker === 'undefined') return alone()

  const worker = new SharedWorker(new URL('events-worker.js', import.meta.url), {
    type: 'module',
    name: 'leadmaster'
  })
  const { port } = worker
  let wanted = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence
  /** @type {ReturnType<typeof createEvents> | undefined} */
  let instead
  const goAlone = () => {
    clearTimeout(silence)
    port.close()
    instead ??= alone()
    if (wanted) instead.open()
  }
  worker.onerror = goAlone
  port.onmessage = ({ data: [what, type, data] }) => {
    clearTimeout(silence)
    if (what === 'open') listener.onOpen()
    else if (what === 'fresh') listener.onFresh()
    else if (what === 'lost') listener.onLost()
    else if (what === 'event') listener.onEvent(type, data)
    else if (what === 'closed') onClosed()
  }
  const ask = () => {
    silence = setTimeout(goAlone, silentMs)
    port.postMessage('open')
  }
  addEventListener('pagehide', () => instead ?? port.postMessage('leave'))
  // shown again out of the browser's memory of pages left
  addEventListener('pageshow', ({ persisted }) => persisted && wanted && !instead && ask())
  return {
    open: () => {
      wanted = true
      if (instead) instead.open()
      else ask()
    },
    close: () => {
      wanted = false
      clearTimeout(silence)
      if (instead) instead.close()
      else port.postMessage('close')
    }
  }
}
