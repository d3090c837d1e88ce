import { api } from './api.js'
import { copyText } from './copy.js'
import { byId, coalesced, say } from './dom.js'
import { createHandled } from './handled.js'
import { createHistory } from './history.js'
import { isOlder, isUnread, nameOf, samePerson } from './lead.js'
import { createLeadActions } from './lead-actions.js'
import { createLeadForm } from './lead-form.js'
import { LeadSearch } from './lead-search.js'
import { renderHead } from './lead-head.js'
import { MessageList } from './message-list.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {import('../../contract/lead.ts').Message} Message */

/** One lead: the conversation with it and what the team says of it, live. */

/** Keys that go from lead to lead, or away: none of them reads what is shown. */
const movingKeys = ['j', 'k', 'u', '/', '?', 'Escape', 'Shift', 'Control', 'Alt', 'Meta']

/**
 * @param {{ onLead: (lead: Lead) => void, onMoved: (id: number) => void, onRemoved: (id: number,
 * here: boolean) => void, onMissing: () => void, onCopied: (isCopied: boolean) => void, onUnread:
 * (id: number) => void }} options `onLead`: the hub told how a lead is now; `onMoved`: the lead
 * that is open goes on under another id; `onRemoved`: it is deleted, `here`: by this page;
 * `onMissing`: the message to go to is there no more; `onCopied`: a message's text was copied, or
 * could not be; `onUnread`: the lead was marked as unread
 */
