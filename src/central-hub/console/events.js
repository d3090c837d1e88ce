import { api } from './api.js'
import { ApiError } from './request.js'

/**
 * The hub's live events. EventSource connects again by itself and resumes by Last-Event-ID; what it
 * gives up on (an answer that is no stream) is looked into and tried again here.
 */

/** @typedef {'message' | 'lead' | 'lead_removed' | 'session'} EventType */
/**
 * @typedef {object} Listener
 * @property {() => void} onFresh the stream is open and does not resume: lists are to be read anew,
 * now that nothing can be missed
 * @property {() => void} onOpen the stream is open
 * @property {() => void} onLost it is not; it is being tried again
 * @property {(type: EventType, data: any) => void} onEvent
 */

const types = /** @type {const} */ (['message', 'lead', 'lead_removed', 'session'])
const firstRetryMs = 1_000
const mostRetryMs = 15_000

/** @param {Listener} listener */
export const createEvents = ({ onFresh, onOpen, onLost, onEvent }) => {
  /** @type {EventSource | undefined} */
  let source
  let lastId = ''
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry
  let retryMs = firstRetryMs

  const close = () => {
    clearTimeout(retry)
    source?.close()
    source = undefined
  }
  /** @param {EventSource} refused */
  const reopenLater = async (refused) => {
    let unauthorized = false
    try {
      await api.leads({ limit: 1 })
    } catch (error) {
      unauthorized = error instanceof ApiError && error.kind === 'unauthorized'
    }
    if (source !== refused) return
    // the page turns to the sign-in by itself
    if (unauthorized) return close()
    retry = setTimeout(open, retryMs)
    retryMs = Math.min(retryMs * 2, mostRetryMs)
  }
  const open = () => {
    close()
    const opened = new EventSource(`/api/events${lastId === '' ? '' : `?after=${lastId}`}`)
    source = opened
    opened.onopen = () => {
      retryMs = firstRetryMs
      onOpen()
      if (lastId === '') onFresh()
    }
    opened.onerror = () => {
      onLost()
      if (opened.readyState === EventSource.CLOSED) void reopenLater(opened)
    }
    for (const type of types) {
      opened.addEventListener(type, (event) => {
        lastId = event.lastEventId || lastId
        onEvent(type, JSON.parse(event.data))
      })
    }
    opened.addEventListener('reset', (event) => {
      lastId = event.lastEventId
      onFresh()
    })
  }
  return {
    /**
     * Opens the stream at once, unless it is open: one that is being tried may be refused for what
     * was before a sign-in.
     */
    open: () => source?.readyState !== EventSource.OPEN && open(),
    close
  }
}
