import { api } from './api.js'
import { byId, coalesced, copyText, say } from './dom.js'
import { HandledButton } from './handled.js'
import { LaterButton } from './later.js'
import { ChangeHistory } from './history.js'
import { isOlder, isUnread, nameOf, samePerson } from './lead.js'
import { DeleteDialog, MergeDialog } from './lead-actions.js'
import { LeadForm } from './lead-form.js'
import { LeadSearch } from './lead-search.js'
import { renderHead } from './lead-head.js'
import { may } from './me.js'
import { MessageList } from './message-list.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {import('../../contract/lead.ts').Message} Message */

/** The lead that is open: its conversation and the team's notes about it, live. */

/** Keys that move from lead to lead, or away: pressing one does not mean that a person reads. */
const movingKeys = ['j', 'k', 'u', '/', '?', 'Escape', 'Shift', 'Control', 'Alt', 'Meta']

/** The parts of the page that need a lead. */
const leadParts = [
  'lead-form',
  'lead-more',
  'foot',
  'to-details',
  'mark-unread',
  'lead-search-open'
]

/**
 * @typedef {object} Options
 * @property {(lead: Lead) => void} onLead the hub answered with a lead
 * @property {(id: number) => void} onMoved the lead that is open has another id now
 * @property {(id: number, here: boolean) => void} onRemoved `here`: this page deleted the lead
 * @property {() => void} onMissing the message to go to no longer exists
 * @property {(isCopied: boolean) => void} onCopied a message's text was copied, or could not be
 * @property {(id: number) => void} onUnread the lead was marked as unread
 */

export class Conversation {
  #options
  /** @type {number | undefined} */
  #openId
  /** @type {Lead | undefined} */
  #lead
  #reading = new AbortController()
  /** @type {Promise<void>} */
  #loading = Promise.resolve()
  #isMarking = false
  /** False while a person only moves from lead to lead. */
  #isAttended = true
  /** The message to show once the list is loaded. @type {string | undefined} */
  #wanted
  #unread = byId('mark-unread')
  /** The leads that are being marked as unread. @type {Set<number>} */
  #makingUnread = new Set()

