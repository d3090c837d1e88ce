import { arrange, byId, h, say } from './dom.js'
import { errorNote } from './error.js'
import { dayOf } from './format.js'
import { messageNode, stanzaOf, timeOf } from './message.js'
import { hubNow } from './request.js'
import { texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Message} Message */
/** @typedef {import('../../contract/lead.ts').MessagePage} MessagePage */

/** The messages of the conversation that is open: the latest in sight, older ones on demand. */

/** @param {{ older: (cursor: string, signal: AbortSignal) => Promise<MessagePage>, again: () => void }} options `again`: reads the latest anew */
export const createMessageList = ({ older: readOlder, again }) => {
  /** @type {Map<string, Message>} */
  let messages = new Map()
  /** Nodes, each with the message it shows. @type {Map<string, { message: Message, node: HTMLElement, name: string }>} */
  let nodes = new Map()
  /** @type {Map<string, HTMLElement>} */
  let days = new Map()
  /** @type {string | null} */
  let cursor = null
  let loaded = false
  let name = ''
  /** @type {unknown} */
  let fault
  let reading = new AbortController()

  const scroller = byId('messages')
  const list = h('ol', { class: 'message-list' })
  const top = h('div', { class: 'top', role: 'status' })
  const older = h('button', { type: 'button', class: 'more', onclick: () => void loadOlder() })
  scroller.append(top, list)
  const latest = byId('to-latest')

  let follows = true
  /** The height of all messages when the list was last moved or scrolled. */
  let height = 0
  const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60
  const toEnd = () => {
    height = scroller.scrollHeight
    scroller.scrollTop = height
  }
  scroller.addEventListener('scroll', () => {
    // A picture that takes its room before this event comes leaves the end out of sight: nobody has scrolled.
    const isGrown = scroller.scrollHeight !== height
    height = scroller.scrollHeight
    if (follows && isGrown) toEnd()
    else follows = atEnd()
    latest.hidden = follows
  })
  latest.addEventListener('click', () => {
    toEnd()
    scroller.focus({ preventScroll: true })
  })
  // pictures take their room when they come, the note grows: the latest message stays in sight
  const keeper = new ResizeObserver(() => follows && toEnd())
  keeper.observe(scroller)
  keeper.observe(list)

  /** @param {string} id */
  const find = (id) => messages.get(id) ?? [...messages.values()].find((message) => stanzaOf(message.id) === stanzaOf(id))
  /** @param {string} id */
  const goTo = (id) => {
    const node = nodes.get(id)?.node
    node?.scrollIntoView({ block: 'center' })
    node?.focus({ preventScroll: true })
  }

  const render = () => {
    const follow = follows
    const now = hubNow()
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
    if (fault !== undefined) top.replaceChildren(errorNote(fault, () => (loaded ? void loadOlder() : again())))
    else if (!loaded) top.replaceChildren(h('p', { class: 'muted small' }, texts.loading))
    else if (cursor !== null) {
      say(older, texts.older)
      if (older.parentElement !== top) top.replaceChildren(older)
    } else top.replaceChildren(h('p', { class: 'muted small' }, sorted.length === 0 ? texts.noMessages : texts.begin))
    if (follow) toEnd()
    latest.hidden = follow || atEnd()
  }

  /** Shows a message that is wanted, reading older ones until it is there. @param {string} id @returns {Promise<boolean>} whether there is such a message */
  const show = async (id) => {
    const { signal } = reading
    while (find(id) === undefined && cursor !== null && fault === undefined) {
      const before = cursor
      await loadOlder()
      if (signal.aborted) return true
      if (cursor === before) break
    }
    const found = find(id)
    if (found === undefined) return fault !== undefined
    follows = false
    goTo(found.id)
    return true
  }

  const loadOlder = async () => {
    if (cursor === null || older.getAttribute('aria-disabled') === 'true') return
    const { signal } = reading
    older.setAttribute('aria-disabled', 'true')
    fault = undefined
    try {
      const page = await readOlder(cursor, signal)
      if (signal.aborted) return
      for (const message of page.messages) if (!messages.has(message.id)) messages.set(message.id, message)
      cursor = page.next_cursor
      const fromEnd = scroller.scrollHeight - scroller.scrollTop
      follows = false
      render()
      // what was being read stays where it was
      scroller.scrollTop = scroller.scrollHeight - fromEnd
      if (document.activeElement === document.body) scroller.focus({ preventScroll: true })
    } catch (error) {
      if (signal.aborted) return
      fault = error
      render()
    } finally {
      older.removeAttribute('aria-disabled')
    }
  }

  return {
    render,
    show,
    loaded: () => loaded,
    failed: () => fault !== undefined,
    /** @param {string} now of the person at the other end */
    setName: (now) => {
      if (now === name) return
      name = now
      render()
    },
    /** The newest messages, as the hub has them now. @param {MessagePage} page */
    take: (page) => {
      fault = undefined
      const first = !loaded
      // older ones that were read before stay, unless there is a gap to what is read now
      const oldest = page.messages.at(-1)
      const joined = page.next_cursor === null || oldest === undefined || messages.has(oldest.id)
      if (!joined) messages = new Map()
      if (first || !joined) cursor = page.next_cursor
      for (const message of page.messages) messages.set(message.id, message)
      loaded = true
      follows = first || follows
      render()
    },
    /** @param {Message} message new, or as it is now */
    put: (message) => {
      // an answer to it may show it
      for (const [id, { message: of }] of nodes) if (of.quoted_id !== undefined && stanzaOf(of.quoted_id) === stanzaOf(message.id)) nodes.delete(id)
      messages.set(message.id, message)
    },
    /** @param {unknown} error why the newest could not be read */
    fail: (error) => {
      fault = error
      render()
    },
    clear: () => {
      reading.abort()
      reading = new AbortController()
      ;[messages, nodes, days, cursor, loaded, fault, follows, name] = [new Map(), new Map(), new Map(), null, false, undefined, true, '']
    },
    /** Writes everything again, in the language chosen. */
    rewrite: () => {
      nodes = new Map()
      render()
    }
  }
}
