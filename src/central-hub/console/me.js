import { api } from './api.js'
import { byId, say } from './dom.js'

/**
 * Who is signed in, and what the hub lets that person do. Elements with `data-needs` are shown only
 * to a person who has that scope. The hub itself refuses what the page does not offer.
 */

/** @typedef {import('../../contract/team.ts').Me} Me */
/** @typedef {import('../../contract/access.ts').Scope} Scope */

/** @type {Me | undefined} */
let me

/** Undefined until the hub has said it. */
export const whoIsIn = () => me

/** @param {Scope} scope */
export const may = (scope) => me?.scopes.includes(scope) ?? false

/** Writes who is signed in into the header, and shows what that person may use. */
const render = () => {
  say(byId('who'), me?.name ?? '')
  document.documentElement.dataset['may'] = me?.scopes.join(' ') ?? ''
}

/** Asks the hub who is signed in. @returns {Promise<boolean>} whether the answer is another one */
export const readMe = async () => {
  const before = JSON.stringify(me)
  me = await api.me()
  render()
  return JSON.stringify(me) !== before
}
