import { api } from './api.js'
import { arrange, byId, coalesced, h, say } from './dom.js'
import { errorNote } from './error.js'
import { countedStates, InboxFilter } from './inbox-filter.js'
import { makeRow, writeRow } from './inbox-row.js'
import { remember } from './known.js'
import { isOlder, samePerson } from './lead.js'
import { hubNow } from './request.js'
import { texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {'waiting' | 'recent'} Which */

/**
 * The list of leads, live: first those that wait, longest wait first, then the others by their
 * latest message.
 */

/** The hub's largest page: the largest number that the title can show. */
const maxCounted = 200
/** During a search the hub is asked again this long after the event of a lead, ms. */
const searchAgainMs = 1_000
const both = /** @type {const} */ (['waiting', 'recent'])
const emptyPage = { leads: /** @type {Lead[]} */ ([]), next_cursor: null }

/** The days of rows, from the latest to the oldest. */
const ages = /** @type {const} */ (['today', 'yesterday', 'older'])

/**
 * The day of a time, by the time zone of this computer.
 * @param {Date} date @param {number} now ms @returns {typeof ages[number]}
 */
const ageOf = (date, now) => {
  const today = new Date(now).setHours(0, 0, 0, 0)
  if (date.getTime() >= today) return 'today'
  const yesterday = new Date(today)
  yesterday.setDate(yesterday.getDate() - 1)
  return date >= yesterday ? 'yesterday' : 'older'
}

/** @param {readonly Lead[]} leads */
const inOrder = (leads) => ({
  waiting: leads
    .filter((lead) => lead.waiting_since !== null)
    .sort(
      (a, b) => Date.parse(a.waiting_since ?? '') - Date.parse(b.waiting_since ?? '') || a.id - b.id
    ),
  recent: leads
    .filter((lead) => lead.waiting_since === null)
    .sort((a, b) => Date.parse(b.last_seen_at) - Date.parse(a.last_seen_at) || b.id - a.id)
})

/** The elements of one of the two lists. @param {Which} which @param {() => void} onMore */
const makeSection = (which, onMore) => ({
  title: h('h3', { id: `${which}-title` }),
  list: h('ul', { 'aria-labelledby': `${which}-title` }),
  none: h('p', { class: 'muted small none' }),
  /** The headings of the days within the list. */
  marks: Object.fromEntries(ages.map((age) => [age, h('li', { class: 'age small muted' })])),
  note: h('div', {}),
  more: h('button', { type: 'button', class: 'more', onclick: onMore })
})

/** @param {ReturnType<typeof makeSection>} section */
const partsOf = ({ title, list, none, note, more }) => [title, list, none, note, more]

export class Inbox {
  #onCount
  /** @type {Map<number, Lead>} */
  #leads = new Map()
  /** @type {Map<number, HTMLElement>} */
  #rows = new Map()
  /** All leads that wait, without regard to the search. @type {Set<number>} */
  #waiting = new Set()
  #hasMoreWaiting = false
  /** @type {Record<Which, string | null>} */
  #cursors = { waiting: null, recent: null }
  /**
   * The last lead read of each list. Leads after it are not shown before they are read, so that
   * memory stays bounded. @type {Record<Which, Lead | undefined>}
   */
  #edges = { waiting: undefined, recent: undefined }
  #isLoaded = false
  /** The number of the latest load: answers to earlier ones are dropped. */
  #loads = 0
  /** @type {Promise<unknown>} */
  #reloading = Promise.resolve()
  /** How many lists are being read. */
  #reading = 0
  /** Leads of events during a read: its answer may be older. @type {Lead[]} */
  #arrived = []
  /** @type {unknown} */
  #error
  /** @type {number | undefined} */
  #currentId
  /** The position of the current lead's row. */
  #place = 0

  #lists = byId('lists')
  #filter = new InboxFilter(() => void this.#load())
  #sections = {
    waiting: makeSection('waiting', () => void this.#more('waiting')),
    recent: makeSection('recent', () => void this.#more('recent'))
  }
  #message = h('div', { role: 'status' })
  #renderSoon = coalesced(() => {
    this.#render()
    this.#reportCount()
  })
  #searchAgain = coalesced(() => void this.#load(), searchAgainMs)

  /**
   * @param {(waiting: number, more: boolean) => void} onCount gets how many leads wait, without
   * ignored ones
   */
  constructor(onCount) {
    this.#onCount = onCount
    this.#lists.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) =>
      this.#onKey(event)
    )
  }

  /** @param {number} id */
  focus(id) {
    const link = this.#rows.get(id)?.firstElementChild
    if (link instanceof HTMLElement && link.isConnected) link.focus()
    else this.focusAny()
  }

  /** Focuses the row at the place of the lead that was open last, or the list if it is empty. */
  focusAny() {
    const links = this.#links()
    const link = links[Math.min(this.#place, links.length - 1)] ?? this.#lists
    link.focus()
  }

  /** @param {string[]} names */
  setAccounts(names) {
    this.#filter.setAccounts(names)
  }

  /** The lead whose row has the focus. */
  focused() {
    return [...this.#rows].find(([, row]) => row.contains(document.activeElement))?.[0]
  }

  /** The text of the search. */
  query() {
    return this.#filter.values().q
  }

  /** Reads everything again, after the current read: otherwise that answer would be lost. */
  reload() {
    // The number in the title can wait for the next reload.
    this.#reloading = this.#reloading.then(() =>
      Promise.all([this.#load(), this.#countWaiting().catch(() => {})])
    )
  }

  /** Tries again what could not be read. */
  retryFailed() {
    if (this.#error !== undefined) void this.#load()
  }

  /** @param {Lead} lead as the hub has it now; @returns the lead as it was known before */
  apply(lead) {
    const before = this.#leads.get(lead.id)
    if (this.#reading > 0) this.#arrived.push(lead)
    this.#take(lead)
    this.#renderSoon()
    return before
  }

  /** @param {number} id of a lead that no longer exists */
  remove(id) {
    this.#drop(id)
    this.#renderSoon()
  }

  /** @param {number} id */
  get(id) {
    return this.#leads.get(id)
  }

  /** @param {number | undefined} id the lead that is open */
  setCurrent(id) {
    this.#currentId = id
    this.#render()
  }

  /**
   * The address of the lead before or after the current one, or of the first lead.
   * @param {1 | -1} by
   */
  neighbour(by) {
    const links = this.#links()
    const at = links.findIndex((link) => link.hasAttribute('aria-current'))
    return (at < 0 ? links[0] : links[at + by])?.getAttribute('href') ?? undefined
  }

  /** Updates the times. */
  tick() {
    this.#render()
  }

  /** Writes everything again, in the language chosen. */
  render() {
    this.#filter.render()
    this.#render()
  }

  #render() {
    const now = hubNow()
    this.#lists.setAttribute('aria-busy', String(!this.#isLoaded && this.#error === undefined))
    for (const id of this.#rows.keys()) if (!this.#leads.has(id)) this.#rows.delete(id)
    if (!this.#isLoaded || this.#error !== undefined || this.#leads.size === 0) {
      this.#message.replaceChildren(this.#insteadOfRows())
      return arrange(this.#lists, [this.#message])
    }
    const shown = inOrder([...this.#leads.values()])
    const wanted = both.filter((which) => this.#isShown(which, shown[which].length))
    for (const which of wanted) this.#renderSection(which, shown[which], now)
    arrange(
      this.#lists,
      wanted.flatMap((which) => partsOf(this.#sections[which]))
    )
    const at = this.#links().findIndex((link) => link.hasAttribute('aria-current'))
    if (at >= 0) this.#place = at
  }

  /** @param {Which} which @param {number} count of its leads */
  #isShown(which, count) {
    if (!this.#filter.wants(which === 'waiting')) return false
    // An empty list is shown only without a search: its text is about all leads.
    return !this.#filter.isFiltered() || count > 0 || this.#cursors[which] !== null
  }

  /** @param {Which} which @param {readonly Lead[]} leads @param {number} now */
  #renderSection(which, leads, now) {
    const { list, title, none, more } = this.#sections[which]
    say(title, which === 'waiting' ? this.#waitingTitle(leads.length) : texts.recent)
    arrange(list, this.#rowsByAge(which, leads, now))
    none.hidden = leads.length > 0
    say(none, which === 'waiting' ? texts.nobodyWaits : texts.noRecent)
    more.hidden = this.#cursors[which] === null
    say(more, texts.more)
  }

  /**
   * Has the same number as the title of the page, unless the list shows only some leads.
   * @param {number} shown
   */
  #waitingTitle(shown) {
    const [count, isMore] = this.#filter.isFiltered()
      ? [shown, this.#cursors.waiting !== null]
      : [this.#waiting.size, this.#hasMoreWaiting]
    return count === 0 ? texts.waiting : `${texts.waiting} · ${count}${isMore ? '+' : ''}`
  }

  /**
   * The rows below headings of their days; without headings if all are of today.
   * @param {Which} which @param {readonly Lead[]} leads @param {number} now
   */
  #rowsByAge(which, leads, now) {
    const { marks } = this.#sections[which]
    const dated = leads.map((lead) => ({
      lead,
      age: ageOf(new Date((which === 'waiting' && lead.waiting_since) || lead.last_seen_at), now)
    }))
    if (dated.every(({ age }) => age === 'today')) return leads.map((lead) => this.#row(lead, now))
    let last = ''
    return dated.flatMap(({ lead, age }) => {
      if (age === last) return [this.#row(lead, now)]
      last = age
      const mark = /** @type {HTMLElement} */ (marks[age])
      say(mark, texts.ages[age])
      return [mark, this.#row(lead, now)]
    })
  }

  /** @param {Lead} lead @param {number} now */
  #row(lead, now) {
    const row = this.#rows.get(lead.id) ?? makeRow(lead)
    this.#rows.set(lead.id, row)
    writeRow(row, lead, { now, isCurrent: lead.id === this.#currentId, q: this.query() })
    return row
  }

  /** The text that is shown when there are no rows. */
  #insteadOfRows() {
    if (this.#error !== undefined) return errorNote(this.#error, () => void this.#load())
    if (!this.#isLoaded) return h('p', { class: 'muted none' }, texts.loading)
    if (!this.#filter.isFiltered()) return h('p', { class: 'muted empty' }, texts.noLeads)
    return h(
      'div',
      { class: 'empty' },
      h('p', { class: 'muted' }, texts.noMatch),
      h('button', { type: 'button', onclick: () => this.#filter.clear() }, texts.showAll)
    )
  }

  #reportCount() {
    this.#onCount(this.#waiting.size, this.#hasMoreWaiting)
  }

  /** Whether a lead is within the part of its list that was read. @param {Lead} lead */
  #isInReach({ waiting_since, last_seen_at }) {
    const { waiting, recent } = this.#edges
    return waiting_since === null
      ? this.#cursors.recent === null ||
          Date.parse(last_seen_at) >= Date.parse(recent?.last_seen_at ?? '')
      : this.#cursors.waiting === null ||
          Date.parse(waiting_since) <= Date.parse(waiting?.waiting_since ?? '')
  }

  /** @param {number} id */
  #drop(id) {
    this.#leads.delete(id)
    this.#waiting.delete(id)
  }

  /** @param {Lead} lead */
  #take(lead) {
    if (isOlder(lead, this.#leads.get(lead.id))) return
    for (const other of this.#leads.values())
      if (other.id !== lead.id && samePerson(other, lead)) this.#drop(other.id)
    const fits = this.#filter.fits(lead)
    if (fits === undefined) this.#searchAgain()
    const matched = this.#leads.get(lead.id)?.matched
    // An event does not contain what the search found in the lead.
    if ((fits ?? this.#leads.has(lead.id)) && this.#isInReach(lead))
      this.#leads.set(lead.id, matched === undefined || lead.matched ? lead : { ...lead, matched })
    else this.#leads.delete(lead.id)
    if (lead.waiting_since !== null && lead.state !== 'ignored') this.#waiting.add(lead.id)
    else this.#waiting.delete(lead.id)
  }

  /** Keeps the leads of events until `answer` is there. @template T @param {Promise<T>} answer */
  async #duringRead(answer) {
    if (this.#reading === 0) this.#arrived = []
    this.#reading += 1
    try {
      return await answer
    } finally {
      this.#reading -= 1
    }
  }

  /** Reads the lists again. Until the answer arrives, the page stays as it is. */
  async #load() {
    this.#loads += 1
    const load = this.#loads
    this.#error = undefined
    try {
      const [waiting, recent] = await this.#duringRead(this.#readLists(load))
      if (load !== this.#loads) return
      this.#leads = new Map([...waiting.leads, ...recent.leads].map((lead) => [lead.id, lead]))
      this.#cursors = { waiting: waiting.next_cursor, recent: recent.next_cursor }
      this.#edges = { waiting: waiting.leads.at(-1), recent: recent.leads.at(-1) }
      this.#isLoaded = true
      for (const lead of this.#leads.values()) remember(lead)
      for (const lead of this.#arrived) this.#take(lead)
    } catch (error) {
      if (load !== this.#loads) return
      this.#error = error
    }
    this.#render()
  }

  /** The first pages of both lists. @param {number} load its number */
  #readLists(load) {
    const params = this.#filter.values()
    const isCurrent = () => load === this.#loads
    /** @param {boolean} waits */
    const page = async (waits) =>
      this.#filter.wants(waits)
        ? api.foundLeads({ ...params, waiting: String(waits) }, isCurrent)
        : emptyPage
    return Promise.all([page(true), page(false)])
  }

  async #countWaiting() {
    const page = await this.#duringRead(
      api.leads({ waiting: 'true', state: countedStates, limit: maxCounted, fields: 'id' })
    )
    this.#waiting = new Set(page.leads.map(({ id }) => id))
    this.#hasMoreWaiting = page.next_cursor !== null
    for (const lead of this.#arrived) this.#take(lead)
    this.#reportCount()
    this.#render()
  }

  /** Reads the next page of a list. @param {Which} which */
  async #more(which) {
    const load = this.#loads
    const isCurrent = () => load === this.#loads
    const { more: button, note } = this.#sections[which]
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    note.replaceChildren()
    try {
      const waiting = String(which === 'waiting')
      const cursor = this.#cursors[which]
      const page = await api.foundLeads({ ...this.#filter.values(), waiting, cursor }, isCurrent)
      if (!isCurrent()) return
      // A lead that is there already may be newer: an event brought it.
      for (const lead of page.leads) if (!this.#leads.has(lead.id)) this.#leads.set(lead.id, lead)
      this.#cursors[which] = page.next_cursor
      this.#edges[which] = page.leads.at(-1) ?? this.#edges[which]
      this.#render()
      const [first] = page.leads
      if (first && document.activeElement === document.body) this.focus(first.id)
    } catch (error) {
      note.replaceChildren(errorNote(error))
    } finally {
      button.removeAttribute('aria-disabled')
    }
  }

  #links() {
    return /** @type {HTMLElement[]} */ ([...this.#lists.querySelectorAll('a.row')])
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const links = this.#links()
    const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement))
    if (by === undefined || at < 0) return
    event.preventDefault()
    links[at + by]?.focus()
  }
}
