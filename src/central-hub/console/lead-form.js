import { byId, h, say } from './dom.js'
import { createDrafts, isPassing, saidOf, same } from './drafts.js'
import { remember } from './known.js'
import { states } from './lead.js'
import { createTagField } from './tag-field.js'
import { explain, texts } from './texts.js'
import { renderUnsaved } from './unsaved.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {import('./drafts.js').Field} Field */
/** @typedef {import('./drafts.js').Draft} Draft */

/**
 * What a team says of the lead that is open: state, who takes care of it, tags, note, name. Saved
 * as one goes along.
 */

const fields = /** @type {const} */ (['state', 'assignee', 'tags', 'note', 'name'])

/** What the note of a field says; another note has another key. @param {Draft | undefined} draft */
const noteKey = (draft) => {
  if (draft?.conflict) return JSON.stringify(['conflict', draft.theirs, texts.keepMine])
  return draft?.fault === undefined ? '' : JSON.stringify([explain(draft.fault), texts.tryAgain])
}

/** @param {(lead: Lead) => void} onSaved the hub's answer to a change */
export const createLeadForm = (onSaved) => {
  /** @type {Lead | undefined} */
  let lead
  let saved = false
  const status = byId('lead-saved')
  const [select, note, assignee, name] = [
    'lead-state',
    'lead-note',
    'lead-assignee',
    'lead-given-name'
  ].map(byId)

  const inputs = { state: select, assignee, tags: byId('lead-tag'), note, name }

  const drafts = createDrafts({
    onSaved: (changed) => {
      saved = lead?.id === changed.id
      onSaved(changed)
    },
    onChange: () => {
      renderUnsaved(drafts.unsaved())
      render()
    }
  })
  /** @param {Field} field */
  const valueOf = (field) =>
    lead ? (drafts.get(lead.id, field) ?? { value: saidOf(lead, field) }).value : undefined
  /** @param {Field} field @param {unknown} value */
  const change = (field, value) => {
    if (!lead) return
    saved = false
    drafts.set(lead.id, field, value, saidOf(lead, field))
  }
  /** @param {Field} field */
  const save = (field) => lead && void drafts.save(lead.id, field)
  const tags = createTagField((wanted) => {
    change('tags', wanted)
    save('tags')
  })

  /** @param {Field} field @param {unknown} value */
  const written = (field, value) => {
    if (field === 'state') return texts.stateOf[/** @type {Lead['state']} */ (value)]
    return value === null || value === '' ? texts.emptyNow : String(value)
  }

  /** @param {Field} field */
  const renderNote = (field) => {
    const draft = lead && drafts.get(lead.id, field)
    const box = byId(`lead-${field}-fault`)
    const { id } = /** @type {Lead} */ (lead)
    const key = noteKey(draft)
    // an alert is read aloud each time it is made
    if (box.dataset.key === key) return
    box.dataset.key = key
    // The buttons of the note go away: the focus stays with its field.
    if (box.contains(document.activeElement)) inputs[field].focus()
    if (draft?.conflict) {
      box.replaceChildren(
        h('p', {}, texts.changedElsewhere),
        h('blockquote', { dir: 'auto' }, written(field, draft.theirs)),
        h(
          'p',
          { class: 'buttons' },
          h(
            'button',
            { type: 'button', onclick: () => drafts.settle(id, field, true) },
            texts.keepMine
          ),
          h(
            'button',
            { type: 'button', onclick: () => drafts.settle(id, field, false) },
            texts.takeTheirs
          )
        )
      )
    } else if (draft?.fault !== undefined) {
      const { words, detail } = explain(draft.fault)
      const passes = isPassing(draft.fault) ? ` ${texts.triedAgain}` : ''
      box.replaceChildren(
        h('p', {}, `${texts.notSaved} ${words}${passes}`),
        ...(detail === '' ? [] : [h('p', { class: 'small', lang: 'en' }, detail)]),
        h('button', { type: 'button', onclick: () => void drafts.save(id, field) }, texts.tryAgain)
      )
    } else box.replaceChildren()
  }

  /**
   * Setting the same value would move the caret. @param {HTMLInputElement} input @param {string}
   * value
   */
  const put = (input, value) => {
    if (input.value !== value) input.value = value
  }
  /** How far what is typed is saved. @param {readonly Draft[]} pending */
  const progress = (pending) => {
    if (pending.some(({ saving }) => saving)) return texts.saving
    if (pending.some(({ value, base }) => !same(value, base))) return texts.unsaved
    return saved ? texts.saved : ''
  }
  const render = () => {
    if (!lead) return
    const { id, whatsapp_name } = lead
    put(note, valueOf('note'))
    put(select, valueOf('state'))
    put(assignee, valueOf('assignee') ?? '')
    put(name, valueOf('name') ?? '')
    name.placeholder = whatsapp_name ?? texts.nameHint
    tags.show(valueOf('tags'))
    const pending = fields
      .map((field) => drafts.get(id, field))
      .filter((draft) => draft !== undefined)
    say(status, progress(pending))
    for (const field of fields) renderNote(field)
  }

  note.addEventListener('input', () => change('note', note.value))
  note.addEventListener('change', () => save('note'))
  select.addEventListener('change', () => {
    change('state', select.value)
    save('state')
  })
  for (const [field, input] of /** @type {const} */ ([
    ['assignee', assignee],
    ['name', name]
  ])) {
    input.addEventListener('input', () =>
      change(field, input.value.trim() === '' ? null : input.value.trimStart())
    )
    input.addEventListener('change', () => save(field))
  }
  byId('lead-form').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault()
    if (lead) void drafts.flush(lead.id)
  })

  return {
    drafts,
    /** @param {Lead} shown */
    show: (shown) => {
      if (lead && lead.id !== shown.id) {
        tags.commit()
        void drafts.flush(lead.id)
        saved = false
      }
      lead = shown
      remember(shown)
      drafts.told(shown)
      select.replaceChildren(
        ...states.map((state) => h('option', { value: state }, texts.stateOf[state]))
      )
      render()
    },
    /** The lead as the hub has it now, of the one that is shown. @param {Lead} now */
    update: (now) => {
      lead = now
      drafts.told(now)
      render()
    },
    /** Saves what is typed now, as before leaving. */
    flush: () => {
      tags.commit()
      return drafts.flush()
    }
  }
}
