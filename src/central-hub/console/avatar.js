import { h } from './dom.js'

/** The initials of a lead, in a colour of its own, beside its name. */

const tones = 6
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** @param {string} word */
const firstOf = (word) => segmenter.segment(word)[Symbol.iterator]().next().value?.segment ?? ''

/** `AG` of Ana García, `#` of somebody without a name. @param {string | null} name */
export const initialsOf = (name) => {
  const words = (name ?? '')
    .split(/\s+/u)
    .filter((word) => /^[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word))
  const [first = '', last = ''] = words.length > 1 ? [words[0], words.at(-1)] : words
  return (firstOf(first) + firstOf(last)).toUpperCase() || '#'
}

/**
 * It says nothing that the name does not: the style sheet draws it, and nobody reads it aloud.
 * @param {number} id of the lead
 */
export const makeAvatar = (id) =>
  h('span', { class: 'avatar', 'aria-hidden': 'true', 'data-tone': id % tones })

/** @param {HTMLElement} avatar @param {string | null} name */
export const writeAvatar = (avatar, name) => {
  avatar.dataset['initials'] = initialsOf(name)
}