  form = new LeadForm((lead) => this.#changed(lead))
  #history = new ChangeHistory()
  #list = new MessageList({
    older: (cursor, signal) => api.messages(/** @type {number} */ (this.#openId), cursor, signal),
    again: () => void this.#load(),
    onCopy: (text) => void copyText(text).then(this.#options.onCopied)
  })
  #search = new LeadSearch({
    leadId: () => this.#openId,
    show: (id) => this.#list.show(id, { focus: false }),
    highlight: (q) => this.#list.highlight(q)
  })
  #handled = new HandledButton({
    lead: () => this.#lead,
    onLead: (lead) => this.#changed(lead)
  })
  #later = new LaterButton({
    lead: () => this.#lead,
    onLead: (lead) => this.#changed(lead)
  })
  #deletion = new DeleteDialog({
    lead: () => this.#lead,
    onRemoved: (id) => this.#removed(id, true)
  })
  #renderListSoon = coalesced(() => this.#list.render())

  /** @param {Options} options */
  constructor(options) {
    this.#options = options
    new MergeDialog({
      lead: () => this.#lead,
      onMerged: (merged, other) => {
        this.form.drafts.move(other, merged.id)
        this.#changed(merged)
        void this.#load()
      }
    })
    document.addEventListener('visibilitychange', () => void this.#markRead())
    const area = byId('conversation')
    area.addEventListener('pointerdown', () => this.attend())
    area.addEventListener('wheel', () => this.attend(), { passive: true })
    area.addEventListener('keydown', (/** @type {KeyboardEvent} */ { key }) => {
      if (!movingKeys.includes(key)) this.attend()
    })
    this.#unread.addEventListener('click', () => this.pressUnread())
  }

  /**
   * Shows a lead: at first the data that is known already.
   * @param {number} id @param {Lead | undefined} known @param {{ message?: string | undefined,
   * q?: string, isLook?: boolean }} [how] `message`: the id of one to go to; `q`: words to mark;
   * `isLook`: opening does not mark it as read
   */
  open(id, known, { message, q = '', isLook = false } = {}) {
    this.#wanted = message
    if (message !== undefined && this.#openId === id) this.#list.highlight(q)
    if (this.#openId === id) return this.#showWanted()
    this.#clear()
    this.#list.highlight(q)
    this.#isAttended = !isLook
    this.#openId = id
    this.#lead = known
    if (known) this.form.show(known)
    this.#history.show(id)
    this.#showParts(known !== undefined)
    if (!known) say(byId('lead-name'), `#${id}`)
    byId('lead-sub').replaceChildren()
    say(byId('lead-saved'), '')
    this.#renderLead()
    this.#list.render()
    this.#loading = this.#load()
  }

  close() {
    void this.form.flush()
    this.#clear()
  }

  /** Reads the conversation again, after the current read: otherwise that answer would be lost. */
  reload() {
    const id = this.#openId
    void this.#loading.then(() => {
      if (id === this.#openId) this.#loading = this.#load()
    })
  }

  /** Tries again what could not be read or saved. */
  retryFailed() {
    if (this.#list.failed()) void this.#load()
    this.#list.retryFailed()
    this.form.drafts.retryFailed()
    this.#handled.retryFailed()
    void this.#markRead()
  }

  /** @param {Lead} lead */
  applyLead(lead) {
    if (this.#openId === undefined || !this.#lead) return
    if (lead.id !== this.#lead.id) {
      if (samePerson(lead, this.#lead)) this.#moved(lead.id)
    } else if (!isOlder(lead, this.#lead)) {
      if (lead.updated_at !== this.#lead.updated_at) this.#history.refresh()
      this.#lead = lead
      this.form.update(lead)
      this.#renderLead()
      void this.#markRead()
    }
  }

  /** @param {Message} message */
  applyMessage(message) {
    if (this.#openId === undefined || message.lead_id !== this.#openId || !this.#list.loaded())
      return
    this.#list.put(message)
    this.#renderListSoon()
  }

  /** @param {import('../../contract/lead.ts').LeadRemoved} removed */
  applyRemoved({ id, merged_into }) {
    if (id !== this.#openId) return
    if (merged_into !== null) return this.#moved(merged_into)
    this.#removed(id, this.#deletion.isDeleting(id))
  }

  /** Offers what this person may do now: to change the lead, or not. */
  offer() {
    this.form.setReadOnly(!may('leads.write'))
    // The conversation may have been there before it was known who reads it.
    void this.#markRead()
  }

  /** A person does something in the conversation, and so has read it. */
  attend() {
    if (this.#isAttended || this.#openId === undefined) return
    this.#isAttended = true
    void this.#markRead()
  }

  openSearch() {
    this.#search.open()
  }

  pressHandled() {
    this.#handled.press()
  }

  pressLater() {
    if (may('leads.write')) this.#later.press()
  }

  pressUnread() {
    if (may('leads.write')) void this.#setUnread()
  }

  /** Writes everything again, in the language chosen. */
  render() {
    if (this.#openId === undefined) return
    if (this.#lead) this.form.show(this.#lead)
    this.#history.render()
    this.#search.render()
    this.#renderLead()
    this.#list.rewrite()
  }

  /** The hub answered with a changed lead. @param {Lead} lead */
  #changed(lead) {
    this.#options.onLead(lead)
    this.applyLead(lead)
  }

  /** @param {number} id @param {boolean} here */
  #removed(id, here) {
    this.form.drafts.delete(id)
    if (id !== this.#openId) return
    // Before the address changes: the answer and the event both arrive, in either order.
    this.#clear()
    this.#options.onRemoved(id, here)
  }

  /** @param {number} to */
  #moved(to) {
    if (this.#openId === undefined) return
    this.form.drafts.move(this.#openId, to)
    this.#options.onMoved(to)
  }

  #isRead() {
    if (!may('leads.write')) return false
    return this.#isAttended && document.visibilityState === 'visible' && this.#list.loaded()
  }

  /** Marks the lead as read if a person sees it; in LeadMaster alone. */
  async #markRead() {
    if (this.#isMarking || !this.#lead || !isUnread(this.#lead) || !this.#isRead()) return
    const { id } = this.#lead
    this.#isMarking = true
    try {
      this.#changed(await api.markRead(id))
    } catch {
      // The lead stays unread. The next event or the next look tries again.
    } finally {
      this.#isMarking = false
      if (this.#lead?.id !== id) void this.#markRead()
    }
  }

  async #setUnread() {
    if (!this.#lead || this.#makingUnread.has(this.#lead.id)) return
    const { id } = this.#lead
    this.#makingUnread.add(id)
    this.#renderUnread()
    this.#isAttended = false
    try {
      this.#options.onLead(await api.setUnread(id))
      if (this.#openId === id) this.#options.onUnread(id)
    } catch (error) {
      if (this.#openId === id) {
        this.#isAttended = true
        this.#handled.fail(error)
      }
    } finally {
      this.#makingUnread.delete(id)
      this.#renderUnread()
    }
  }

  #renderUnread() {
    if (this.#makingUnread.has(this.#openId ?? 0))
      this.#unread.setAttribute('aria-disabled', 'true')
    else this.#unread.removeAttribute('aria-disabled')
  }

  /** @param {boolean} hasLead */
  #showParts(hasLead) {
    for (const part of leadParts) byId(part).hidden = !hasLead
  }

  #renderLead() {
    if (!this.#lead) return
    renderHead(this.#lead)
    this.#handled.render()
    this.#later.render()
    this.#renderUnread()
    this.#list.setName(nameOf(this.#lead))
  }

  #showWanted() {
    const message = this.#wanted
    if (message === undefined || !this.#list.loaded()) return
    this.#wanted = undefined
    void this.#list.show(message).then((isThere) => {
      if (!isThere) this.#options.onMissing()
    })
  }

  /** Reads the lead and its newest messages. Until the answer arrives, the page stays as it is. */
  async #load() {
    if (this.#openId === undefined) return
    const id = this.#openId
    this.#reading.abort()
    this.#reading = new AbortController()
    const { signal } = this.#reading
    try {
      const [lead, page] = await Promise.all([api.lead(id, signal), api.messages(id, null, signal)])
      if (lead.id !== id) return this.#moved(lead.id)
      this.#lead = lead
      this.#options.onLead(lead)
      this.form.show(lead)
      this.#showParts(true)
      this.#renderLead()
      this.#list.setUnread(lead.unread_count)
      this.#list.take(page)
      this.#showWanted()
      void this.#markRead()
    } catch (error) {
      if (!signal.aborted) this.#list.fail(error)
    }
  }

  #clear() {
    this.#reading.abort()
    this.#openId = undefined
    this.#lead = undefined
    this.#search.clear()
    this.#list.clear()
  }
}
