import { api, ApiError } from './api.js'
import { byId, h, say } from './dom.js'
import { explain, texts } from './texts.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {{ text: string, base: string, fault?: unknown, saving?: boolean }} Draft `base`: what the hub had when typing began */

/**
 * State and note of the lead that is open. A note that is being typed is a draft of its lead until the hub has it: no
 * event, no other lead, no lost connection takes it away.
 */

/** How long what was told of a lead may be older than what was saved just before, ms. */
const settleMs = 3_000

const states = /** @type {const} */ (['new', 'open', 'won', 'lost', 'ignored'])

/** @param {(lead: Lead) => void} onChanged the hub's answer to a change */
export const createLeadForm = (onChanged) => {
  /** @type {Map<number, Draft>} */
  const drafts = new Map()
  /** A state that the hub did not take. @type {Map<number, { state: Lead['state'], fault: unknown }>} */
  const refused = new Map()
  /** What was saved a moment ago: an event or a list read before that must not take it back. @type {Map<number, { patch: import('../../contract/lead.ts').LeadPatch, timer: ReturnType<typeof setTimeout> }>} */
  const settling = new Map()
  /** @type {Lead | undefined} */
  let lead
  let saved = false
  const [select, note, status, error] = ['lead-state', 'lead-note', 'lead-saved', 'lead-error'].map(byId)

  const render = () => {
    if (!lead) return
    const draft = drafts.get(lead.id)
    const text = draft?.text ?? lead.note
    // setting the same value would move the caret
    if (note.value !== text) note.value = text
    select.value = refused.get(lead.id)?.state ?? lead.state
    say(status, draft?.saving ? texts.saving : draft && draft.text !== draft.base ? texts.unsaved : saved ? texts.saved : '')
    const fault = draft?.fault ?? refused.get(lead.id)?.fault
    const elsewhere = draft && lead.note !== draft.base && lead.note !== draft.text
    if (fault === undefined && !elsewhere) return say(error, '')
    const { words, detail } = explain(fault)
    const { id } = lead
    error.replaceChildren(...(fault === undefined
      ? [`${texts.changedElsewhere} `, h('q', {}, lead.note)]
      : [`${texts.notSaved} ${words} `, detail && h('span', { lang: 'en' }, detail), ' ', h('button', { type: 'button', class: 'link', onclick: () => retry(id) }, texts.tryAgain)]))
  }

  /** @param {number} id @param {import('../../contract/lead.ts').LeadPatch} patch */
  const patch = async (id, patch) => {
    const changed = await api.patchLead(id, patch)
    const { patch: before, timer } = settling.get(changed.id) ?? {}
    clearTimeout(timer)
    settling.set(changed.id, { patch: { ...before, ...patch }, timer: setTimeout(() => void settle(changed.id), settleMs) })
    // it may have been merged into another
    if (lead?.id === id || lead?.id === changed.id) lead = changed
    onChanged(changed)
  }
  /** @param {number} id */
  const settle = async (id) => {
    settling.delete(id)
    // someone else may have changed it since
    if (lead?.id === id) await api.lead(id).then(onChanged, () => {})
  }
  /** @param {Lead} told */
  const settled = (told) => ({ ...told, ...settling.get(told.id)?.patch })

  /** @param {number} id */
  const saveNote = async (id) => {
    const draft = drafts.get(id)
    if (!draft || draft.saving) return
    const sent = draft.text
    draft.saving = true
    delete draft.fault
    render()
    try {
      await patch(id, { note: sent })
      draft.base = sent
      saved = lead?.id === id
      if (draft.text === sent) drafts.delete(id)
    } catch (fault) {
      draft.fault = fault
    }
    draft.saving = false
    render()
    // what was typed while that was on its way, and left
    const left = lead?.id !== id || document.activeElement !== note
    if (draft.fault === undefined && drafts.has(id) && left) void saveNote(id)
  }
  /** @param {number} id @param {Lead['state']} state */
  const saveState = async (id, state) => {
    refused.set(id, { state, fault: undefined })
    try {
      await patch(id, { state })
      saved = lead?.id === id
      if (refused.get(id)?.state === state) refused.delete(id)
    } catch (fault) {
      refused.set(id, { state, fault })
    }
    render()
  }
  /** @param {number} id */
  const retry = (id) => {
    const state = refused.get(id)?.state
    if (state) void saveState(id, state)
    void saveNote(id)
  }

  note.addEventListener('input', () => {
    if (!lead) return
    const draft = drafts.get(lead.id) ?? { text: '', base: lead.note }
    draft.text = note.value
    drafts.set(lead.id, draft)
    saved = false
    if (draft.text === draft.base && !draft.saving) drafts.delete(lead.id)
    render()
  })
  note.addEventListener('change', () => lead && void saveNote(lead.id))
  select.addEventListener('change', () => lead && void saveState(lead.id, select.value))
  byId('lead-form').addEventListener('submit', (/** @type {Event} */ event) => event.preventDefault())
  addEventListener('beforeunload', (event) => {
    if (drafts.size > 0) event.preventDefault()
  })

  return {
    /** @param {Lead} shown */
    show: (shown) => {
      if (lead && lead.id !== shown.id) {
        void saveNote(lead.id)
        saved = false
      }
      lead = settled(shown)
      select.replaceChildren(...states.map((state) => h('option', { value: state }, texts.stateOf[state])))
      render()
    },
    /** The lead as the hub has it now, of the one that is shown. @param {Lead} now */
    update: (now) => {
      lead = settled(now)
      render()
    },
    /** A lead was merged into another: what was typed goes along. @param {number} from @param {number} to */
    move: (from, to) => {
      const draft = drafts.get(from)
      if (draft && !drafts.has(to)) drafts.set(to, draft)
      drafts.delete(from)
      refused.delete(from)
    },
    /** Tries again what failed because the hub could not be reached or had signed us out. */
    retryFailed: () => {
      for (const [id, { fault }] of [...drafts, ...refused]) {
        if (fault instanceof ApiError && ['no-answer', 'unauthorized'].includes(fault.kind)) retry(id)
      }
    },
    /** Saves what is typed now, as before leaving. */
    flush: () => Promise.all([...drafts.keys()].map(saveNote))
  }
}
