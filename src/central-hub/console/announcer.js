import { byId } from './dom.js'
import { texts } from './texts.js'

/**
 * What a screen reader is told of what happens elsewhere in the page: news of a moment in one
 * sentence.
 */

const momentMs = 500

export const createAnnouncer = () => {
  const line = byId('announcer')
  /** @type {Map<number, string>} */
  let names = new Map()
  const tell = () => {
    const [first = '', ...others] = names.values()
    line.textContent = others.length === 0 ? texts.newFrom(first) : texts.newFromMany(names.size)
    names = new Map()
  }
  return {
    /** @param {string} text */
    say: (text) => {
      line.textContent = text
    },
    /** Somebody wrote. @param {number} id @param {string} name */
    wrote: (id, name) => {
      if (names.size === 0) setTimeout(tell, momentMs)
      names.set(id, name)
    }
  }
}
