import { api } from './api.js'
import { act } from './dialog.js'
import { byId, h, say } from './dom.js'
import { errorNote } from './error.js'
import { dateTime } from './format.js'
import { nameOf } from './lead.js'
import { fill, texts } from './texts.js'

/** Actions that cannot be undone: merging a lead with another, deleting it. Both ask first. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

const searchAfterMs = 250
/** How many leads are shown to choose from. */
const searched = 50

/** The text that tells leads of one name apart. @param {Lead} lead */
const aboutOther = ({ name, phone_display, last_seen_at }) => {
  const number = phone_display ?? texts.unknownName
  return [
    name === null ? '' : number,
    fill(texts.lastSeenAt, { at: dateTime(new Date(last_seen_at)) })
  ]
    .filter(Boolean)
    .join(' · ')
}

/** @param {Lead} lead */
const choice = (lead) =>
  h(
    'label',
    { class: 'choice' },
    h('input', { type: 'radio', name: 'other', value: lead.id }),
    h(
      'span',
      {},
      h('bdi', {}, nameOf(lead)),
      h('span', { class: 'small muted' }, ` ${aboutOther(lead)}`)
    )
  )

/** Merges the lead that is open with another lead that the person chooses. */
export class MergeDialog {
  #lead
  #onMerged
  #dialog = byId('merge')
  #query = byId('merge-q')
  #results = byId('merge-results')
  /** The number of the latest search: answers to earlier ones are dropped. */
  #searches = 0
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing

  /**
   * @param {object} options
   * @param {() => Lead | undefined} options.lead
   * @param {(lead: Lead, other: number) => void} options.onMerged
   */
  constructor({ lead, onMerged }) {
    this.#lead = lead
    this.#onMerged = onMerged
    this.#dialog.querySelector('[value=no]')?.addEventListener('click', () => this.#dialog.close())
    this.#query.addEventListener('input', () => {
      clearTimeout(this.#typing)
      this.#typing = setTimeout(() => void this.#search(), searchAfterMs)
    })
    byId('ask-merge').addEventListener('click', () => this.#open())
    byId('merge-form').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      this.#submit()
    })
  }

  #open() {
    this.#query.value = ''
    this.#results.replaceChildren()
    this.#dialog.querySelector('.outcome').replaceChildren()
    void this.#search()
    this.#dialog.showModal()
  }

  async #search() {
    this.#searches += 1
    const search = this.#searches
    const isCurrent = () => search === this.#searches
    const lead = this.#lead()
    /** @type {import('./api.js').LeadQuery} */
    const query = { q: this.#query.value.trim(), limit: searched }
    if (lead) query.account = lead.account
    try {
      const { leads } = await api.foundLeads(query, isCurrent)
      if (!isCurrent()) return
      const others = leads.filter(({ id }) => id !== lead?.id)
      this.#results.replaceChildren(...others.map(choice))
      if (others.length === 0)
        this.#results.replaceChildren(h('p', { class: 'muted' }, texts.noMatch))
    } catch (error) {
      if (isCurrent()) this.#results.replaceChildren(errorNote(error, () => void this.#search()))
    }
  }

  #submit() {
    const lead = this.#lead()
    const other = Number(this.#results.querySelector(':checked')?.value)
    if (!lead) return
    if (!other)
      return this.#dialog
        .querySelector('.outcome')
        .replaceChildren(h('p', { class: 'error', role: 'alert' }, texts.mergePick))
    void act(this.#dialog, async () => this.#onMerged(await api.merge(lead.id, other), other))
  }
}

/** Deletes the lead that is open, after the person typed a word. */
export class DeleteDialog {
  #lead
  #onRemoved
  #dialog = byId('remove')
  #word = byId('remove-word')
  #yes = byId('remove-yes')
  /** The lead that the dialog was opened for. @type {Lead | undefined} */
  #asked
  /**
   * The lead that this page is deleting: its event may come before the answer.
   * @type {number | undefined}
   */
  #deletingId

  /** @param {{ lead: () => Lead | undefined, onRemoved: (id: number) => void }} options */
  constructor({ lead, onRemoved }) {
    this.#lead = lead
    this.#onRemoved = onRemoved
    this.#dialog.querySelector('[value=no]')?.addEventListener('click', () => this.#dialog.close())
    this.#word.addEventListener('input', () => this.#enable())
    byId('ask-remove').addEventListener('click', () => this.#open())
    byId('remove-form').addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault()
      this.#submit()
    })
  }

  /** Whether this page is deleting a lead now. @param {number} id */
  isDeleting(id) {
    return id === this.#deletingId
  }

  #isTyped() {
    return this.#word.value.trim().toUpperCase() === texts.removeWord
  }

  #enable() {
    this.#yes.disabled = !this.#isTyped()
  }

  #open() {
    this.#asked = this.#lead()
    if (!this.#asked) return
    const { name, phone_display } = this.#asked
    const number = name !== null && phone_display
    say(byId('remove-who'), [nameOf(this.#asked), number].filter(Boolean).join(' · '))
    say(byId('remove-label'), fill(texts.removeType, { word: texts.removeWord }))
    this.#word.value = ''
    this.#dialog.querySelector('.outcome').replaceChildren()
    this.#enable()
    this.#dialog.showModal()
  }

  #submit() {
    const { id } = this.#asked ?? {}
    if (id === undefined || !this.#isTyped()) return
    void act(this.#dialog, async () => {
      this.#deletingId = id
      try {
        await api.deleteLead(id)
        this.#onRemoved(id)
      } finally {
        this.#deletingId = undefined
      }
    })
  }
}
