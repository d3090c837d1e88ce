import { api } from './api.js'
import { byId, say } from './dom.js'
import { explain, texts } from './texts.js'

/** The form that asks for the token. */

const remembered = 'leadmaster-signed-in'

/**
 * Whether this browser was signed in when it was here last. Scripts cannot read the cookie of the
 * sign-in; by this mark the page knows without asking the hub whether to begin with the list or
 * with the form.
 */
export const signInMark = {
  isSet: () => localStorage.getItem(remembered) !== null,
  set: () => localStorage.setItem(remembered, 'yes'),
  remove: () => localStorage.removeItem(remembered)
}

/** @param {() => void} onSignedIn */
export const createSignIn = (onSignedIn) => {
  const [token, error] = [byId('token'), byId('sign-in-error')]
  byId('sign-in-form').addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault()
    error.textContent = ''
    token.removeAttribute('aria-invalid')
    try {
      await api.signIn(token.value.trim())
    } catch (fault) {
      const { words, detail } = explain(fault)
      const wrong = /** @type {{ kind?: string }} */ (fault).kind === 'unauthorized'
      error.textContent = wrong ? texts.signInWrong : `${words} ${detail}`
      token.setAttribute('aria-invalid', 'true')
      token.select()
      return
    }
    token.value = ''
    onSignedIn()
  })
  return {
    /** @param {boolean} wasIn whether this page was signed in before */
    ask: (wasIn) => {
      say(byId('sign-in-why'), wasIn ? texts.signedOut : '')
      token.focus()
    }
  }
}
