import { api } from './api.js'
import { byId, say } from './dom.js'
import { figure } from './format.js'
import { explain, fill, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */

/**
 * Searching in the conversation that is open: from the latest message that has the words to older
 * ones, and back.
 */

const searchAfterMs = 250

export class LeadSearch {
  /** What was found so far, the latest first. @type {readonly Message[]} */
  #found = []
  /** @type {string | null} */
  #cursor = null
  #at = 0
  #reading = new AbortController()
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing
  /** What went wrong last. @type {unknown} */
  #fault
  #isSearching = false

  #options
  #bar = byId('lead-search')
  #field = byId('lead-q')
  #status = byId('lead-search-status')
  #opener = byId('lead-search-open')

  /**
   * @param {object} options
   * @param {() => number | undefined} options.leadId
   * @param {(id: string) => Promise<boolean>} options.show shows a message, without taking the
   * focus
   * @param {(q: string) => void} options.highlight marks the words in what is shown
   */
  constructor(options) {
    this.#options = options
    this.#opener.addEventListener('click', () => this.open())
    byId('lead-search-close').addEventListener('click', () => this.close())
    byId('lead-search-older').addEventListener('click', () => void this.#go(1))
    byId('lead-search-newer').addEventListener('click', () => void this.#go(-1))
    this.#field.addEventListener('input', () => {
      clearTimeout(this.#typing)
      this.#typing = setTimeout(() => void this.#search(), searchAfterMs)
    })
    this.#bar.addEventListener('submit', (/** @type {Event} */ event) => event.preventDefault())
    this.#bar.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) =>
      this.#onKey(event)
    )
  }

  open() {
    if (this.#options.leadId() === undefined) return
    this.#bar.hidden = false
    this.#opener.setAttribute('aria-expanded', 'true')
    this.#field.focus()
    this.#field.select()
  }

  close() {
    const hadFocus = this.#bar.contains(document.activeElement)
    this.clear()
    if (hadFocus) this.#opener.focus()
  }

  /** For another lead, or none. */
  clear() {
    clearTimeout(this.#typing)
    this.#reading.abort()
    this.#field.value = ''
    this.#found = []
    this.#cursor = null
    this.#fault = undefined
    this.#isSearching = false
    this.#bar.hidden = true
    this.#opener.setAttribute('aria-expanded', 'false')
    this.#options.highlight('')
    this.render()
  }

  /** Writes how many were found, in the language chosen. */
  render() {
    say(this.#status, this.#words())
  }

  #words() {
    if (this.#fault !== undefined) return explain(this.#fault).words
    if (this.#field.value.trim() === '') return ''
    if (this.#isSearching) return texts.loading
    if (this.#found.length === 0) return texts.nothingFound
    return fill(texts.foundAt, {
      at: this.#at + 1,
      of: figure(this.#found.length) + (this.#cursor === null ? '' : '+')
    })
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing) return
    if (event.key === 'Escape') {
      event.stopPropagation()
      event.preventDefault()
      this.close()
    } else if (event.key === 'Enter' && event.target === this.#field) {
      event.preventDefault()
      void this.#go(event.shiftKey ? -1 : 1)
    }
  }

  async #search() {
    const id = this.#options.leadId()
    const q = this.#field.value.trim()
    this.#reading.abort()
    this.#reading = new AbortController()
    this.#found = []
    this.#cursor = null
    this.#at = 0
    this.#options.highlight(q)
    if (id === undefined || q === '') return this.render()
    this.#isSearching = true
    this.render()
    await this.#readPage(id, q)
    this.render()
    await this.#show()
  }

  /** @param {number} id @param {string} q */
  async #readPage(id, q) {
    const { signal } = this.#reading
    this.#fault = undefined
    try {
      const page = await api.foundMessages(id, q, this.#cursor, signal)
      if (signal.aborted) return
      this.#found = [...this.#found, ...page.messages]
      this.#cursor = page.next_cursor
    } catch (error) {
      if (!signal.aborted) this.#fault = error
    }
    if (!signal.aborted) this.#isSearching = false
  }

  /** @param {1 | -1} by 1: to the next older one */
  async #go(by) {
    const id = this.#options.leadId()
    if (id === undefined || this.#found.length === 0) return
    if (this.#at + by >= this.#found.length && this.#cursor !== null)
      await this.#readPage(id, this.#field.value.trim())
    const next = this.#at + by
    if (next < 0 || next >= this.#found.length) return
    this.#at = next
    this.render()
    await this.#show()
  }

  async #show() {
    const message = this.#found[this.#at]
    if (message !== undefined) await this.#options.show(message.id)
  }
}
