import { arrange, byId, h, say } from './dom.js'
import { errorNote } from './error.js'
import { dayOf } from './format.js'
import { findTerms, markIn } from './highlight.js'
import { messageNode, stanzaOf, timeOf } from './message.js'
import { OlderMessages } from './older-messages.js'
import { hubNow } from './request.js'
import { ScrollKeeper } from './scroll-keeper.js'
import { fill, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */
/** @typedef {import('../../contract/lead.ts').MessagePage} MessagePage */
/**
 * @typedef {{ message: Message, node: HTMLElement, name: string }} Shown a node, and what it shows
 */

/** In the order of a conversation. @param {Message} a @param {Message} b */
const byTime = (a, b) => a.timestamp - b.timestamp || a.seq - b.seq

/**
 * The messages of the conversation that is open: the latest in sight, older ones as a person
 * scrolls up.
 */
export class MessageList {
  /** @type {Map<string, Message>} */
  #messages = new Map()
  /** @type {Map<string, Shown>} */
  #nodes = new Map()
  /** @type {Map<string, HTMLElement>} */
  #days = new Map()
  #loaded = false
  #name = ''
  /** Why the newest could not be read. @type {unknown} */
  #fault
  /** Messages of theirs that were not read when the conversation was opened. */
  #unread = 0
  /** The first of these. @type {string | undefined} */
  #firstUnread
  /**
   * The message that Tab leads to; the others are reached from it by the arrow keys. @type {string
   * | undefined}
   */
  #current
  /** What was searched for, and is marked. */
  #q = ''

  #scroller = byId('messages')
  #list = h('ol', { class: 'message-list' })
  #top = h('div', { class: 'top' })
  #latest = byId('to-latest')
  #divider = h('li', { class: 'unread-line small' })
  #again
  #onCopy
  #keeper
  #older

  /**
   * @param {object} options
   * @param {(cursor: string, signal: AbortSignal) => Promise<MessagePage>} options.older reads a
   * page of older messages
   * @param {() => void} options.again reads the latest again
   * @param {(text: string) => void} options.onCopy a person wants to copy the text of a message
   */
  constructor({ older, again, onCopy }) {
    this.#again = again
    this.#onCopy = onCopy
    this.#scroller.append(this.#top, this.#list)
    this.#keeper = new ScrollKeeper(this.#scroller, this.#list, () => {
      this.#latest.hidden = this.#keeper.follows || this.#keeper.isAtEnd
    })
    this.#older = new OlderMessages({
      scroller: this.#scroller,
      top: this.#top,
      read: older,
      onPage: (messages) => this.#prepend(messages),
      onChange: () => this.#renderTop(),
      onBegin: () => this.#goToFirst()
    })
    this.#latest.addEventListener('click', () => {
      this.#older.stop()
      this.#keeper.follow(true)
      this.#scroller.focus({ preventScroll: true })
    })
    this.#list.addEventListener('focusin', ({ target }) => this.#makeCurrent(target))
    this.#scroller.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) =>
      this.#onKey(event)
    )
  }

  loaded() {
    return this.#loaded
  }

  /** Whether the newest could not be read. */
  failed() {
    return this.#fault !== undefined
  }

  /** @param {string} now of the person at the other end */
  setName(now) {
    if (now === this.#name) return
    this.#name = now
    this.render()
  }

  /**
   * How many messages of theirs are not read yet; counts for a conversation that is not shown yet.
   * @param {number} count
   */
  setUnread(count) {
    if (!this.#loaded) this.#unread = count
  }

  /** The newest messages, as the hub has them now. @param {MessagePage} page */
  take(page) {
    this.#fault = undefined
    const isFirst = !this.#loaded
    // Older ones that were read before stay, unless there is a gap to what is read now.
    const oldest = page.messages.at(-1)
    const isJoined =
      page.next_cursor === null || oldest === undefined || this.#messages.has(oldest.id)
    if (!isJoined) this.#messages = new Map()
    for (const message of page.messages) this.#putChanged(message)
    this.#loaded = true
    if (isFirst) this.#findFirstUnread()
    if (isFirst) this.#keeper.follow(true)
    if (isFirst || !isJoined) this.#older.start(page.next_cursor)
    this.render()
  }

  /** @param {Message} message new, or as it is now */
  put(message) {
    // An answer to it may show it.
    for (const [id, { message: answer }] of this.#nodes) {
      if (answer.quoted_id !== undefined && stanzaOf(answer.quoted_id) === stanzaOf(message.id))
        this.#nodes.delete(id)
    }
    this.#messages.set(message.id, message)
  }

  /**
   * What is read again and is as before keeps its node, with its picture and the focus. @param
   * {Message} message
   */
  #putChanged(message) {
    const known = this.#messages.get(message.id)
    if (JSON.stringify(known) !== JSON.stringify(message)) this.#messages.set(message.id, message)
  }

  /** @param {unknown} error why the newest could not be read */
  fail(error) {
    this.#fault = error
    this.render()
  }

  clear() {
    this.#older.start(null)
    this.#messages = new Map()
    this.#nodes = new Map()
    this.#days = new Map()
    this.#loaded = false
    this.#fault = undefined
    this.#name = ''
    this.#unread = 0
    this.#firstUnread = undefined
    this.#current = undefined
    this.#q = ''
    this.#keeper.follow(true)
  }

  /** Tries again to read the older messages that could not be read. */
  retryFailed() {
    if (this.#older.fault !== undefined) void this.#older.load()
  }

  /** Writes everything again, in the language chosen. */
  rewrite() {
    this.#nodes = new Map()
    this.render()
  }

  /** Marks these words in the messages. @param {string} q */
  highlight(q) {
    if (q === this.#q) return
    for (const [id, { message }] of this.#nodes)
      if (this.#isMarked(message, this.#q) || this.#isMarked(message, q)) this.#nodes.delete(id)
    this.#q = q
    this.render()
  }

  /**
   * Shows a message that is wanted, reading older ones until it is there.
   * @param {string} id @param {{ focus: boolean }} [how] @returns {Promise<boolean>} whether there
   * is such a message
   */
  async show(id, { focus } = { focus: true }) {
    const isThere = await this.#older.loadUntil(() => this.#find(id) !== undefined)
    const found = this.#find(id)
    if (found !== undefined) this.#goTo(found.id, focus)
    return isThere || found !== undefined
  }

  render() {
    arrange(this.#list, this.#arranged())
    this.#makeReachable()
    this.#scroller.setAttribute('aria-busy', String(!this.#loaded && this.#fault === undefined))
    this.#renderTop()
    this.#keeper.keep()
  }

  /** The messages with their days, in order. @returns {HTMLElement[]} */
  #arranged() {
    const now = hubNow()
    /** @type {HTMLElement[]} */
    const shown = []
    let lastDay = ''
    for (const message of [...this.#messages.values()].sort(byTime)) {
      const date = timeOf(message)
      const day = date.toDateString()
      if (day !== lastDay) shown.push(this.#dayMark(day, dayOf(date, now)))
      lastDay = day
      if (message.id === this.#firstUnread) {
        say(this.#divider, fill(texts.unread, { count: this.#unread }))
        shown.push(this.#divider)
      }
      shown.push(this.#nodeOf(message))
    }
    return shown
  }

  /** @param {string} day @param {string} text */
  #dayMark(day, text) {
    const mark = this.#days.get(day) ?? h('li', { class: 'day small muted' })
    this.#days.set(day, mark)
    say(mark, text)
    return mark
  }

  /** @param {Message} message */
  #nodeOf(message) {
    const known = this.#nodes.get(message.id)
    if (known && known.message === message && known.name === this.#name) return known.node
    const node = messageNode(message, {
      name: this.#name,
      find: (id) => this.#find(id),
      goTo: (id) => this.#goTo(id),
      copy: this.#onCopy
    })
    node.dataset.id = message.id
    const body = node.querySelector('.body')
    if (body && this.#isMarked(message, this.#q)) markIn(body, this.#q)
    this.#nodes.set(message.id, { message, node, name: this.#name })
    return node
  }

  #renderTop() {
    if (this.#fault !== undefined)
      return this.#top.replaceChildren(errorNote(this.#fault, this.#again))
    if (!this.#loaded)
      return this.#top.replaceChildren(h('p', { class: 'muted small' }, texts.loading))
    if (this.#older.render(this.#messages.size)) return
    const text = this.#messages.size === 0 ? texts.noMessages : texts.begin
    if (this.#top.textContent !== text)
      this.#top.replaceChildren(h('p', { class: 'muted small' }, text))
  }

  #findFirstUnread() {
    if (this.#unread === 0) return
    const theirs = [...this.#messages.values()]
      .filter((message) => !message.from_me && message.personal)
      .sort(byTime)
    this.#firstUnread = theirs.at(-this.#unread)?.id
  }

  /** @param {readonly Message[]} messages */
  #prepend(messages) {
    for (const message of messages)
      if (!this.#messages.has(message.id)) this.#messages.set(message.id, message)
    if (!this.#keeper.follows) this.#keeper.hold()
    const isLost = document.activeElement === document.body
    this.render()
    if (isLost) this.#scroller.focus({ preventScroll: true })
  }

  #goToFirst() {
    this.#keeper.follow(false)
    this.#scroller.scrollTop = 0
    this.#keeper.hold()
    const first = this.#messageNodes()[0]
    first?.focus({ preventScroll: true })
  }

  /** @param {string} id */
  #find(id) {
    return (
      this.#messages.get(id) ??
      [...this.#messages.values()].find((message) => stanzaOf(message.id) === stanzaOf(id))
    )
  }

  /** @param {Message} message @param {string} q */
  #isMarked({ body }, q) {
    return q !== '' && body !== '' && findTerms(body, q).length > 0
  }

  /** @param {string} id @param {boolean} [focus] */
  #goTo(id, focus = true) {
    const node = this.#nodes.get(id)?.node
    if (node === undefined) return
    this.#keeper.follow(false)
    node.scrollIntoView({ block: 'center' })
    this.#keeper.hold()
    for (const other of this.#list.querySelectorAll('.message.found'))
      other.classList.remove('found')
    node.classList.add('found')
    if (focus) node.focus({ preventScroll: true })
  }

  #messageNodes() {
    return /** @type {HTMLElement[]} */ ([...this.#list.querySelectorAll(':scope > .message')])
  }

  /** One message is reached by Tab: the latest, until another one has the focus. */
  #makeReachable() {
    const nodes = this.#messageNodes()
    const current = nodes.find(({ dataset }) => dataset['id'] === this.#current) ?? nodes.at(-1)
    for (const node of this.#list.querySelectorAll('[tabindex="0"]'))
      if (node !== current) setReachable(node, false)
    if (current) setReachable(current, true)
  }

  /** @param {EventTarget | null} target */
  #makeCurrent(target) {
    const node = target instanceof Element ? target.closest('.message') : null
    if (!(node instanceof HTMLElement) || node.dataset['id'] === this.#current) return
    this.#current = node.dataset['id']
    this.#makeReachable()
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const { target, key } = event
    if (key === 'Home') {
      event.preventDefault()
      void this.#older.loadAll()
    } else if (key === 'End' || key === 'Escape') this.#older.stop()
    if (!(target instanceof HTMLElement) || !target.matches('.message')) return
    const nodes = this.#messageNodes()
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowUp: -1 }
    const next = nodes[nodes.indexOf(target) + (steps[key] ?? 0)]
    if (key === 'c') /** @type {HTMLElement | null} */ (target.querySelector('.copy'))?.click()
    if (next === undefined || next === target) return
    event.preventDefault()
    next.focus({ preventScroll: true })
    next.scrollIntoView({ block: 'nearest' })
  }
}

/** @param {Element} node a message @param {boolean} isReachable by Tab, with its button to copy */
const setReachable = (node, isReachable) => {
  node.setAttribute('tabindex', isReachable ? '0' : '-1')
  node.querySelector('.copy')?.setAttribute('tabindex', isReachable ? '0' : '-1')
}
