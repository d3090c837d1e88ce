import { api } from './api.js'
import { byId, h } from './dom.js'
import { fold } from './fold.js'

/** Tags and people of leads, which the fields propose. */

/** @typedef {import('../../contract/lead.ts').Lead} Lead */

const known = { tags: new Set(), assignees: new Set() }

/** @param {'tags' | 'assignees'} which @param {string} value */
const add = (which, value) => {
  if (known[which].has(value)) return
  known[which].add(value)
  byId(`known-${which}`).append(h('option', { value }))
}

/** @param {Lead} lead */
export const remember = ({ tags, assignee }) => {
  for (const tag of tags) add('tags', tag)
  if (assignee !== null) add('assignees', assignee)
}

/**
 * The spelling of a tag that exists already: `VIP` and `vip` are one tag.
 * @param {string} tag @param {readonly string[]} [own] tags of the lead
 */
export const spellingOf = (tag, own = []) =>
  [...own, ...known.tags].find((other) => fold(other) === fold(tag)) ?? tag

/** Reads all tags and people from the hub. */
export const readKnown = async () => {
  const { tags, assignees } = await api.tags()
  for (const { tag } of tags) add('tags', tag)
  for (const { assignee } of assignees) add('assignees', assignee)
}
