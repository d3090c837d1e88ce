import { arrange, byId, h } from './dom.js'
import { spellingOf } from './known.js'
import { fill, texts } from './texts.js'

/**
 * The tags of a lead. Each can be removed. Typed text becomes a tag by Enter, a comma, or leaving
 * the field.
 */

export class TagField {
  #onChange
  #list = byId('lead-tags')
  #input = byId('lead-tag')
  /** @type {string[]} */
  #tags = []
  /** @type {Map<string, HTMLElement>} */
  #chips = new Map()

  /** @param {(tags: string[]) => void} onChange gets all tags that the lead is to have */
  constructor(onChange) {
    this.#onChange = onChange
    this.#input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) =>
      this.#onKey(event)
    )
    this.#input.addEventListener('change', () => this.commit())
  }

  /** @param {string[]} tags */
  show(tags) {
    this.#tags = tags
    for (const tag of this.#chips.keys()) if (!tags.includes(tag)) this.#chips.delete(tag)
    arrange(
      this.#list,
      tags.map((tag) => this.#chip(tag))
    )
    this.#list.hidden = tags.length === 0
  }

  /** Makes a tag of the typed text, such as before leaving the lead. */
  commit() {
    const typed = /** @type {string[]} */ (this.#input.value.split(','))
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '')
      .map((tag) => spellingOf(tag, this.#tags))
    this.#input.value = ''
    const wanted = [...new Set([...this.#tags, ...typed])].sort()
    if (wanted.length > this.#tags.length) this.#onChange(wanted)
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.isComposing || this.#input.readOnly) return
    if (event.key === 'Enter' || event.key === ',') {
      event.preventDefault()
      this.commit()
    } else if (event.key === 'Backspace' && this.#input.value === '' && this.#tags.length > 0)
      this.#remove(this.#tags.at(-1) ?? '')
  }

  /** @param {string} tag */
  #remove(tag) {
    // The focus moves to the neighbour of the removed tag.
    const neighbour = this.#tags[this.#tags.indexOf(tag) + 1] ?? this.#tags.at(-2) ?? ''
    const next = this.#chips.get(neighbour)?.querySelector('button') ?? this.#input
    this.#onChange(this.#tags.filter((other) => other !== tag))
    next.focus()
  }

  /** @param {string} tag */
  #chip(tag) {
    const chip =
      this.#chips.get(tag) ??
      h(
        'li',
        { class: 'tag' },
        h('bdi', {}, tag),
        h(
          'button',
          {
            type: 'button',
            class: 'bare',
            'data-needs': 'leads.write',
            onclick: () => this.#remove(tag)
          },
          h('span', { 'aria-hidden': 'true' }, '×')
        )
      )
    this.#chips.set(tag, chip)
    chip.querySelector('button')?.setAttribute('aria-label', fill(texts.removeTag, { tag }))
    return chip
  }
}
