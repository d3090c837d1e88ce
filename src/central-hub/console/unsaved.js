import { byId, h } from './dom.js'
import { leadAddress } from './route.js'
import { fill, texts } from './texts.js'

/**
 * What a person changed and the hub does not have yet: kept over a reload of the page, and said at
 * its top.
 */

/** @typedef {{ id: number, isConflict: boolean }} Unsaved a change of a lead */

/** Of this tab alone, and gone with it. */
const name = 'leadmaster-unsaved'

/** @returns {unknown} undefined when there is nothing */
export const readUnsaved = () => {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? 'null') ?? undefined
  } catch {
    return undefined // The browser has no such store, or it holds something else.
  }
}

/** @param {unknown} drafts undefined: there are none */
export const keepUnsaved = (drafts) => {
  try {
    if (drafts === undefined) sessionStorage.removeItem(name)
    else sessionStorage.setItem(name, JSON.stringify(drafts))
  } catch {
    // Without a store, or in one that is full, they are kept as long as the page is open.
  }
}

/** @param {readonly Unsaved[]} unsaved those that were to be saved, and are not */
export const renderUnsaved = (unsaved) => {
  const line = byId('unsaved')
  const conflict = unsaved.find(({ isConflict }) => isConflict)
  const [first] = unsaved
  const text =
    unsaved.length === 0
      ? ''
      : `${fill(texts.unsavedChanges, { count: unsaved.length })} ` +
        `${conflict ? texts.unsavedConflict : texts.unsavedRetried}`
  const to = first && leadAddress((conflict ?? first).id, true)
  const key = `${text}\n${to}`
  if (line.dataset.key === key) return
  line.dataset.key = key
  line.replaceChildren(
    text,
    ...(to === undefined ? [] : [' ', h('a', { href: to }, texts.unsavedShow)])
  )
}
