import { h } from './dom.js'
import { fold } from './fold.js'

/**
 * What a search found in a text, shown by `mark`. It compares as the hub does: without case and
 * accents.
 */

/** @typedef {[start: number, end: number]} Range */

/**
 * A text without case and accents, and where each character of that came from. @param {string} text
 */
const foldWithPlaces = (text) => {
  /** @type {number[]} */
  const places = []
  let folded = ''
  let at = 0
  for (const character of text) {
    const plain = fold(character)
    for (let index = 0; index < plain.length; index += 1) places.push(at)
    folded += plain
    at += character.length
  }
  places.push(at)
  return { folded, places }
}

/** @param {string | undefined} character */
const isWordly = (character) => character !== undefined && /[\p{L}\p{N}]/u.test(character)

/** @param {ReturnType<typeof foldWithPlaces>} text @param {string} word @returns {Range[]} */
const findWord = ({ folded, places }, word) => {
  /** @type {Range[]} */
  const ranges = []
  for (let at = folded.indexOf(word); at !== -1; at = folded.indexOf(word, at + word.length)) {
    // The hub finds words from their beginning; a sign or a syllable of other writing is found
    // anywhere.
    if (isWordly(folded[at - 1]) && /^[\p{Script=Latin}\p{N}]/u.test(word) && word.length < 3)
      continue
    ranges.push([places[at] ?? 0, places[at + word.length] ?? 0])
  }
  return ranges
}

/**
 * Digits that go over spaces and signs, as in a phone number. @param {string} text @param {string}
 * digits @returns {Range[]}
 */
const findDigits = (text, digits) => {
  const found = new RegExp([...digits].join('[\\s().-]*')).exec(text)
  return found === null ? [] : [[found.index, found.index + found[0].length]]
}

/**
 * Where a text has what was searched for, from left to right. @param {string} text @param {string}
 * q @returns {Range[]}
 */
export const findTerms = (text, q) => {
  const folded = foldWithPlaces(text)
  const words = foldWithPlaces(q)
    .folded.split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
  const digits = q.replace(/\D/g, '')
  const found = words.flatMap((word) => findWord(folded, word))
  if (digits.length >= 3 && /^[\d\s()+.-]+$/.test(q)) found.push(...findDigits(text, digits))
  /** @type {Range[]} */
  const merged = []
  for (const [start, end] of found.sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1)
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end)
    else merged.push([start, end])
  }
  return merged
}

/**
 * A text with what was found in it marked. @param {string} text @param {string} q @returns {(string
 * | HTMLElement)[]}
 */
export const marked = (text, q) => {
  /** @type {(string | HTMLElement)[]} */
  const nodes = []
  let plain = 0
  for (const [start, end] of q === '' ? [] : findTerms(text, q)) {
    nodes.push(text.slice(plain, start), h('mark', {}, text.slice(start, end)))
    plain = end
  }
  nodes.push(text.slice(plain))
  return nodes.filter((node) => node !== '')
}

/** Marks what was found in the texts of an element. @param {Element} element @param {string} q */
export const markIn = (element, q) => {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  /** @type {Text[]} */
  const texts = []
  while (walker.nextNode()) texts.push(/** @type {Text} */ (walker.currentNode))
  for (const text of texts) text.replaceWith(...marked(text.data, q))
}
