import { api, hubNow } from './api.js'
import { arrange, byId, coalesced, h, say } from './dom.js'
import { errorNote } from './error.js'
import { createLeadForm } from './lead-form.js'
import { messageNode, stanzaOf, timeOf } from './messages.js'
import { dateTime, dayOf, nameOf, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {import('../../contract/lead.ts').Message} Message */

/** The conversation with one lead: what was written in both directions, live, older messages on demand. */

/**
 * @param {{ onLead: (lead: Lead) => void, onMoved: (id: number) => void }} options `onLead`: the hub told how a lead is
 *   now; `onMoved`: the lead that is open goes on under another id
 */
export const createConversation = ({ onLead, onMoved }) => {
  const form = createLeadForm((changed) => {
    onLead(changed)
    applyLead(changed)
  })
  /** @type {number | undefined} */
  let openId
  /** @type {Lead | undefined} */
  let lead
  /** @type {Map<string, Message>} */
  let messages = new Map()
  /** Nodes, each with the message it shows. @type {Map<string, { message: Message, node: HTMLElement, name: string }>} */
  let nodes = new Map()
  /** @type {Map<string, HTMLElement>} */
  let days = new Map()
  /** @type {string | null} */
  let cursor = null
  let loaded = false
  /** @type {unknown} */
  let fault
  let reading = new AbortController()

  const scroller = byId('messages')
  const list = h('ol', { class: 'message-list' })
  const top = h('div', { class: 'top', role: 'status' })
  const older = h('button', { type: 'button', class: 'more', onclick: () => void loadOlder() })
  scroller.append(top, list)

  let follows = true
  const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60
  const toEnd = () => {
    scroller.scrollTop = scroller.scrollHeight
  }
  scroller.addEventListener('scroll', () => {
    follows = atEnd()
  })
  // the note above grows: the latest message stays in sight
  new ResizeObserver(() => follows && toEnd()).observe(scroller)
  /** @param {string} id */
  const find = (id) => messages.get(id) ?? [...messages.values()].find((message) => stanzaOf(message.id) === stanzaOf(id))
  /** @param {string} id */
  const goTo = (id) => {
    const node = nodes.get(id)?.node
    node?.scrollIntoView({ block: 'center' })
    node?.focus({ preventScroll: true })
  }

  const renderHead = () => {
    if (!lead) return
    say(byId('lead-name'), nameOf(lead))
    say(byId('lead-sub'), [lead.name === null ? undefined : lead.phone, texts.firstSeen(dateTime(new Date(lead.first_seen_at)))].filter(Boolean).join(' · '))
    const reply = byId('reply')
    reply.hidden = lead.phone === null
    if (lead.phone !== null) reply.href = `https://web.whatsapp.com/send?phone=${lead.phone.replace(/\D/g, '')}`
    reply.replaceChildren(texts.reply, h('span', { 'aria-hidden': 'true' }, ' ↗'), h('span', { class: 'sr-only' }, ` ${texts.newTab}`))
    say(byId('reply-hint'), lead.phone === null ? texts.noPhone : texts.replyHint)
  }

  const renderMessages = () => {
    const follow = follows
    const now = hubNow()
    const name = lead ? nameOf(lead) : ''
    const sorted = [...messages.values()].sort((a, b) => a.timestamp - b.timestamp || a.seq - b.seq)
    /** @type {HTMLElement[]} */
    const shown = []
    let lastDay = ''
    for (const message of sorted) {
      const date = timeOf(message)
      const day = date.toDateString()
      if (day !== lastDay) {
        const mark = days.get(day) ?? h('li', { class: 'day small muted' })
        days.set(day, mark)
        say(mark, dayOf(date, now))
        shown.push(mark)
        lastDay = day
      }
      const known = nodes.get(message.id)
      const node = known && known.message === message && known.name === name ? known.node : messageNode(message, { name, find, goTo })
      nodes.set(message.id, { message, node, name })
      shown.push(node)
    }
    arrange(list, shown)
    scroller.setAttribute('aria-busy', String(!loaded && fault === undefined))
    if (fault !== undefined) top.replaceChildren(errorNote(fault, () => (loaded ? void loadOlder() : void load())))
    else if (!loaded) top.replaceChildren(h('p', { class: 'muted small' }, texts.loading))
    else if (cursor !== null) {
      say(older, texts.older)
      if (older.parentElement !== top) top.replaceChildren(older)
    } else top.replaceChildren(h('p', { class: 'muted small' }, sorted.length === 0 ? texts.noMessages : texts.begin))
    if (follow) toEnd()
  }

  const renderSoon = coalesced(() => openId !== undefined && renderMessages())

  /** @param {Lead} now */
  const applyLead = (now) => {
    if (openId === undefined || !lead) return
    const merged = now.id !== lead.id && now.account === lead.account && ((now.phone !== null && now.phone === lead.phone) || (now.lid !== null && now.lid === lead.lid))
    if (merged) {
      form.move(lead.id, now.id)
      onMoved(now.id)
    } else if (now.id === lead.id) {
      const renamed = nameOf(now) !== nameOf(lead)
      lead = now
      form.update(now)
      renderHead()
      if (renamed) renderMessages()
    }
  }

  /** Reads lead and newest messages; what is shown stays until the answer is there. */
  const load = async () => {
    if (openId === undefined) return
    const id = openId
    reading.abort()
    reading = new AbortController()
    const { signal } = reading
    fault = undefined
    try {
      const [now, page] = await Promise.all([api.lead(id, signal), api.messages(id, null, signal)])
      if (now.id !== id) return onMoved(now.id)
      const first = !loaded
      lead = now
      // older ones that were read before stay, unless there is a gap to what is read now
      const oldest = page.messages.at(-1)
      const joined = page.next_cursor === null || oldest === undefined || messages.has(oldest.id)
      if (!joined) messages = new Map()
      if (first || !joined) cursor = page.next_cursor
      for (const message of page.messages) messages.set(message.id, message)
      loaded = true
      onLead(now)
      form.show(now)
      byId('lead-form').hidden = false
      renderHead()
      renderMessages()
      if (first) toEnd()
      follows = first || follows
    } catch (error) {
      if (signal.aborted) return
      fault = error
      renderMessages()
    }
  }
  const loadOlder = async () => {
    if (openId === undefined || cursor === null || older.getAttribute('aria-disabled') === 'true') return
    const { signal } = reading
    older.setAttribute('aria-disabled', 'true')
    fault = undefined
    try {
      const page = await api.messages(openId, cursor, signal)
      for (const message of page.messages) if (!messages.has(message.id)) messages.set(message.id, message)
      cursor = page.next_cursor
      const fromEnd = scroller.scrollHeight - scroller.scrollTop
      renderMessages()
      // what was being read stays where it was
      scroller.scrollTop = scroller.scrollHeight - fromEnd
      if (document.activeElement === document.body) scroller.focus({ preventScroll: true })
    } catch (error) {
      if (signal.aborted) return
      fault = error
      renderMessages()
    } finally {
      older.removeAttribute('aria-disabled')
    }
  }

  const clear = () => {
    reading.abort()
    ;[openId, lead, loaded, fault, cursor] = [undefined, undefined, false, undefined, null]
    ;[messages, nodes, days] = [new Map(), new Map(), new Map()]
  }

  return {
    form,
    applyLead,
    /** Shows a lead; what is known of it already is shown at once. @param {number} id @param {Lead | undefined} known */
    open: (id, known) => {
      if (openId === id) return
      clear()
      openId = id
      lead = known
      if (known) form.show(known)
      byId('lead-form').hidden = known === undefined
      say(byId('lead-name'), `#${id}`)
      for (const part of ['lead-sub', 'lead-saved', 'reply-hint']) say(byId(part), '')
      byId('reply').hidden = true
      renderHead()
      renderMessages()
      void load()
    },
    close: () => {
      void form.flush()
      clear()
    },
    reload: () => void load(),
    /** Tries again what could not be read or saved. */
    retryFailed: () => {
      if (fault !== undefined) void load()
      form.retryFailed()
    },
    /** @param {Message} message */
    applyMessage: (message) => {
      if (openId === undefined || message.lead_id !== openId || !loaded) return
      // an answer to it may show it
      for (const [id, { message: of }] of nodes) if (of.quoted_id !== undefined && stanzaOf(of.quoted_id) === stanzaOf(message.id)) nodes.delete(id)
      messages.set(message.id, message)
      renderSoon()
    },
    /** Writes everything again, in the language chosen. */
    render: () => {
      nodes = new Map()
      if (openId === undefined) return
      if (lead) form.show(lead)
      renderHead()
      renderMessages()
    }
  }
}