export const createConversation = ({
  onLead,
  onMoved,
  onRemoved,
  onMissing,
  onCopied,
  onUnread
}) => {
  /** @type {number | undefined} */
  let openId
  /** @type {Lead | undefined} */
  let lead
  let reading = new AbortController()
  /** @type {Promise<void>} */
  let loading = Promise.resolve()
  let marking = false
  /** False while a person only moves from lead to lead. */
  let isAttended = true
  /** The message that is to be shown once the list is there. @type {string | undefined} */
  let wanted

  const form = createLeadForm((changed) => {
    onLead(changed)
    applyLead(changed)
  })
  const history = createHistory()
  const list = new MessageList({
    older: (cursor, signal) => api.messages(/** @type {number} */ (openId), cursor, signal),
    again: () => void load(),
    onCopy: (text) => void copyText(text).then(onCopied)
  })
  const search = new LeadSearch({
    leadId: () => openId,
    show: (id) => list.show(id, { focus: false }),
    highlight: (q) => list.highlight(q)
  })
  const handled = createHandled({
    lead: () => lead,
    onLead: (changed) => {
      onLead(changed)
      applyLead(changed)
    }
  })
  const actions = createLeadActions({
    lead: () => lead,
    onMerged: (merged, other) => {
      form.drafts.move(other, merged.id)
      onLead(merged)
      applyLead(merged)
      void load()
    },
    onRemoved: (id) => removed(id, true)
  })
  /** @param {number} id @param {boolean} here */
  const removed = (id, here) => {
    form.drafts.forget(id)
    if (id !== openId) return
    // now, not when the address has changed: the answer and the news of it both come, in either
    // order
    clear()
    onRemoved(id, here)
  }

  /** Whoever has it before their eyes has read it; in LeadMaster alone. */
  const markRead = async () => {
    if (
      marking ||
      !isAttended ||
      !lead ||
      !isUnread(lead) ||
      document.visibilityState !== 'visible' ||
      !list.loaded()
    )
      return
    const { id } = lead
    marking = true
    try {
      const read = await api.markRead(id)
      onLead(read)
      applyLead(read)
    } catch {
      // it stays unread, and is tried again with the next event or the next look at it
    } finally {
      marking = false
    }
  }
  document.addEventListener('visibilitychange', () => void markRead())

  /** Whoever does something in a conversation reads it. */
  const attend = () => {
    if (isAttended || openId === undefined) return
    isAttended = true
    void markRead()
  }
  const area = byId('conversation')
  area.addEventListener('pointerdown', attend)
  area.addEventListener('wheel', attend, { passive: true })
  area.addEventListener('keydown', (/** @type {KeyboardEvent} */ { key }) => {
    if (!movingKeys.includes(key)) attend()
  })

  const button = byId('mark-unread')
  const setUnread = async () => {
    if (!lead || button.getAttribute('aria-disabled') === 'true') return
    button.setAttribute('aria-disabled', 'true')
    isAttended = false
    try {
      const changed = await api.setUnread(lead.id)
      onLead(changed)
      onUnread(changed.id)
    } catch (error) {
      isAttended = true
      handled.fail(error)
    } finally {
      button.removeAttribute('aria-disabled')
    }
  }
  button.addEventListener('click', () => void setUnread())

  /** @param {boolean} known whether there is a lead to show them of */
  const showParts = (known) => {
    for (const part of [
      'lead-form',
      'lead-more',
      'foot',
      'to-details',
      'mark-unread',
      'lead-search-open'
    ])
      byId(part).hidden = !known
  }
  const render = () => {
    if (!lead) return
    renderHead(lead)
    handled.render()
    list.setName(nameOf(lead))
  }

  /** @param {Lead} now */
  const applyLead = (now) => {
    if (openId === undefined || !lead) return
    if (now.id !== lead.id) {
      if (samePerson(now, lead)) moved(now.id)
    } else if (!isOlder(now, lead)) {
      if (now.updated_at !== lead.updated_at) history.refresh()
      lead = now
      form.update(now)
      render()
      void markRead()
    }
  }
  /** @param {number} to */
  const moved = (to) => {
    if (openId === undefined) return
    form.drafts.move(openId, to)
    onMoved(to)
  }

  const showWanted = () => {
    const message = wanted
    if (message === undefined || !list.loaded()) return
    wanted = undefined
    void list.show(message).then((isThere) => {
      if (!isThere) onMissing()
    })
  }

  /** Reads lead and newest messages; what is shown stays until the answer is there. */
  const load = async () => {
    if (openId === undefined) return
    const id = openId
    reading.abort()
    reading = new AbortController()
    const { signal } = reading
    try {
      const [now, page] = await Promise.all([api.lead(id, signal), api.messages(id, null, signal)])
      if (now.id !== id) return moved(now.id)
      lead = now
      onLead(now)
      form.show(now)
      showParts(true)
      render()
      list.setUnread(now.unread_count)
      list.take(page)
      showWanted()
      void markRead()
    } catch (error) {
      if (!signal.aborted) list.fail(error)
    }
  }
  const clear = () => {
    reading.abort()
    ;[openId, lead] = [undefined, undefined]
    search.clear()
    list.clear()
  }

  const messageSoon = coalesced(() => list.render())
  return {
    form,
    applyLead,
    pressHandled: handled.press,
    openSearch: () => search.open(),
    attend,
    pressUnread: () => void setUnread(),
    /**
     * Shows a lead; what is known of it already is shown at once.
     * @param {number} id @param {Lead | undefined} known @param {{ message?: string | undefined,
     * q?: string, isLook?: boolean }} [how] `message`: the id of one to go to; `q`: words to mark;
     * `isLook`: it is not read by that
     */
    open: (id, known, { message, q = '', isLook = false } = {}) => {
      wanted = message
      if (message !== undefined && openId === id) list.highlight(q)
      if (openId === id) return showWanted()
      clear()
      list.highlight(q)
      isAttended = !isLook
      ;[openId, lead] = [id, known]
      if (known) form.show(known)
      history.show(id)
      showParts(known !== undefined)
      if (!known) say(byId('lead-name'), `#${id}`)
      byId('lead-sub').replaceChildren()
      say(byId('lead-saved'), '')
      render()
      list.render()
      loading = load()
    },
    close: () => {
      void form.flush()
      clear()
    },
    /**
     * Reads it again, once what is being read is there: a later reading would discard its answer.
     */
    reload: () => {
      const id = openId
      void loading.then(() => {
        if (id === openId) loading = load()
      })
    },
    /** Tries again what could not be read or saved. */
    retryFailed: () => {
      if (list.failed()) void load()
      list.retryFailed()
      form.drafts.retryFailed()
      handled.retryFailed()
      void markRead()
    },
    /** @param {Message} message */
    applyMessage: (message) => {
      if (openId === undefined || message.lead_id !== openId || !list.loaded()) return
      list.put(message)
      messageSoon()
    },
    /** @param {import('../../contract/lead.ts').LeadRemoved} removed */
    applyRemoved: ({ id, merged_into }) => {
      if (id !== openId) return
      if (merged_into !== null) return moved(merged_into)
      removed(id, actions.isDeleting(id))
    },
    /** Writes everything again, in the language chosen. */
    render: () => {
      if (openId === undefined) return
      if (lead) form.show(lead)
      history.render()
      search.render()
      render()
      list.rewrite()
    }
  }
}
