import { api, hubNow } from './api.js'
import { arrange, byId, coalesced, h, say } from './dom.js'
import { errorNote } from './error.js'
import { duration, nameOf, texts, when } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

/** The list of leads: who waits first, by who has waited longest, then the others by their latest message. It is live. */

const states = /** @type {const} */ (['new', 'open', 'won', 'lost', 'ignored'])
const notIgnored = states.slice(0, -1)
/** The hub's most per page: how many the number in the title can count. */
const mostCounted = 200

/** As the hub compares names: without case and accents. @param {string} text */
const fold = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** @param {(waiting: number, more: boolean) => void} onCount how many wait, those ignored apart */
export const createLeads = (onCount) => {
  /** @type {Map<number, Lead>} */
  let leads = new Map()
  /** @type {Map<number, HTMLElement>} */
  const rows = new Map()
  /** Everyone who waits, whatever is searched for. */
  /** @type {Set<number>} */
  let waiting = new Set()
  let moreWaiting = false
  /** @type {{ waiting: string | null, recent: string | null }} */
  let cursors = { waiting: null, recent: null }
  /** The last lead read of each: what stands after it is not shown before it is read, so that memory stays bounded. */
  /** @type {{ waiting: Lead | undefined, recent: Lead | undefined }} */
  let edges = { waiting: undefined, recent: undefined }
  let loaded = false
  let loads = 0
  let reading = 0
  /** What events told while a list was being read, which may not know it. @type {Lead[]} */
  let meanwhile = []
  /** @type {unknown} */
  let fault
  /** @type {number | undefined} */
  let current

  const lists = byId('lists')
  const q = byId('q')
  const stateFilter = byId('state-filter')

  const filterStates = () => (stateFilter.value === 'all' ? states : stateFilter.value === 'active' || stateFilter.value === '' ? notIgnored : [stateFilter.value])
  const stateParam = () => (stateFilter.value === 'all' ? undefined : filterStates().join(','))
  const filtered = () => q.value.trim() !== '' || !['', 'active', 'all'].includes(stateFilter.value)

  /** @param {Lead} lead */
  const fits = ({ state, name, phone }) => {
    const text = q.value.trim()
    const digits = text.replace(/[\s()+.-]/g, '')
    const inText = text === '' || fold(name ?? '').includes(fold(text)) || (/^\d+$/.test(digits) && (phone ?? '').includes(digits))
    return inText && filterStates().includes(state)
  }

  /** @param {Lead} lead @returns {HTMLElement} */
  const makeRow = ({ id }) =>
    h('li', {}, h('a', { href: `#/lead/${id}`, class: 'row' },
      h('bdi', { class: 'name' }), h('time', { class: 'small muted' }),
      h('span', { class: 'sub small muted' }, h('span', { class: 'chip' }), h('bdi', { class: 'phone' })), h('span', { class: 'badge' }),
      h('span', { class: 'excerpt small muted', dir: 'auto' })))

  /** @param {Lead} lead @param {number} now */
  const row = (lead, now) => {
    const made = rows.get(lead.id) ?? makeRow(lead)
    rows.set(lead.id, made)
    /** @param {string} what @returns {any} */
    const part = (what) => made.querySelector(what)
    say(part('.name'), nameOf(lead))
    say(part('.phone'), lead.name === null ? '' : (lead.phone ?? ''))
    say(part('.chip'), texts.stateOf[lead.state])
    part('.chip').dataset.state = lead.state
    say(part('.excerpt'), lead.note.split('\n', 1)[0] ?? '')
    say(part('time'), when(new Date(lead.last_seen_at), now))
    part('time').dateTime = lead.last_seen_at
    say(part('.badge'), lead.waiting_since === null ? '' : texts.waits(duration(now - Date.parse(lead.waiting_since))))
    if (lead.id === current) part('a').setAttribute('aria-current', 'true')
    else part('a').removeAttribute('aria-current')
    return made
  }

  const sections = {
    waiting: { list: h('ul', { 'aria-labelledby': 'waiting-title' }), title: h('h3', { id: 'waiting-title' }), none: h('p', { class: 'muted small none' }), more: h('button', { type: 'button', class: 'more', onclick: () => void more('waiting') }) },
    recent: { list: h('ul', { 'aria-labelledby': 'recent-title' }), title: h('h3', { id: 'recent-title' }), none: h('p', { class: 'muted small none' }), more: h('button', { type: 'button', class: 'more', onclick: () => void more('recent') }) }
  }
  const message = h('div', { role: 'status' })

  const render = () => {
    const now = hubNow()
    lists.setAttribute('aria-busy', String(!loaded && fault === undefined))
    if (!loaded || fault !== undefined) {
      message.replaceChildren(fault === undefined ? h('p', { class: 'muted none' }, texts.loading) : errorNote(fault, () => void load()))
      arrange(lists, [message])
      return
    }
    const all = [...leads.values()]
    for (const id of rows.keys()) if (!leads.has(id)) rows.delete(id)
    if (all.length === 0) {
      message.replaceChildren(h('p', { class: 'muted none' }, filtered() ? texts.noMatch : texts.noLeads))
      arrange(lists, [message])
      return
    }
    const shown = {
      waiting: all.filter((lead) => lead.waiting_since !== null).sort((a, b) => Date.parse(a.waiting_since ?? '') - Date.parse(b.waiting_since ?? '') || a.id - b.id),
      recent: all.filter((lead) => lead.waiting_since === null).sort((a, b) => Date.parse(b.last_seen_at) - Date.parse(a.last_seen_at) || b.id - a.id)
    }
    for (const which of /** @type {const} */ (['waiting', 'recent'])) {
      const { list, title, none, more } = sections[which]
      say(title, `${texts[which]}${which === 'waiting' && shown.waiting.length > 0 ? ` · ${shown.waiting.length}${cursors.waiting === null ? '' : '+'}` : ''}`)
      arrange(list, shown[which].map((lead) => row(lead, now)))
      none.hidden = shown[which].length > 0
      say(none, which === 'waiting' ? texts.nobodyWaits : texts.noRecent)
      more.hidden = cursors[which] === null
      say(more, texts.more)
    }
    arrange(lists, Object.values(sections).flatMap(({ title, list, none, more }) => [title, list, none, more]))
  }

  const counted = () => onCount(waiting.size, moreWaiting)
  const renderSoon = coalesced(() => {
    render()
    counted()
  })

  /** @param {Lead} lead */
  const inReach = ({ waiting_since, last_seen_at }) =>
    waiting_since === null
      ? cursors.recent === null || Date.parse(last_seen_at) >= Date.parse(edges.recent?.last_seen_at ?? '')
      : cursors.waiting === null || Date.parse(waiting_since) <= Date.parse(edges.waiting?.waiting_since ?? '')

  /** @param {Lead} lead */
  const take = (lead) => {
    for (const other of leads.values()) {
      // two leads that turned out to be one person: the hub keeps one
      const same = other.account === lead.account && ((lead.phone !== null && other.phone === lead.phone) || (lead.lid !== null && other.lid === lead.lid))
      if (same && other.id !== lead.id) {
        leads.delete(other.id)
        waiting.delete(other.id)
      }
    }
    if (fits(lead) && inReach(lead)) leads.set(lead.id, lead)
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

  /** Reads the lists anew; what is shown stays until the answer is there. */
  const load = async () => {
    const mine = ++loads
    fault = undefined
    const params = { state: stateParam(), q: q.value.trim() }
    try {
      const [waitingPage, recentPage] = await reads(Promise.all([api.leads({ ...params, waiting: 'true' }), api.leads({ ...params, waiting: 'false' })]))
      if (mine !== loads) return
      leads = new Map([...waitingPage.leads, ...recentPage.leads].map((lead) => [lead.id, lead]))
      cursors = { waiting: waitingPage.next_cursor, recent: recentPage.next_cursor }
      edges = { waiting: waitingPage.leads.at(-1), recent: recentPage.leads.at(-1) }
      loaded = true
      for (const lead of meanwhile) take(lead)
    } catch (error) {
      if (mine !== loads) return
      fault = error
    }
    render()
  }
  const countWaiting = async () => {
    const page = await reads(api.leads({ waiting: 'true', state: notIgnored.join(','), limit: mostCounted }))
    waiting = new Set(page.leads.map(({ id }) => id))
    moreWaiting = page.next_cursor !== null
    for (const lead of meanwhile) take(lead)
    counted()
  }

  /** @param {'waiting' | 'recent'} which */
  const more = async (which) => {
    const mine = loads
    const { more: button, list } = sections[which]
    button.setAttribute('aria-disabled', 'true')
    try {
      const page = await api.leads({ state: stateParam(), q: q.value.trim(), waiting: String(which === 'waiting'), cursor: cursors[which] })
      if (mine !== loads) return
      // an event may have told of one of them something newer
      for (const lead of page.leads) if (!leads.has(lead.id)) leads.set(lead.id, lead)
      cursors[which] = page.next_cursor
      edges[which] = page.leads.at(-1) ?? edges[which]
      render()
      const [first] = page.leads
      if (first && document.activeElement === document.body) /** @type {HTMLElement | null} */ (rows.get(first.id)?.firstElementChild)?.focus()
    } catch (error) {
      list.after(errorNote(error))
    } finally {
      button.removeAttribute('aria-disabled')
    }
  }

  const fillFilter = () => {
    const chosen = stateFilter.value || 'active'
    stateFilter.replaceChildren(h('option', { value: 'active' }, texts.active), ...states.map((state) => h('option', { value: state }, texts.stateOf[state])), h('option', { value: 'all' }, texts.all))
    stateFilter.value = chosen
  }

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing
  q.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => void load(), 250)
  })
  stateFilter.addEventListener('change', () => void load())
  byId('filter').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault()
    clearTimeout(typing)
    void load()
  })
  lists.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const links = [...lists.querySelectorAll('a.row')]
    const at = links.indexOf(/** @type {Element} */ (document.activeElement))
    if (by === undefined || at < 0) return
    event.preventDefault()
    links[at + by]?.focus()
  })

  return {
    /** Reads everything anew. */
    reload: () => {
      void load()
      // the number in the title can wait for the next time
      void countWaiting().catch(() => {})
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
    /** @param {number} id */
    get: (id) => leads.get(id),
    /** @param {number | undefined} id the lead that is open */
    setCurrent: (id) => {
      current = id
      render()
    },
    /** @param {number} id */
    focus: (id) => {
      const link = rows.get(id)?.firstElementChild
      if (link instanceof HTMLElement && link.isConnected) link.focus()
    },
    /** Times pass. */
    tick: render,
    /** Writes everything again, in the language chosen. */
    render: () => {
      fillFilter()
      render()
    }
  }
}
