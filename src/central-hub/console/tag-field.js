import { arrange, byId, h } from './dom.js'
import { spellingOf } from './known.js'
import { texts } from './texts.js'

/**
 * The tags of a lead: each can be taken off; what is typed becomes one by Enter, a comma, or
 * leaving the field.
 */

/** @param {(tags: string[]) => void} onChange all of them, as they are to be */
export const createTagField = (onChange) => {
  const list = byId('lead-tags')
  const input = byId('lead-tag')
  /** @type {string[]} */
  let tags = []
  /** @type {Map<string, HTMLElement>} */
  const chips = new Map()

  /** @param {string} tag */
  const remove = (tag) => {
    // the focus goes on from where it was
    const next =
      chips.get(tags[tags.indexOf(tag) + 1] ?? tags.at(-2) ?? '')?.querySelector('button') ?? input
    onChange(tags.filter((other) => other !== tag))
    next.focus()
  }
  /** @param {string} tag */
  const chip = (tag) => {
    const made =
      chips.get(tag) ??
      h(
        'li',
        { class: 'tag' },
        h('bdi', {}, tag),
        h(
          'button',
          { type: 'button', class: 'bare', onclick: () => remove(tag) },
          h('span', { 'aria-hidden': 'true' }, '×')
        )
      )
    chips.set(tag, made)
    made.querySelector('button')?.setAttribute('aria-label', texts.removeTag(tag))
    return made
  }
  const commit = () => {
    const typed = /** @type {string[]} */ (input.value.split(','))
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '')
      .map((tag) => spellingOf(tag, tags))
    input.value = ''
    const wanted = [...new Set([...tags, ...typed])].sort()
    if (wanted.length > tags.length) onChange(wanted)
  }

  input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing) return
    if (event.key === 'Enter' || event.key === ',') {
      event.preventDefault()
      commit()
    } else if (event.key === 'Backspace' && input.value === '' && tags.length > 0)
      remove(tags.at(-1) ?? '')
  })
  input.addEventListener('change', commit)

  return {
    /** @param {string[]} now */
    show: (now) => {
      tags = now
      for (const tag of chips.keys()) if (!now.includes(tag)) chips.delete(tag)
      arrange(list, now.map(chip))
      list.hidden = now.length === 0
    },
    /** What is typed becomes a tag, as before leaving. */
    commit
  }
}
