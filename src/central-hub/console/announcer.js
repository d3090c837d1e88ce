import { byId } from './dom.js'
import { fill, texts } from './texts.js'

/** Announces news to screen readers: all names of half a second in one sentence. */

const momentMs = 500

export const createAnnouncer = () => {
  const line = byId('announcer')
  /** @type {Map<number, string>} */
  let names = new Map()
  const announce = () => {
    const [first = '', ...others] = names.values()
    line.textContent =
      others.length === 0
        ? fill(texts.newFrom, { name: first })
        : fill(texts.newFromMany, { count: names.size })
    names = new Map()
  }
  return {
    /** @param {string} text */
    say: (text) => {
      line.textContent = text
    },
    /** Somebody wrote. @param {number} id @param {string} name */
    wrote: (id, name) => {
      if (names.size === 0) setTimeout(announce, momentMs)
      names.set(id, name)
    }
  }
}
