import { api } from './api.js'
import { arrange, byId, coalesced, h, say } from './dom.js'
import { errorNote } from './error.js'
import { countedStates, createFilter } from './inbox-filter.js'
import { makeRow, writeRow } from './inbox-row.js'
import { ageOf, ages } from './age.js'
import { remember } from './known.js'
import { isOlder, samePerson } from './lead.js'
import { hubNow } from './request.js'
import { texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {'waiting' | 'recent'} Which */

/**
 * The list of leads: who waits first, by who has waited longest, then the others by their latest
 * message. It is live.
 */

/** The hub's most per page: how many the number in the title can count. */
const mostCounted = 200
/**
 * While something is searched for, the hub is asked again this long after it told of a lead, ms.
 */
const searchAgainMs = 1_000
const both = /** @type {const} */ (['waiting', 'recent'])

/** @param {(waiting: number, more: boolean) => void} onCount how many wait, those ignored apart */
export const createInbox = (onCount) => {
  /** @type {Map<number, Lead>} */
  let leads = new Map()
  /** @type {Map<number, HTMLElement>} */
  const rows = new Map()
  /** Everyone who waits, whatever is searched for. @type {Set<number>} */
  let waiting = new Set()
  let moreWaiting = false
  /** @type {Record<Which, string | null>} */
  let cursors = { waiting: null, recent: null }
  /**
   * The last lead read of each: what stands after it is not shown before it is read, so that memory
   * stays bounded. @type {Record<Which, Lead | undefined>}
   */
  let edges = { waiting: undefined, recent: undefined }
  let loaded = false
  let loads = 0
  /** @type {Promise<unknown>} */
  let reloading = Promise.resolve()
  let reading = 0
  /** Leads of events that came while a list was being read: it may be older. @type {Lead[]} */
  let meanwhile = []
  /** @type {unknown} */
  let fault
  /** @type {number | undefined} */
  let current
  /** Which row of the list it is. */
  let place = 0

  const lists = byId('lists')
  const filter = createFilter(() => void load())

  const sections = Object.fromEntries(
    both.map((which) => [
      which,
      {
        title: h('h3', { id: `${which}-title` }),
        list: h('ul', { 'aria-labelledby': `${which}-title` }),
        none: h('p', { class: 'muted small none' }),
        marks: Object.fromEntries(ages.map((age) => [age, h('li', { class: 'age small muted' })])),
        note: h('div', {}),
        more: h('button', { type: 'button', class: 'more', onclick: () => void more(which) })
      }
    ])
  )
  const message = h('div', { role: 'status' })

  /** @param {number} now */
  const row = (/** @type {Lead} */ lead, now) => {
    const made = rows.get(lead.id) ?? makeRow(lead)
    rows.set(lead.id, made)
    writeRow(made, lead, { now, isCurrent: lead.id === current, q: filter.values().q })
    return made
  }
  /** @param {Which} which */
  const section = (which) => /** @type {NonNullable<typeof sections[string]>} */ (sections[which])

  /**
   * The same number as in the title of the page, unless the list shows only some of them. @param
   * {number} shown
   */
  const waitingTitle = (shown) => {
    const [count, isMore] = filter.filtered()
      ? [shown, cursors.waiting !== null]
      : [waiting.size, moreWaiting]
    return count === 0 ? texts.waiting : `${texts.waiting} · ${count}${isMore ? '+' : ''}`
  }

  /**
   * The rows, each day after its name; without one if all is of today. @param {Which} which @param
   * {readonly Lead[]} shown @param {number} now
   */
  const byAge = (which, shown, now) => {
    const { marks } = section(which)
    const dated = shown.map((lead) => ({
      lead,
      age: ageOf(new Date((which === 'waiting' && lead.waiting_since) || lead.last_seen_at), now)
    }))
    if (dated.every(({ age }) => age === 'today')) return shown.map((lead) => row(lead, now))
    let last = ''
    return dated.flatMap(({ lead, age }) => {
      if (age === last) return [row(lead, now)]
      last = age
      const mark = /** @type {HTMLElement} */ (marks[age])
      say(mark, texts.ages[age])
      return [mark, row(lead, now)]
    })
  }

  /** What stands in the place of the rows when there are none. */
  const insteadOfRows = () => {
    if (fault !== undefined) return errorNote(fault, () => void load())
    if (!loaded) return h('p', { class: 'muted none' }, texts.loading)
    if (!filter.filtered()) return h('p', { class: 'muted empty' }, texts.noLeads)
    return h(
      'div',
      { class: 'empty' },
      h('p', { class: 'muted' }, texts.noMatch),
      h('button', { type: 'button', onclick: filter.clear }, texts.showAll)
    )
  }
  const render = () => {
    const now = hubNow()
    lists.setAttribute('aria-busy', String(!loaded && fault === undefined))
    const all = [...leads.values()]
    for (const id of rows.keys()) if (!leads.has(id)) rows.delete(id)
    if (!loaded || fault !== undefined || all.length === 0) {
      message.replaceChildren(insteadOfRows())
      return arrange(lists, [message])
    }
    const shown = {
      waiting: all
        .filter((lead) => lead.waiting_since !== null)
        .sort(
          (a, b) =>
            Date.parse(a.waiting_since ?? '') - Date.parse(b.waiting_since ?? '') || a.id - b.id
        ),
      recent: all
        .filter((lead) => lead.waiting_since === null)
        .sort((a, b) => Date.parse(b.last_seen_at) - Date.parse(a.last_seen_at) || b.id - a.id)
    }
    // That nobody waits is said of all leads alone, not of those that a search found.
    const isShown = (/** @type {Which} */ which) =>
      !filter.filtered() || shown[which].length > 0 || cursors[which] !== null
    const wanted = both.filter((which) => filter.wants(which === 'waiting') && isShown(which))
    for (const which of wanted) {
      const { list, title, none, more } = section(which)
      say(title, which === 'waiting' ? waitingTitle(shown.waiting.length) : texts[which])
      arrange(list, byAge(which, shown[which], now))
      none.hidden = shown[which].length > 0
      say(none, which === 'waiting' ? texts.nobodyWaits : texts.noRecent)
      more.hidden = cursors[which] === null
      say(more, texts.more)
    }
    const parts = (/** @type {Which} */ which) =>
      (({ title, list, none, note, more }) => [title, list, none, note, more])(section(which))
    arrange(lists, wanted.flatMap(parts))
    const at = links().findIndex((link) => link.hasAttribute('aria-current'))
    if (at >= 0) place = at
  }
  const counted = () => onCount(waiting.size, moreWaiting)
  const renderSoon = coalesced(() => {
    render()
    counted()
  })
  const searchAgain = coalesced(() => void load(), searchAgainMs)

  /** @param {Lead} lead */
  const inReach = ({ waiting_since, last_seen_at }) =>
    waiting_since === null
      ? cursors.recent === null ||
        Date.parse(last_seen_at) >= Date.parse(edges.recent?.last_seen_at ?? '')
      : cursors.waiting === null ||
        Date.parse(waiting_since) <= Date.parse(edges.waiting?.waiting_since ?? '')

  /** @param {number} id */
  const drop = (id) => {
    leads.delete(id)
    waiting.delete(id)
  }
  /** @param {Lead} lead */
  const take = (lead) => {
    if (isOlder(lead, leads.get(lead.id))) return
    for (const other of leads.values())
      if (other.id !== lead.id && samePerson(other, lead)) drop(other.id)
    const fits = filter.fits(lead)
    if (fits === undefined) searchAgain()
    const matched = leads.get(lead.id)?.matched
    // an event about a lead does not say what the search found in it
    if ((fits ?? leads.has(lead.id)) && inReach(lead))
      leads.set(lead.id, matched === undefined || lead.matched ? lead : { ...lead, matched })
    else leads.delete(lead.id)
    if (lead.waiting_since !== null && lead.state !== 'ignored') waiting.add(lead.id)
    else waiting.delete(lead.id)
  }

  /** @template T @param {Promise<T>} answer @returns {Promise<T>} */
  const reads = async (answer) => {
    if (reading === 0) meanwhile = []
    reading += 1
    try {
      return await answer
    } finally {
      reading -= 1
    }
  }
  const nothing = { leads: /** @type {Lead[]} */ ([]), next_cursor: null }

  /** Reads the lists again; what is shown stays until the answer is there. */
  const load = async () => {
    const mine = ++loads
    fault = undefined
    const params = filter.values()
    const isCurrent = () => mine === loads
    /** @param {boolean} waits */
    const page = async (waits) =>
      filter.wants(waits)
        ? api.foundLeads({ ...params, waiting: String(waits) }, isCurrent)
        : nothing
    try {
      const [waitingPage, recentPage] = await reads(Promise.all([page(true), page(false)]))
      if (mine !== loads) return
      leads = new Map([...waitingPage.leads, ...recentPage.leads].map((lead) => [lead.id, lead]))
      cursors = { waiting: waitingPage.next_cursor, recent: recentPage.next_cursor }
      edges = { waiting: waitingPage.leads.at(-1), recent: recentPage.leads.at(-1) }
      loaded = true
      for (const lead of leads.values()) remember(lead)
      for (const lead of meanwhile) take(lead)
    } catch (error) {
      if (mine !== loads) return
      fault = error
    }
    render()
  }
  const countWaiting = async () => {
    const page = await reads(
      api.leads({ waiting: 'true', state: countedStates, limit: mostCounted, fields: 'id' })
    )
    waiting = new Set(page.leads.map(({ id }) => id))
    moreWaiting = page.next_cursor !== null
    for (const lead of meanwhile) take(lead)
    counted()
    render()
  }

  /** @param {Which} which */
  const more = async (which) => {
    const mine = loads
    const { more: button, note } = /** @type {NonNullable<typeof sections[string]>} */ (
      sections[which]
    )
    if (button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    note.replaceChildren()
    try {
      const page = await api.foundLeads(
        { ...filter.values(), waiting: String(which === 'waiting'), cursor: cursors[which] },
        () => mine === loads
      )
      if (mine !== loads) return
      // a lead that is there already may be newer: an event brought it
      for (const lead of page.leads) if (!leads.has(lead.id)) leads.set(lead.id, lead)
      cursors[which] = page.next_cursor
      edges[which] = page.leads.at(-1) ?? edges[which]
      render()
      const [first] = page.leads
      if (first && document.activeElement === document.body) focus(first.id)
    } catch (error) {
      note.replaceChildren(errorNote(error))
    } finally {
      button.removeAttribute('aria-disabled')
    }
  }

  /** @param {number} id */
  const focus = (id) => {
    const link = rows.get(id)?.firstElementChild
    if (link instanceof HTMLElement && link.isConnected) link.focus()
    else focusAny()
  }
  /** The row where the lead was that was open last, or the list itself when it is empty. */
  const focusAny = () => (links()[Math.min(place, links().length - 1)] ?? lists).focus()
  const links = () => /** @type {HTMLElement[]} */ ([...lists.querySelectorAll('a.row')])
  lists.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const at = links().indexOf(/** @type {HTMLElement} */ (document.activeElement))
    if (by === undefined || at < 0) return
    event.preventDefault()
    links()[at + by]?.focus()
  })

  return {
    focus,
    focusAny,
    setAccounts: filter.setAccounts,
    /** The lead whose row has the focus. */
    focused: () => [...rows].find(([, made]) => made.contains(document.activeElement))?.[0],
    /** What is searched for. */
    query: () => filter.values().q,
    /**
     * Reads everything again, once what is being read is there: a later reading would discard its
     * answer.
     */
    reload: () => {
      // the number in the title can wait for the next time
      reloading = reloading.then(() => Promise.all([load(), countWaiting().catch(() => {})]))
    },
    /** Tries again what could not be read. */
    retryFailed: () => {
      if (fault !== undefined) void load()
    },
    /** @param {Lead} lead as the hub has it now; @returns the lead as it was known before */
    apply: (lead) => {
      const before = leads.get(lead.id)
      if (reading > 0) meanwhile.push(lead)
      take(lead)
      renderSoon()
      return before
    },
    /** @param {number} id of a lead that is there no more */
    remove: (id) => {
      drop(id)
      renderSoon()
    },
    /** @param {number} id */
    get: (id) => leads.get(id),
    /** @param {number | undefined} id the lead that is open */
    setCurrent: (id) => {
      current = id
      render()
    },
    /**
     * The address of the lead that stands before or after the one that is open, or of the first.
     * @param {1 | -1} by
     */
    neighbour: (by) => {
      const all = links()
      const at = all.findIndex((link) => link.hasAttribute('aria-current'))
      return (at < 0 ? all[0] : all[at + by])?.getAttribute('href') ?? undefined
    },
    /** Times pass. */
    tick: render,
    /** Writes everything again, in the language chosen. */
    render: () => {
      filter.render()
      render()
    }
  }
}
