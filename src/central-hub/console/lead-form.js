import { byId, h, say } from './dom.js'
import { Drafts, isPassing, saidOf, same } from './drafts.js'
import { remember } from './known.js'
import { states } from './lead.js'
import { TagField } from './tag-field.js'
import { explain, texts } from './texts.js'
import { renderUnsaved } from './unsaved.js'

/** @typedef {import('../../contract/lead.ts').Lead} Lead */
/** @typedef {import('./drafts.js').Field} Field */
/** @typedef {import('./drafts.js').Draft} Draft */

/**
 * What the team enters about the lead that is open: state, assignee, tags, note, name. Each change
 * is saved when the field is left.
 */

const fields = /** @type {const} */ (['state', 'assignee', 'tags', 'note', 'name'])

/** Equal for equal messages below a field. @param {Draft | undefined} draft */
const faultKey = (draft) => {
  if (draft?.conflict) return JSON.stringify(['conflict', draft.theirs, texts.keepMine])
  return draft?.error === undefined ? '' : JSON.stringify([explain(draft.error), texts.tryAgain])
}

/** @param {Field} field @param {unknown} value */
const written = (field, value) => {
  if (field === 'state') return texts.stateOf[/** @type {Lead['state']} */ (value)]
  return value === null || value === '' ? texts.emptyNow : String(value)
}

/**
 * Setting the same value would move the caret.
 * @param {HTMLInputElement} input @param {string} value
 */
const put = (input, value) => {
  if (input.value !== value) input.value = value
}

/** @param {string} text @param {() => void} onclick */
const button = (text, onclick) => h('button', { type: 'button', onclick }, text)

export class LeadForm {
  #onSaved
  /** @type {Lead | undefined} */
  #lead
  /** Whether the last change of this lead was saved. */
  #isSaved = false
  #status = byId('lead-saved')
  #inputs = {
    state: byId('lead-state'),
    assignee: byId('lead-assignee'),
    tags: byId('lead-tag'),
    note: byId('lead-note'),
    name: byId('lead-given-name')
  }
  #tags = new TagField((tags) => {
    this.#change('tags', tags)
    this.#save('tags')
  })

  /** @param {(lead: Lead) => void} onSaved gets the hub's answer to a change */
  constructor(onSaved) {
    this.#onSaved = onSaved
    this.drafts = new Drafts({
      onSaved: (lead) => {
        this.#isSaved = this.#lead?.id === lead.id
        this.#onSaved(lead)
      },
      onChange: () => {
        renderUnsaved(this.drafts.unsaved())
        this.#render()
      }
    })
    this.#listen()
  }

  /** @param {Lead} lead */
  show(lead) {
    if (this.#lead && this.#lead.id !== lead.id) {
      this.#tags.commit()
      void this.drafts.flush(this.#lead.id)
      this.#isSaved = false
    }
    this.#lead = lead
    remember(lead)
    this.drafts.apply(lead)
    const options = states.map((state) => h('option', { value: state }, texts.stateOf[state]))
    this.#inputs.state.replaceChildren(...options)
    this.#render()
  }

  /** Shows the lead that is open as the hub has it now. @param {Lead} lead */
  update(lead) {
    this.#lead = lead
    this.drafts.apply(lead)
    this.#render()
  }

  /** @param {boolean} isReadOnly the person may not change leads */
  setReadOnly(isReadOnly) {
    const { state, ...typed } = this.#inputs
    state.disabled = isReadOnly
    for (const input of Object.values(typed)) input.readOnly = isReadOnly
  }

  /** Saves all typed text, such as before leaving. */
  flush() {
    this.#tags.commit()
    return this.drafts.flush()
  }

  #listen() {
    const { state, assignee, note, name } = this.#inputs
    note.addEventListener('input', () => this.#change('note', note.value))
    note.addEventListener('change', () => this.#save('note'))
    state.addEventListener('change', () => {
      this.#change('state', state.value)
      this.#save('state')
    })
    for (const [field, input] of /** @type {const} */ ([
      ['assignee', assignee],
      ['name', name]
    ])) {
      input.addEventListener('input', () =>
        this.#change(field, input.value.trim() === '' ? null : input.value.trimStart())
      )
      input.addEventListener('change', () => this.#save(field))
    }
    byId('lead-form').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      if (this.#lead) void this.drafts.flush(this.#lead.id)
    })
  }

  /** @param {Field} field */
  #valueOf(field) {
    if (!this.#lead) return undefined
    return (this.drafts.get(this.#lead.id, field) ?? { value: saidOf(this.#lead, field) }).value
  }

  /** @param {Field} field @param {unknown} value */
  #change(field, value) {
    if (!this.#lead) return
    this.#isSaved = false
    this.drafts.set(this.#lead.id, field, value, saidOf(this.#lead, field))
  }

  /** @param {Field} field */
  #save(field) {
    if (this.#lead) void this.drafts.save(this.#lead.id, field)
  }

  #render() {
    if (!this.#lead) return
    const { id, whatsapp_name } = this.#lead
    const { state, assignee, note, name } = this.#inputs
    put(note, this.#valueOf('note'))
    put(state, this.#valueOf('state'))
    put(assignee, this.#valueOf('assignee') ?? '')
    put(name, this.#valueOf('name') ?? '')
    name.placeholder = whatsapp_name ?? texts.nameHint
    this.#tags.show(this.#valueOf('tags'))
    const drafts = fields.map((field) => this.drafts.get(id, field))
    say(this.#status, this.#progress(drafts.filter((draft) => draft !== undefined)))
    for (const field of fields) this.#renderFault(id, field)
  }

  /** Whether the typed text is saved, in words. @param {readonly Draft[]} drafts */
  #progress(drafts) {
    if (drafts.some(({ isSaving }) => isSaving)) return texts.saving
    if (drafts.some(({ value, base }) => !same(value, base))) return texts.unsaved
    return this.#isSaved ? texts.saved : ''
  }

  /** @param {number} id @param {Field} field */
  #renderFault(id, field) {
    const draft = this.drafts.get(id, field)
    const box = byId(`lead-${field}-fault`)
    const key = faultKey(draft)
    // A screen reader reads an alert aloud each time it is made.
    if (box.dataset.key === key) return
    box.dataset.key = key
    // The buttons of the note are removed: the focus stays with its field.
    if (box.contains(document.activeElement)) this.#inputs[field].focus()
    box.replaceChildren(...this.#faultNodes(id, field, draft))
  }

  /** @param {number} id @param {Field} field @param {Draft | undefined} draft @returns {Node[]} */
  #faultNodes(id, field, draft) {
    if (draft?.conflict)
      return [
        h('p', {}, texts.changedElsewhere),
        h('blockquote', { dir: 'auto' }, written(field, draft.theirs)),
        h(
          'p',
          { class: 'buttons' },
          button(texts.keepMine, () => this.drafts.resolve(id, field, true)),
          button(texts.takeTheirs, () => this.drafts.resolve(id, field, false))
        )
      ]
    if (draft?.error === undefined) return []
    const { words, detail } = explain(draft.error)
    const passes = isPassing(draft.error) ? ` ${texts.triedAgain}` : ''
    return [
      h('p', {}, `${texts.notSaved} ${words}${passes}`),
      ...(detail === '' ? [] : [h('p', { class: 'small', lang: 'en' }, detail)]),
      button(texts.tryAgain, () => void this.drafts.save(id, field))
    ]
  }
}
