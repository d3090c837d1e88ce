import { h, say } from './dom.js'
import { errorNote } from './error.js'
import { fill, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */
/** @typedef {import('../../contract/lead.ts').MessagePage} MessagePage */

/**
 * The older messages of a conversation: the next page is read before a person who scrolls up gets
 * to the first one.
 */

/** How far from the top the next page is asked for. */
const margin = '1000px 0px 0px 0px'

export class OlderMessages {
  /** @type {string | null} */
  #cursor = null
  #reading = new AbortController()
  /** The page that is being read. @type {Promise<void> | undefined} */
  #page
  /** Whether all pages are wanted, one after the other. */
  #wantsAll = false
  /** Why the last page could not be read. @type {unknown} */
  fault

  #top
  #options
  #watcher
  #note = h('p', { class: 'muted small', role: 'status' })
  #more = h('button', { type: 'button', class: 'more', onclick: () => void this.load() })
  #all = h('button', { type: 'button', class: 'more', onclick: () => void this.loadAll() })
  #box = h('div', { class: 'buttons' }, this.#note, this.#more, this.#all)

  /**
   * @param {object} options
   * @param {HTMLElement} options.scroller @param {HTMLElement} options.top its first element
   * @param {(cursor: string, signal: AbortSignal) => Promise<MessagePage>} options.read
   * @param {(messages: readonly Message[]) => void} options.onPage
   * @param {() => void} options.onChange what is at the top is to be written again
   * @param {() => void} options.onBegin all were wanted, and are there
   */
  constructor(options) {
    this.#options = options
    this.#top = options.top
    this.#watcher = new IntersectionObserver(
      (entries) => {
        if (entries.at(-1)?.isIntersecting && this.fault === undefined) void this.load()
      },
      { root: options.scroller, rootMargin: margin }
    )
  }

  /**
   * Begins with another conversation, or without one. @param {string | null} cursor of the first
   * page of older messages
   */
  start(cursor) {
    this.#reading.abort()
    this.#reading = new AbortController()
    this.#page = undefined
    this.#wantsAll = false
    this.#cursor = cursor
    this.fault = undefined
    this.#watch()
  }

  /** All that is there was wanted, and is not any more. */
  stop() {
    this.#wantsAll = false
  }

  /** Reads the next page, if there is one. */
  load() {
    if (this.#page !== undefined) return this.#page
    const { signal } = this.#reading
    const page = this.#load().then(() => {
      if (signal.aborted) return
      this.#page = undefined
      this.#options.onChange()
      this.#watch()
    })
    this.#page = page
    return page
  }

  /** Reads all pages and goes to the first message. */
  async loadAll() {
    if (this.#wantsAll) return
    this.#wantsAll = true
    const { signal } = this.#reading
    await this.loadUntil(() => !this.#wantsAll)
    if (signal.aborted || !this.#wantsAll) return
    this.#wantsAll = false
    if (this.#cursor === null) this.#options.onBegin()
  }

  /**
   * Reads pages until something is so. @param {() => boolean} isDone @returns {Promise<boolean>}
   * false: all were read, and it is not so
   */
  async loadUntil(isDone) {
    const { signal } = this.#reading
    while (!isDone() && this.#cursor !== null) {
      await this.load()
      if (signal.aborted || this.fault !== undefined) return true
    }
    return isDone()
  }

  /**
   * Writes what is at the top; false when there is nothing to write. @param {number} count messages
   * that are shown
   */
  render(count) {
    if (this.fault !== undefined) {
      this.#top.replaceChildren(errorNote(this.fault, () => void this.load()))
      return true
    }
    if (this.#cursor === null) return false
    say(this.#more, texts.older)
    say(this.#all, texts.toBegin)
    say(this.#note, this.#wantsAll ? fill(texts.loadedSoFar, { count }) : '')
    if (this.#box.parentElement !== this.#top) this.#top.replaceChildren(this.#box)
    return true
  }

  /**
   * An observer tells only of changes: it is asked again after each page, which may leave the top
   * in sight.
   */
  #watch() {
    this.#watcher.disconnect()
    if (this.#cursor !== null && this.fault === undefined) this.#watcher.observe(this.#top)
  }

  async #load() {
    const { signal } = this.#reading
    if (this.#cursor === null) return
    this.fault = undefined
    try {
      const page = await this.#options.read(this.#cursor, signal)
      if (signal.aborted) return
      this.#cursor = page.next_cursor
      this.#options.onPage(page.messages)
    } catch (error) {
      if (!signal.aborted) this.fault = error
    }
  }
}
