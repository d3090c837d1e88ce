import { api } from './api.js'
import { byId, say } from './dom.js'
import { isPassing } from './drafts.js'
import { errorNote } from './error.js'
import { texts } from './texts.js'

/** Marks a lead as handled without an answer, and takes that back. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

export class HandledButton {
  #options
  #button = byId('handled')
  #note = byId('handled-fault')
  /** @type {number | undefined} */
  #shownId
  /** The leads whose change the hub has not answered yet. @type {Set<number>} */
  #underWay = new Set()
  /** The leads whose change failed but may succeed later. @type {Set<number>} */
  #failed = new Set()

  /** @param {{ lead: () => Lead | undefined, onLead: (lead: Lead) => void }} options */
  constructor(options) {
    this.#options = options
    this.#button.addEventListener('click', () => void this.#change())
  }

  render() {
    const lead = this.#options.lead()
    if (lead?.id !== this.#shownId) this.#note.replaceChildren()
    this.#shownId = lead?.id
    const waits = lead !== undefined && lead.waiting_since !== null
    this.#button.hidden = !waits && (lead?.handled_at ?? null) === null
    say(this.#button, waits ? texts.markHandled : texts.undoHandled)
    this.#button.title = waits ? texts.markHandledHint : ''
    if (lead !== undefined && this.#underWay.has(lead.id))
      this.#button.setAttribute('aria-disabled', 'true')
    else this.#button.removeAttribute('aria-disabled')
  }

  /** Tries again what failed for the lead that is open. */
  retryFailed() {
    if (this.#failed.has(this.#options.lead()?.id ?? 0)) void this.#change()
  }

  /** Shows why something failed. @param {unknown} error */
  fail(error) {
    this.#note.replaceChildren(errorNote(error))
  }

  /** For the shortcut. */
  press() {
    if (!this.#button.hidden && this.#button.checkVisibility()) this.#button.click()
  }

  async #change() {
    const lead = this.#options.lead()
    if (!lead || this.#underWay.has(lead.id)) return
    this.#underWay.add(lead.id)
    this.#failed.delete(lead.id)
    this.#note.replaceChildren()
    this.render()
    try {
      // Only up to the message that is shown: nobody has seen a message that arrives now.
      this.#options.onLead(
        lead.waiting_since === null
          ? await api.unhandle(lead.id)
          : await api.handle(lead.id, lead.last_message?.id)
      )
    } catch (error) {
      if (this.#options.lead()?.id === lead.id)
        this.#note.replaceChildren(errorNote(error, () => void this.#change()))
      if (isPassing(error)) this.#failed.add(lead.id)
    } finally {
      this.#underWay.delete(lead.id)
      this.render()
    }
  }
}
