import { api } from './api.js'
import { byId, say } from './dom.js'
import { isPassing } from './drafts.js'
import { errorNote } from './error.js'
import { texts } from './texts.js'

/** Taking a lead off those who wait without an answer to it, and putting it back. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

/** @param {{ lead: () => Lead | undefined, onLead: (lead: Lead) => void }} options */
export const createHandled = ({ lead, onLead }) => {
  const button = byId('handled')
  const note = byId('handled-fault')
  /** @type {number | undefined} */
  let shownId
  let working = false
  /** The lead of which it could not be said, and may be later. @type {number | undefined} */
  let failed

  const render = () => {
    const now = lead()
    if (now?.id !== shownId) note.replaceChildren()
    shownId = now?.id
    const waits = now !== undefined && now.waiting_since !== null
    button.hidden = !waits && (now?.handled_at ?? null) === null
    say(button, waits ? texts.markHandled : texts.undoHandled)
    button.title = waits ? texts.markHandledHint : ''
  }

  const change = async () => {
    const now = lead()
    if (!now || working) return
    working = true
    failed = undefined
    button.setAttribute('aria-disabled', 'true')
    note.replaceChildren()
    try {
      // only up to what is shown: what has just come was not seen
      onLead(
        now.waiting_since === null
          ? await api.unhandle(now.id)
          : await api.handle(now.id, now.last_message?.id)
      )
    } catch (error) {
      if (lead()?.id === now.id) note.replaceChildren(errorNote(error, () => void change()))
      failed = isPassing(error) ? now.id : undefined
    } finally {
      working = false
      button.removeAttribute('aria-disabled')
    }
  }
  button.addEventListener('click', () => void change())

  return {
    /** Tries again what could not be said of the lead that is open. */
    retryFailed: () => failed !== undefined && failed === lead()?.id && void change(),
    render,
    /** Shows why something could not be done. @param {unknown} error */
    fail: (error) => note.replaceChildren(errorNote(error)),
    /** For the shortcut. */
    press: () => {
      if (!button.hidden && button.checkVisibility()) button.click()
    }
  }
}
