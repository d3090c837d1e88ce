import { api } from './api.js'
import { ApiError } from './request.js'

/**
 * The hub's live events. EventSource reconnects by itself and resumes by Last-Event-ID. It gives up
 * on an answer that is not a stream; this class then tries again.
 */

/** @typedef {'message' | 'lead' | 'lead_removed' | 'session'} EventType */
/**
 * @typedef {object} Listener
 * @property {() => void} onFresh the stream is open and does not resume: read the lists again, now
 * that no event can be missed
 * @property {() => void} onOpen the stream is open
 * @property {() => void} onLost the stream is not open, and is being opened again
 * @property {(type: EventType, data: any) => void} onEvent
 */

const types = /** @type {const} */ (['message', 'lead', 'lead_removed', 'session'])
const firstRetryMs = 1_000
const maxRetryMs = 15_000

export class HubEvents {
  #listener
  /** @type {EventSource | undefined} */
  #source
  #lastId = ''
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry
  #retryMs = firstRetryMs

  /** @param {Listener} listener */
  constructor(listener) {
    this.#listener = listener
  }

  /**
   * Opens a new stream, unless one is open. An attempt from before a sign-in may still be refused,
   * so it is replaced.
   */
  open() {
    if (this.#source?.readyState !== EventSource.OPEN) this.#open()
  }

  close() {
    clearTimeout(this.#retry)
    this.#source?.close()
    this.#source = undefined
  }

  #open() {
    this.close()
    const after = this.#lastId === '' ? '' : `?after=${this.#lastId}`
    const source = new EventSource(`/api/events${after}`)
    this.#source = source
    source.onopen = () => {
      this.#retryMs = firstRetryMs
      this.#listener.onOpen()
      if (this.#lastId === '') this.#listener.onFresh()
    }
    source.onerror = () => {
      this.#listener.onLost()
      if (source.readyState === EventSource.CLOSED) void this.#reopenLater(source)
    }
    for (const type of types) {
      source.addEventListener(type, (event) => {
        this.#lastId = event.lastEventId || this.#lastId
        this.#listener.onEvent(type, JSON.parse(event.data))
      })
    }
    source.addEventListener('reset', (event) => {
      this.#lastId = event.lastEventId
      this.#listener.onFresh()
    })
  }

  /** @param {EventSource} refused */
  async #reopenLater(refused) {
    let unauthorized = false
    try {
      await api.leads({ limit: 1 })
    } catch (error) {
      unauthorized = error instanceof ApiError && error.kind === 'unauthorized'
    }
    if (this.#source !== refused) return
    // The page shows the sign-in by itself.
    if (unauthorized) return this.close()
    this.#retry = setTimeout(() => this.#open(), this.#retryMs)
    this.#retryMs = Math.min(this.#retryMs * 2, maxRetryMs)
  }
}
